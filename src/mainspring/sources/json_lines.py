"""JSON lines: their values as JSON has them, and the columns that they make.

Each line is read by itself, into the values that the same object has when it is pushed; a reader of
whole columns, which would be faster, turns 1.0 into 1 and a list into a text.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec
import polars as pl

from mainspring.elements.schema import DType, Field
from mainspring.elements.values.cells import NoCell, column_of
from mainspring.elements.values.guess import Guess, wider_type

__all__ = ["JsonGuess", "Object", "UnreadableLine", "iter_objects", "objects_frame"]

Object = dict[str, object]

_DECODER = msgspec.json.Decoder(Object)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_INT64 = range(-(2**63), 2**63)


class UnreadableLine(Exception):
    """A line that holds no JSON object, or a value that no column can hold."""

    def __init__(self, row: int, problem: str) -> None:
        super().__init__(f"row {row:,} {problem}")


def iter_objects(path: Path, *, rows: int) -> Iterator[list[Object]]:
    """The objects of a file, so many at once; blank lines are none.

    Raises: OSError, UnreadableLine.
    """
    with path.open("rb") as file:
        lines = (line for line in file if line.strip())
        done = 0
        while chunk := list(islice(lines, rows)):
            yield _decoded(chunk, done)
            done += len(chunk)


def objects_frame(
    objects: Sequence[Object], fields: Sequence[Field], *, first: int
) -> pl.DataFrame:
    """Objects as a frame of these columns; one that an object lacks is null there.

    Args:
        first: how many objects of the file come before these.

    Raises: UnreadableLine.
    """
    # By name, and not as a list: a column in a list must not be called "".
    columns = {}
    for field in fields:
        try:
            columns[field.name] = column_of(field, [each.get(field.name) for each in objects])
        except NoCell as error:
            raise UnreadableLine(first + error.place + 1, error.problem) from error
    return pl.DataFrame(columns)


class JsonGuess:
    """The type of a column of JSON values that nobody promised; it becomes wider as values come.

    A text in quotes is text, whatever it writes.
    """

    def __init__(self, column: str) -> None:
        self._column = column
        self._dtype: DType | None = None
        self._value: str | None = None
        self._row = 0
        self.problem = ""

    @property
    def guess(self) -> Guess:
        """What all values so far are."""
        dtype = self._dtype or DType.STRING
        return Guess(self._column, dtype, self._value, self._row or None)

    def look(self, values: Sequence[object], *, first: int) -> None:
        """Regard the next values of the column, of which the first has so many before it."""
        kinds = set(map(type, values)) - {type(None)}
        # Most columns are of one kind, and then no value has to be looked at by itself.
        if self.problem or kinds <= _CERTAIN.get(self._dtype, frozenset()):
            return
        for place, value in enumerate(values):
            if value is None:
                continue
            found = _type_of(value)
            if found is None:
                self.problem = f"row {first + place + 1:,} holds a {_NAMES[type(value)]}"
                return
            wider = found if self._dtype is None else wider_type(self._dtype, found)
            if wider is None:
                self.problem = f"row {first + place + 1:,} holds {found} after {self._dtype}"
                return
            if wider is not self._dtype:
                self._dtype = wider
                self._value, self._row = msgspec.json.encode(value).decode(), first + place + 1


_CERTAIN: dict[DType | None, frozenset[type]] = {
    None: frozenset(),
    DType.BOOLEAN: frozenset({bool}),
    DType.FLOAT64: frozenset({float}),
    DType.STRING: frozenset({bool, int, float, str}),
}
"""The kinds of value of which a type has all."""
_NAMES: dict[type, str] = {list: "list of other than numbers", dict: "JSON object"}


def _type_of(value: object) -> DType | None:
    match value:
        case bool():
            return DType.BOOLEAN
        case int():
            return DType.INT64 if value in _INT64 else DType.STRING
        case float():
            return DType.FLOAT64
        case str():
            return DType.STRING
        case list() if all(type(each) in (int, float) for each in value):
            return DType.LIST_FLOAT64
        case _:
            return None


def _decoded(lines: Sequence[bytes], done: int) -> list[Object]:
    try:
        return [_DECODER.decode(line) for line in lines]
    except _UNREADABLE as error:
        place = next(place for place, line in enumerate(lines) if not _is_object(line))
        raise UnreadableLine(done + place + 1, f"is no JSON object: {error}") from error


def _is_object(line: bytes) -> bool:
    try:
        _DECODER.decode(line)
    except _UNREADABLE:
        return False
    return True
