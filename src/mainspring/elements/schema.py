"""The types that a value can have, and a schema: named, typed, nullable columns in order."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from mainspring.elements.declaration import ADDED, REMARK
from mainspring.elements.values.spelling import PLAIN, Spelling

__all__ = ["DType", "Field", "Schema"]


class DType(StrEnum):
    """A type of column.

    `ZONED` is a timestamp in local time and exists only inside expressions.  Lists are results of
    some aggregations and vectors of sources; no expression reads one.  `UINT64`, `DECIMAL`, `BYTES`
    and `TIME` are only stored: an expression compares them with null or casts them to another type,
    and nothing is aggregated of them.  A decimal has 38 digits, 18 of them decimals; a time of day
    is in whole microseconds since midnight.
    """

    INT64 = "int64"
    FLOAT64 = "float64"
    BOOLEAN = "boolean"
    STRING = "string"
    TIMESTAMP = "timestamp"
    DURATION = "duration"
    ZONED = "zoned"
    UINT64 = "uint64"
    DECIMAL = "decimal"
    BYTES = "bytes"
    TIME = "time"
    LIST_INT64 = "list[int64]"
    LIST_FLOAT64 = "list[float64]"
    LIST_BOOLEAN = "list[boolean]"
    LIST_STRING = "list[string]"
    LIST_TIMESTAMP = "list[timestamp]"

    @property
    def is_number(self) -> bool:
        """Whether arithmetic and sums make sense on it."""
        return self in (DType.INT64, DType.FLOAT64)

    @property
    def is_opaque(self) -> bool:
        """Whether values of it are only stored, compared with null and cast."""
        return self in (DType.UINT64, DType.DECIMAL, DType.BYTES, DType.TIME)

    @property
    def is_list(self) -> bool:
        """Whether a value holds several of another type."""
        return self.value.startswith("list[")

    @property
    def element(self) -> "DType":
        """The type of one element of a list; any other type is its own."""
        return DType(self.value.removeprefix("list[").removesuffix("]"))

    @classmethod
    def list_of(cls, element: "DType") -> "DType":
        """The type of lists of these.

        >>> DType.list_of(DType.STRING).value
        'list[string]'
        """
        return cls(f"list[{element.value}]")


@dataclass(frozen=True)
class Field:
    """One column: its name, its type, whether a value may be absent, and how its texts are
    written.
    """

    name: str
    dtype: DType
    nullable: bool = True
    spelling: Spelling = dataclasses.field(default=PLAIN, metadata=ADDED)


@dataclass(frozen=True)
class Schema:
    """Columns in order, by name.

    Args:
        unusable: columns of the data that are none of the schema, each with the reason.  They are
            no part of what the schema is; whoever names one is told why it cannot be used.
        guessed: columns whose type was guessed, each with the reason; whoever needs another type is
            told.
    """

    fields: tuple[Field, ...]
    unusable: tuple[tuple[str, str], ...] = dataclasses.field(
        default=(), compare=False, repr=False, metadata=REMARK
    )
    guessed: tuple[tuple[str, str], ...] = dataclasses.field(
        default=(), compare=False, repr=False, metadata=REMARK
    )

    @classmethod
    def of(cls, **columns: DType) -> "Schema":
        """A schema of nullable columns.

        >>> Schema.of(origin=DType.STRING).names
        ('origin',)
        """
        return cls(tuple(Field(name, dtype) for name, dtype in columns.items()))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns in order."""
        return tuple(f.name for f in self.fields)

    def __contains__(self, name: str) -> bool:
        return any(f.name == name for f in self.fields)

    def __getitem__(self, name: str) -> Field:
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def select(self, names: tuple[str, ...]) -> "Schema":
        """The named columns only, in the given order."""
        return Schema(tuple(self[name] for name in names))
