"""Answers in a file: what a format cannot hold is refused before anything is computed, and what is
written is whole.

Formats have no words for some values.  CSV has no lists; a length of time is ISO 8601 text in CSV
and JSON lines (`PT1H30M`); JSON has no infinities, which are text as in all our JSON, while CSV
writes `inf`, `-inf` and `NaN`.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec
import polars as pl
from polars.datatypes import DataTypeClass

from mainspring.elements.plain_json import json_value
from mainspring.features.errors import FormatCannotHold

__all__ = ["refuse_unwritable", "write_answer_file"]

_FLOATS = (pl.Float32, pl.Float64)


def refuse_unwritable(columns: Mapping[str, pl.DataType], path: Path) -> None:
    """Raises: FormatCannotHold FEA-060 for the first column that the format of this file has no
    place for.
    """
    for name, dtype in columns.items():
        is_held = not (path.suffix == ".csv" and dtype.is_nested()) and not any(
            part in (pl.Binary, pl.Object) for part in _iter_parts(dtype)
        )
        if path.suffix != ".parquet" and not is_held:
            raise FormatCannotHold(column=name, dtype=str(dtype), file=path.name)


def write_answer_file(parts: list[Path], path: Path, *, folder: Path) -> None:
    """Write the parts, Parquet files, as one file.

    Args:
        folder: on the disk of `path`; the file is written there first and moved when it is whole,
            so that a failure leaves nothing.
    """
    fresh, answer = folder / "answer", pl.scan_parquet(parts)
    # For its owner alone, whoever writes into it.
    fresh.touch(mode=0o600)
    match path.suffix:
        case ".parquet":
            answer.sink_parquet(fresh)
        case ".csv":
            answer.with_columns(_lengths_as_text()).sink_csv(fresh)
        case _:
            with fresh.open("wb") as stream:
                for part in parts:
                    _write_lines(pl.read_parquet(part).with_columns(_lengths_as_text()), stream)
    fresh.replace(path)


def _lengths_as_text() -> pl.Expr:
    return pl.selectors.duration().dt.to_string("iso")


def _write_lines(frame: pl.DataFrame, stream: BinaryIO) -> None:
    """JSON lines; Polars would write null for what is no finite number."""
    text, strange = frame.write_ndjson(), _strange_rows(frame)
    if strange.is_empty():
        stream.write(text.encode())
        return
    # Not `splitlines`, for which texts have more ends of lines than JSON escapes.
    lines = text.removesuffix("\n").split("\n")
    floats = [name for name, dtype in frame.schema.items() if _has_floats(dtype)]
    for row, values in zip(strange, _iter_rows(frame, strange, floats), strict=True):
        line = msgspec.json.decode(lines[row], type=dict[str, object])
        lines[row] = msgspec.json.encode(line | values).decode()
    stream.write("".join(f"{line}\n" for line in lines).encode())


def _strange_rows(frame: pl.DataFrame) -> pl.Series:
    """The rows with a number that is not finite."""
    is_strange = [
        _is_strange(pl.col(name), dtype)
        for name, dtype in frame.schema.items()
        if _has_floats(dtype)
    ]
    if not is_strange:
        return pl.Series(dtype=pl.UInt32)
    return frame.select(pl.any_horizontal(is_strange)).to_series().fill_null(False).arg_true()


def _is_strange(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    match dtype:
        case pl.List():
            return value.list.eval(_is_strange(pl.element(), _instance(dtype.inner))).list.any()
        case pl.Array():
            return _is_strange(value.arr.to_list(), pl.List(dtype.inner))
        case pl.Struct():
            fields = [(field.name, _instance(field.dtype)) for field in dtype.fields]
            return pl.any_horizontal(
                _is_strange(value.struct.field(name), inner)
                for name, inner in fields
                if _has_floats(inner)
            )
        case _:
            return ~value.is_finite()


def _iter_rows(
    frame: pl.DataFrame, rows: pl.Series, names: Sequence[str]
) -> Iterator[dict[str, object]]:
    for values in frame.select(names)[rows].iter_rows(named=True):
        yield {name: json_value(value) for name, value in values.items()}


def _has_floats(dtype: pl.DataType) -> bool:
    return any(part in _FLOATS for part in _iter_parts(dtype))


def _iter_parts(dtype: pl.DataType) -> Iterator[pl.DataType]:
    """The type, and all that it is nested of."""
    yield dtype
    match dtype:
        case pl.List() | pl.Array():
            yield from _iter_parts(_instance(dtype.inner))
        case pl.Struct():
            for field in dtype.fields:
                yield from _iter_parts(_instance(field.dtype))
        case _:
            pass


def _instance(dtype: pl.DataType | DataTypeClass) -> pl.DataType:
    return dtype if isinstance(dtype, pl.DataType) else dtype()
