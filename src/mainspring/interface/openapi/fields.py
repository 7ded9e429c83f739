"""Request fields as JSON Schema, and rows that fit them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from mainspring.elements.schema import DType, Field, Schema

__all__ = ["JsonSchema", "example_row", "row_schema"]

JsonSchema = Mapping[str, object]

_OF_TYPE: Mapping[DType, JsonSchema] = MappingProxyType(
    {
        DType.STRING: {"type": ["string", "null"]},
        DType.BOOLEAN: {"type": ["boolean", "null"]},
        DType.INT64: {
            "type": ["integer", "null"],
            "format": "int64",
            "minimum": -(2**63),
            "maximum": 2**63 - 1,
        },
        DType.UINT64: {"type": ["integer", "null"], "minimum": 0, "maximum": 2**64 - 1},
        DType.FLOAT64: {"type": ["number", "null"], "format": "double"},
        DType.TIMESTAMP: {
            "type": ["string", "integer", "null"],
            "format": "date-time",
            "description": "an instant: ISO 8601 with its offset, or microseconds since 1970, UTC",
        },
        DType.DURATION: {"type": ["integer", "null"], "description": "microseconds"},
        DType.DECIMAL: {"type": ["string", "number", "null"]},
        DType.BYTES: {"type": ["string", "null"], "contentEncoding": "base64"},
        DType.TIME: {"type": ["string", "null"], "description": "a time of day, such as 18:30:00"},
    }
)
_EXAMPLES: Mapping[DType, object] = MappingProxyType(
    {
        DType.STRING: "text",
        DType.BOOLEAN: True,
        DType.INT64: 1,
        DType.UINT64: 1,
        DType.FLOAT64: 1.5,
        DType.TIMESTAMP: "2026-01-01T12:00:00Z",
        DType.DURATION: 60_000_000,
        DType.DECIMAL: "1.50",
        DType.BYTES: "AAE=",
        DType.TIME: "12:00:00",
    }
)
_LISTS: Mapping[DType, DType] = MappingProxyType(
    {
        DType.LIST_INT64: DType.INT64,
        DType.LIST_FLOAT64: DType.FLOAT64,
        DType.LIST_BOOLEAN: DType.BOOLEAN,
        DType.LIST_STRING: DType.STRING,
        DType.LIST_TIMESTAMP: DType.TIMESTAMP,
    }
)


def row_schema(request: Schema, optional: Schema, *, title: str) -> JsonSchema:
    """The JSON Schema of a row of a request.

    Args:
        request: fields that every row has, with null where there is no value.
        optional: fields that a row may have.

    >>> row_schema(Schema.of(shop=DType.STRING), Schema.of(), title="Row")["required"]
    ['shop']
    """
    fields: dict[str, JsonSchema] = {field.name: _schema_of(field) for field in request}
    for field in optional:
        fields.setdefault(field.name, _schema_of(field))
    return {
        "title": title,
        "type": "object",
        "properties": fields,
        "required": [field.name for field in request],
    }


def example_row(fields: Iterable[Field]) -> dict[str, object]:
    """A row that fits the schema, made up.

    >>> example_row(Schema.of(shop=DType.STRING, price=DType.FLOAT64))
    {'shop': 'text', 'price': 1.5}
    """
    return {field.name: _example_of(field.dtype) for field in fields}


def _schema_of(field: Field) -> JsonSchema:
    part = _LISTS.get(field.dtype)
    if part is not None:
        return {"type": ["array", "null"], "items": _OF_TYPE[part]}
    # A type that is not here is described by nothing, which every value fits.
    return _OF_TYPE.get(field.dtype, {})


def _example_of(dtype: DType) -> object:
    part = _LISTS.get(dtype)
    return [_EXAMPLES[part]] if part is not None else _EXAMPLES.get(dtype)
