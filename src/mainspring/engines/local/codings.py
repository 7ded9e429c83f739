"""How the columns of a frame are written in as few bytes as they need.

Most columns of a record say little that another one does not: ids and offsets count up, operations
are all one, three times are the same, and the id is the text of a number that stands beside it.
Numbers that are near each other, or near those before them, are written as what is between them, a
column for each of their bytes, since the higher bytes are alike and compress to nothing; amounts
with a few decimals are such numbers too.

A coding is chosen only where it gives back every bit: minus zero and each NaN are what they were.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from mainspring.engines.local.uuids import halves_of_uuids, text_of_halves

__all__ = ["Coding", "coded", "decoded", "stored_names"]

_Numbers = npt.NDArray[np.int64]
_KINDS: Mapping[str, pl.DataType] = {
    "int64": pl.Int64(),
    "timestamp": pl.Datetime("us", "UTC"),
    "duration": pl.Duration("us"),
    "float64": pl.Float64(),
    "string": pl.String(),
    "boolean": pl.Boolean(),
    "binary": pl.Binary(),
}
_NAMES = {dtype: kind for kind, dtype in _KINDS.items()}
_WHOLE = ("int64", "timestamp", "duration")
_MOST_DECIMALS = 4
_LARGEST_EXACT = 1 << 53
_TRIED = 64
_BETTER_BITS = 4
"""By how many bits differences must be shorter than values, that they are written instead."""


class Plain(msgspec.Struct, frozen=True, tag="plain"):
    """As it is, under this name in the stream."""

    stored: str


class Equal(msgspec.Struct, frozen=True, tag="equal"):
    """As another column, perhaps of another type with the same bits."""

    other: str
    kind: str


class Text(msgspec.Struct, frozen=True, tag="text"):
    """The decimal digits of another column."""

    other: str


class Constant(msgspec.Struct, frozen=True, tag="constant"):
    """One value for all rows."""

    kind: str
    value: str | bool | None


class Counted(msgspec.Struct, frozen=True, tag="counted"):
    """A first number, and as much more in each row."""

    kind: str
    first: int
    step: int


class Packed(msgspec.Struct, frozen=True, tag="packed"):
    """Whole numbers: how much larger than `least` each is, or is than the one before it, from the
    lowest byte to the highest a column for each.

    Args:
        first: where differences begin; None where they are none.
        decimals: the numbers are to be divided by ten so often.
    """

    kind: str
    stored: list[str]
    least: int
    first: int | None = None
    decimals: int = 0


class Uuid(msgspec.Struct, frozen=True, tag="uuid"):
    """The text of UUIDs, as the names in the stream of their upper and lower halves."""

    upper: str
    lower: str


Coding = Plain | Equal | Text | Constant | Counted | Packed | Uuid


@dataclass
class _Coder:
    """What has been written of a frame."""

    stored: dict[str, pl.Series] = field(default_factory=dict)
    codings: dict[str, Coding] = field(default_factory=dict)
    apart: list[pl.Series] = field(default_factory=list)
    numbers: list[pl.Series] = field(default_factory=list)

    def store(self, values: pl.Series) -> str:
        name = f"{len(self.stored)}"
        self.stored[name] = values.alias(name)
        return name


def coded(frame: pl.DataFrame) -> tuple[dict[str, Coding], list[pl.DataFrame]]:
    """By name, in the order of the frame, how each column is written, and what is to be stored, for
    each column that needs it apart.
    """
    coder, groups = _Coder(), list[pl.DataFrame]()
    # Numbers first: texts may be those of one.
    for column in sorted(frame.iter_columns(), key=lambda column: column.dtype == pl.String):
        before = len(coder.stored)
        coder.codings[column.name] = _coding(column, coder)
        if own := list(coder.stored.values())[before:]:
            groups.append(pl.DataFrame(own))
    return {name: coder.codings[name] for name in frame.columns}, groups


def stored_names(codings: Mapping[str, Coding], wanted: Iterable[str]) -> list[str]:
    """The names in the stream of what these columns are made of, each once."""
    found: dict[str, None] = {}
    for name in wanted:
        match codings[name]:
            case Plain(stored):
                found[stored] = None
            case Packed(stored=stored):
                found |= dict.fromkeys(stored)
            case Uuid(upper, lower):
                found |= {upper: None, lower: None}
            case Equal(other) | Text(other):
                found |= dict.fromkeys(stored_names(codings, [other]))
            case _:
                pass
    return list(found)


def decoded(
    codings: Mapping[str, Coding], stored: pl.DataFrame, wanted: Sequence[str], rows: int
) -> pl.DataFrame:
    """These columns of the frame of so many rows; the inverse of `coded`."""
    decoder = _Decoder(codings, stored, rows)
    return pl.DataFrame([decoder.column(name) for name in wanted])


def _coding(column: pl.Series, coder: _Coder) -> Coding:
    kind = _NAMES.get(column.dtype)
    if kind is None or not len(column):
        return Plain(coder.store(column))
    if column.null_count() == len(column):
        return Constant(kind, None)
    values = column.to_physical()
    if kind != "float64":
        for each in coder.apart:
            if each.dtype == values.dtype and each.equals(values, null_equal=True):
                return Equal(each.name, kind)
        coder.apart.append(values)
    if not column.null_count():
        found = _of_values(kind, values, coder)
        if found is not None:
            return found
    return Plain(coder.store(column))


def _of_values(kind: str, values: pl.Series, coder: _Coder) -> Coding | None:
    """How values are written, none of them null; None for as they are."""
    if kind in _WHOLE:
        coder.numbers += [values] if kind == "int64" else []
        return _whole(kind, values.to_numpy(), coder)
    if kind == "float64":
        return _decimal(values.to_numpy(), coder)
    if kind in ("string", "boolean") and values[0] == values[-1] and (values == values[0]).all():
        return Constant(kind, values[0])
    return _text(values, coder) if kind == "string" else None


def _whole(kind: str, numbers: _Numbers, coder: _Coder, decimals: int = 0) -> Coding | None:
    # Differences wrap around, and so does their sum.
    steps = np.diff(numbers)
    if decimals == 0 and kind != "float64" and (steps == steps[:1]).all():
        return Counted(kind, int(numbers[0]), int(steps[0]) if steps.size else 0)
    first, span = None, int(numbers.max()) - int(numbers.min())
    if steps.size:
        between = int(steps.max()) - int(steps.min())
        if between.bit_length() + _BETTER_BITS <= span.bit_length():
            first, span, numbers = int(numbers[0]), between, steps
    width = (span.bit_length() + 7) // 8
    if width == 8:
        return None
    least = int(numbers.min())
    grown = (numbers - least).astype("<u8", copy=False).view(np.uint8).reshape(-1, 8)
    if first is not None:
        # As long as the others: the first row is said by `first`.
        grown = np.concatenate([np.zeros((1, 8), np.uint8), grown])
    stored = [
        coder.store(pl.Series(np.ascontiguousarray(grown[:, place]))) for place in range(width)
    ]
    return Packed(kind, stored, least, first, decimals)


def _decimal(numbers: npt.NDArray[np.float64], coder: _Coder) -> Coding | None:
    """Of floats that are whole numbers divided by ten a few times."""
    for decimals in range(_MOST_DECIMALS + 1):
        if _scaled(numbers[:_TRIED], decimals) is not None:
            whole = _scaled(numbers, decimals)
            if whole is not None:
                return _whole("float64", whole, coder, decimals)
    return None


def _scaled(numbers: npt.NDArray[np.float64], decimals: int) -> _Numbers | None:
    with np.errstate(all="ignore"):
        scaled = np.rint(numbers * 10**decimals)
        if not (np.abs(scaled) < _LARGEST_EXACT).all():
            return None
    whole = scaled.astype(np.int64)
    # Of the whole numbers, which have one zero.
    is_exact = np.array_equal((whole / 10**decimals).view(np.int64), numbers.view(np.int64))
    return whole if is_exact else None


def _text(texts: pl.Series, coder: _Coder) -> Coding | None:
    for numbers in coder.numbers:
        ends = [str(numbers[0]), str(numbers[-1])]
        if ends == [texts[0], texts[-1]] and numbers.cast(pl.String).equals(texts):
            return Text(numbers.name)
    halves = halves_of_uuids(texts)
    return None if halves is None else Uuid(*map(coder.store, halves))


@dataclass
class _Decoder:
    """What has been made of a frame."""

    codings: Mapping[str, Coding]
    stored: pl.DataFrame
    rows: int
    made: dict[str, pl.Series] = field(default_factory=dict)

    def column(self, name: str) -> pl.Series:
        if name not in self.made:
            self.made[name] = self._decoded(self.codings[name]).alias(name)
        return self.made[name]

    def _decoded(self, coding: Coding) -> pl.Series:
        match coding:
            case Plain(stored):
                return self.stored[stored]
            case Equal(other, kind):
                return self.column(other).cast(_KINDS[kind])
            case Text(other):
                return self.column(other).cast(pl.String)
            case Uuid(upper, lower):
                return text_of_halves(self.stored[upper], self.stored[lower])
            case Constant(kind, value):
                return pl.repeat(value, self.rows, dtype=_KINDS[kind], eager=True)
            case Counted(kind, first, step):
                return _series(first + step * np.arange(self.rows, dtype=np.int64), kind)
            case Packed() as packed:
                numbers = _unpacked(packed, self.stored, self.rows)
                return _series(numbers, packed.kind, packed.decimals)


def _unpacked(packed: Packed, stored: pl.DataFrame, rows: int) -> _Numbers:
    grown = np.zeros((rows, 8), np.uint8)
    for place, name in enumerate(packed.stored):
        grown[:, place] = stored[name].to_numpy()
    numbers = grown.view(np.dtype("<i8")).reshape(-1).astype(np.int64, copy=False)
    numbers += np.int64(packed.least)
    if packed.first is not None:
        numbers[0] = packed.first
        numbers.cumsum(out=numbers)
    return numbers


def _series(numbers: _Numbers, kind: str, decimals: int = 0) -> pl.Series:
    if kind == "float64":
        return pl.Series(numbers / 10**decimals)
    return pl.Series(numbers).cast(_KINDS[kind])
