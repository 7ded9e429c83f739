"""Records as components of the document."""

import inspect
from collections.abc import Iterable
from typing import get_args, get_origin

import msgspec

from mainspring.interface.openapi.fields import JsonSchema

__all__ = ["component_of", "schemas_of"]

_COMPONENTS = "#/components/schemas/"


def schemas_of(records: Iterable[type]) -> dict[str, JsonSchema]:
    """The schemas of these records, and of those that they hold, by name."""
    kinds = [kind for kind in dict.fromkeys(records) if kind is not dict]
    _, schemas = msgspec.json.schema_components(
        kinds, schema_hook=_any_value, ref_template=_COMPONENTS + "{name}"
    )
    return {name: _readable(schema) for name, schema in schemas.items()}


def component_of(record: type | str) -> JsonSchema:
    """Where a component stands; any object where nothing describes it, of a list its items."""
    if record is dict:
        return {"type": "object"}
    if get_origin(record) is list:
        [item] = get_args(record)
        return {"type": "array", "items": component_of(item)}
    return {"$ref": _COMPONENTS + (record if isinstance(record, str) else record.__name__)}


def _any_value(_: type) -> dict[str, object]:
    """A field that holds what JSON holds; an empty schema, which msgspec does not take."""
    return {"description": "any value"}


def _readable(schema: JsonSchema) -> JsonSchema:
    """The schema with the docstring of its record as a text."""
    says = schema.get("description")
    return {**schema, "description": inspect.cleandoc(says)} if isinstance(says, str) else schema
