"""JSON Schema as types of TypeScript.

What a type of TypeScript cannot say (ranges, lengths, formats) is left to the server.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from mainspring.interface.openapi.fields import JsonSchema

__all__ = ["comment_lines", "declaration_of", "type_name", "type_of"]

_PLAIN = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")


def type_name(component: str) -> str:
    """What a component is called.

    >>> type_name("late_delivery_row"), type_name("Prediction")
    ('LateDeliveryRow', 'Prediction')
    """
    words = [word for word in re.split(r"[^A-Za-z0-9]+", component) if word]
    name = "".join(word[:1].upper() + word[1:] for word in words)
    return name if name[:1].isalpha() else f"T{name}"


def type_of(schema: JsonSchema) -> str:
    """The type of the values that fit a schema.

    >>> type_of({"type": ["string", "null"]}), type_of({"type": "array", "items": {}})
    ('string | null', 'Array<unknown>')
    >>> type_of({"anyOf": [{"$ref": "#/components/schemas/a_b"}, {"type": "null"}]})
    'AB | null'
    """
    match schema:
        case {"$ref": str(reference)}:
            return type_name(reference.rpartition("/")[2])
        case {"enum": list() as values}:
            return _union(json.dumps(value) for value in values)
        case {"const": value}:
            return json.dumps(value)
        case {"anyOf": list() as parts} | {"oneOf": list() as parts}:
            return _union(type_of(part) for part in parts)
        case {"type": list() as kinds}:
            return _union(_of_kind(str(kind), schema) for kind in kinds)
        case {"type": str(kind)}:
            return _of_kind(kind, schema)
        case _:
            return "unknown"


def declaration_of(name: str, schema: JsonSchema) -> list[str]:
    """The lines that declare a component."""
    lines = comment_lines(str(schema.get("description", "")), indent="")
    if schema.get("type") == "object" and schema.get("properties"):
        return [*lines, f"export interface {type_name(name)} {{", *_members(schema), "}", ""]
    return [*lines, f"export type {type_name(name)} = {type_of(schema)};", ""]


def comment_lines(text: str, *, indent: str) -> list[str]:
    """A text as a comment of documentation."""
    said = [line.rstrip() for line in text.replace("*/", "* /").splitlines()]
    if not any(said):
        return []
    return [f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in said), f"{indent} */"]


def _of_kind(kind: str, schema: JsonSchema) -> str:
    if kind == "array":
        return _array(schema)
    if kind == "object":
        return _object(schema)
    return _PLAIN.get(kind, "unknown")


def _array(schema: JsonSchema) -> str:
    match schema:
        case {"prefixItems": list() as parts}:
            return f"[{', '.join(type_of(part) for part in parts)}]"
        case {"items": Mapping() as items}:
            return f"Array<{type_of(items)}>"
        case _:
            return "Array<unknown>"


def _object(schema: JsonSchema) -> str:
    if schema.get("properties"):
        return "{ " + " ".join(line.strip() for line in _members(schema)) + " }"
    values = schema.get("additionalProperties")
    kind = type_of(cast("JsonSchema", values)) if isinstance(values, Mapping) else "unknown"
    return f"Record<string, {kind}>"


def _members(schema: JsonSchema) -> list[str]:
    required = cast("Sequence[str]", schema.get("required", ()))
    fields = cast("Mapping[str, JsonSchema]", schema["properties"])
    return [
        f"  {_key(name)}{'' if name in required else '?'}: {type_of(field)};"
        for name, field in fields.items()
    ]


def _key(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) else json.dumps(name)


def _union(parts: Iterable[str]) -> str:
    return " | ".join(dict.fromkeys(parts)) or "never"
