"""Reads data files: their columns, and their rows in frames.

A folder of files is one source: its columns are those of all its parts by name, in the wider type.
CSV columns are read as text and JSON values as they are pushed, and get their types with the rows,
so that one malformed value breaks its row and not the import.  What no contract names is guessed
from the whole file, because the first rows do not know the last.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import polars as pl

from mainspring.elements.frame import schema_of
from mainspring.elements.plain_file import fault_of_file
from mainspring.elements.schema import DType, Field, Schema
from mainspring.elements.values.guess import Guess, TextGuess, wider_type
from mainspring.sources.columns import is_reserved
from mainspring.sources.contract import can_be_read, contract_schema
from mainspring.sources.errors import (
    EmptyFolder,
    FileMissing,
    FileUnreadable,
    SourceNotReadable,
)
from mainspring.sources.json_lines import (
    JsonGuess,
    Object,
    UnreadableLine,
    iter_objects,
    objects_frame,
)
from mainspring.sources.spec import ColumnContract, Source

__all__ = [
    "FoundColumns",
    "count_rows",
    "find_columns",
    "iter_file_rows",
    "iter_rows",
    "part_files",
    "read_schema",
    "scan_files",
    "unreadable_as",
]

_FORMATS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "json", ".ndjson": "json"}
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class FoundColumns:
    """The columns of a source's data.

    Args:
        schema: those that a source can have, in the order in which they first appear.  Its
            `unusable` are the others, each with the reason.
        guesses: of a text file, what each column is taken for that no contract names.
    """

    schema: Schema
    guesses: tuple[Guess, ...] = ()


@dataclass(frozen=True)
class _Part:
    """The columns of one file in their order: their types, and why others have none.

    Args:
        dtypes: None of a column of a text file that the contract names, and of one without values.
        guesses: the guesses of a text file.
        is_typed: whether the file itself says its types.
    """

    path: Path
    dtypes: Mapping[str, DType | None]
    unusable: Mapping[str, str]
    guesses: Mapping[str, Guess]
    is_typed: bool


def read_schema(source: Source, root: Path) -> Schema:
    """The columns of the source's data, as `find_columns` finds them."""
    return find_columns(source, root).schema


def find_columns(source: Source, root: Path) -> FoundColumns:
    """The columns of the source's files; those of the contract for a source without a file.

    Raises:
        SourceError: FileMissing SRC-001, FileUnreadable SRC-002, EmptyFolder SRC-003, at the user's
            line.
    Cost: the head of a Parquet file; all of a text file, about 0.1 µs a number of it, once for as
        long as the file stays as it is and the process lives.
    """
    if source.path is None:
        if not source.contract.columns:
            raise SourceNotReadable(source=source.name, at=source.declared_at)
        return FoundColumns(contract_schema(source))
    promised = dict(source.contract.columns)
    parts = []
    for path in part_files(source, root / source.path):
        with _reading(source, path):
            state = path.stat()
            parts.append(_part_at(path, (state.st_mtime_ns, state.st_size), frozenset(promised)))
    return _joined(parts, promised)


def part_files(source: Source, path: Path) -> list[Path]:
    """The data files of a path in their order: itself, or those of a folder by name.

    Raises:
        SourceError: FileMissing SRC-001, FileUnreadable SRC-002, EmptyFolder SRC-003.
    """
    with _reading(source, path):
        is_there, is_folder = path.exists(), path.is_dir()
    if not is_there:
        raise FileMissing(source=source.name, path=str(path), at=source.declared_at)
    if not is_folder:
        if path.suffix in _FORMATS:
            return [_plain(source, path)]
        reason = f"{path.suffix or 'no suffix'} is not a format that can be read"
        raise FileUnreadable(
            source=source.name, path=str(path), reason=reason, at=source.declared_at
        )
    with _reading(source, path):
        files = sorted(file for file in path.iterdir() if file.suffix in _FORMATS)
    formats = sorted({_FORMATS[file.suffix] for file in files})
    if len(formats) != 1:
        found = " and ".join(formats) or "no data file"
        raise EmptyFolder(source=source.name, path=str(path), found=found, at=source.declared_at)
    return [_plain(source, file) for file in files]


def _plain(source: Source, path: Path) -> Path:
    """The path of a file that is one: a pipe would be waited for without end."""
    if fault := fault_of_file(path):
        raise FileUnreadable(
            source=source.name, path=str(path), reason=fault, at=source.declared_at
        )
    return path


def count_rows(source: Source, path: Path) -> int:
    """How many rows the file or folder holds."""
    return sum(_count_rows(source, file) for file in part_files(source, path))


def iter_rows(source: Source, path: Path, *, rows: int) -> Iterator[pl.DataFrame]:
    """The rows of a file or folder in their order, so many in a frame."""
    for file in part_files(source, path):
        yield from iter_file_rows(source, file, rows=rows)


def iter_file_rows(
    source: Source, path: Path, *, rows: int, suffix: str = ""
) -> Iterator[pl.DataFrame]:
    """The rows of one file in their order, so many in a frame; CSV as text, JSON as it is pushed.

    Args:
        suffix: says the format of a file whose name does not.

    Raises:
        FileUnreadable: SRC-002.
    """
    form = _FORMATS[suffix or path.suffix]
    with _reading(source, path):
        if form != "json":
            yield from _scan(path, form).collect_batches(chunk_size=rows, maintain_order=True)
            return
        done = 0
        for objects in iter_objects(path, rows=rows):
            yield objects_frame(objects, _json_fields(source, objects, first=done), first=done)
            done += len(objects)


def scan_files(source: Source, path: Path) -> pl.LazyFrame:
    """The rows of a file or folder, lazily, in their stored types; CSV as text.  A column that is
    of several types, none of them wider, is text.

    Raises:
        SourceError: FileMissing SRC-001, FileUnreadable SRC-002, EmptyFolder SRC-003.
    """
    frames: list[pl.LazyFrame] = []
    for file in part_files(source, path):
        form = _FORMATS[file.suffix]
        with _reading(source, file):
            if form == "json":
                frames += [
                    frame.lazy() for frame in iter_file_rows(source, file, rows=_ROWS_AT_ONCE)
                ]
            else:
                frames.append(_scan(file, form))
    return _stacked(frames)


def _scan(path: Path, form: str) -> pl.LazyFrame:
    return pl.scan_parquet(path) if form == "parquet" else _scan_csv(path)


def _scan_csv(path: Path) -> pl.LazyFrame:
    scan = pl.scan_csv(path, infer_schema=False)
    # Polars undoubles the quotes of a cell, and leaves those of a header.
    quoted = {name: name.replace('""', '"') for name in scan.collect_schema() if '""' in name}
    return scan.rename(quoted) if quoted else scan


def _count_rows(source: Source, path: Path) -> int:
    form = _FORMATS[path.suffix]
    with _reading(source, path):
        if form == "json":
            return sum(map(len, iter_objects(path, rows=_ROWS_AT_ONCE)))
        return int(_scan(path, form).select(pl.len()).collect().item())


def _stacked(frames: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    if len(frames) == 1:
        return frames[0]
    schemas = [frame.collect_schema() for frame in frames]
    stored: dict[str, list[pl.DataType]] = {}
    for schema in schemas:
        for name, dtype in schema.items():
            stored.setdefault(name, []).append(dtype)
    torn = [
        name
        for name, dtypes in stored.items()
        if len(set(dtypes)) > 1 and not all(dtype.is_numeric() for dtype in dtypes)
    ]
    return pl.concat(
        [
            frame.with_columns(pl.col([name for name in torn if name in schema]).cast(pl.String))
            for frame, schema in zip(frames, schemas, strict=True)
        ]
        or [pl.LazyFrame()],
        how="diagonal_relaxed",
    )


@lru_cache(maxsize=256)
def _part_at(path: Path, state: tuple[int, int], promised: frozenset[str]) -> _Part:
    """The columns of one file in this state; kept, since a project is read more than once."""
    del state
    form = _FORMATS[path.suffix]
    if form == "parquet":
        stored = pl.scan_parquet(path).collect_schema()
        schema, strange = schema_of(
            {name: dtype for name, dtype in stored.items() if dtype != pl.Null}
        )
        dtypes = dict[str, DType | None].fromkeys(stored.names())
        dtypes |= {field.name: field.dtype for field in schema}
        reasons = {
            name: f"it is {dtype}, which no source stores" for name, dtype in strange.items()
        }
        return _Part(path, dtypes, reasons, {}, is_typed=True)
    return _csv_part(path, promised) if form == "csv" else _json_part(path, promised)


def _csv_part(path: Path, promised: frozenset[str]) -> _Part:
    scan = _scan_csv(path)
    names = scan.collect_schema().names()
    guesses = {
        name: TextGuess(name) for name in names if name not in promised and not is_reserved(name)
    }
    for rows in scan.select(list(guesses)).collect_batches(
        chunk_size=_ROWS_AT_ONCE, maintain_order=True
    ):
        for name, guess in guesses.items():
            guess.look(rows[name])
    found = [guess.guess for guess in guesses.values()]
    return _text_part(path, names, {}, found)


def _json_part(path: Path, promised: frozenset[str]) -> _Part:
    guesses: dict[str, JsonGuess] = {}
    names: dict[str, None] = {}
    done = 0
    for objects in iter_objects(path, rows=_ROWS_AT_ONCE):
        names |= _names_of(objects)
        for name, guess in _json_guesses(objects, promised, guesses, first=done).items():
            guesses[name] = guess
        done += len(objects)
    problems = {name: guess.problem for name, guess in guesses.items() if guess.problem}
    found = [guess.guess for name, guess in guesses.items() if name not in problems]
    return _text_part(path, list(names), problems, found)


def _json_fields(source: Source, objects: Sequence[Object], *, first: int) -> list[Field]:
    """The columns of these objects: as promised, or as these objects alone have them."""
    fields = {
        name: Field(name, column.dtype, spelling=column.spelling)
        for name, column in source.contract.columns
    }
    guesses = _json_guesses(objects, fields, {}, first=first)
    unusable = {name for name, guess in guesses.items() if guess.problem}
    fields |= {name: Field(name, guess.guess.dtype) for name, guess in guesses.items()}
    # The id is always among them: an object without any column is a row too, and a broken one.
    names = _names_of(objects) | dict.fromkeys(source.id)
    return [fields.get(name, Field(name, DType.STRING)) for name in names if name not in unusable]


def _json_guesses(
    objects: Sequence[Object],
    promised: Collection[str],
    known: Mapping[str, JsonGuess],
    *,
    first: int,
) -> dict[str, JsonGuess]:
    """What the columns of these objects are that nobody promised, with what is known of them."""
    guesses = {}
    for name in _names_of(objects):
        if name not in promised:
            guesses[name] = known.get(name) or JsonGuess(name)
            guesses[name].look([each.get(name) for each in objects], first=first)
    return guesses


def _names_of(objects: Sequence[Object]) -> dict[str, None]:
    return dict.fromkeys(name for each in objects for name in each)


def _text_part(
    path: Path, names: Sequence[str], problems: dict[str, str], guesses: Sequence[Guess]
) -> _Part:
    dtypes = dict[str, DType | None].fromkeys(names)
    dtypes |= {guess.column: guess.dtype for guess in guesses if guess.row}
    own = {guess.column: guess for guess in guesses}
    return _Part(path, dtypes, problems, own, is_typed=False)


def _joined(parts: Sequence[_Part], promised: Mapping[str, ColumnContract]) -> FoundColumns:
    """The columns of all parts by name, in the wider type."""
    fields, unusable, guesses = [], [], []
    for name in dict.fromkeys(name for part in parts for name in part.dtypes):
        own = [part for part in parts if name in part.dtypes]
        dtype, reason, guess = _joined_column(name, own, promised.get(name))
        if reason or is_reserved(name):
            unusable.append((name, reason or "its name is reserved"))
        else:
            fields.append(Field(name, dtype))
            guesses += [] if guess is None else [guess]
    guessed = tuple((guess.column, guess.reason) for guess in guesses)
    return FoundColumns(Schema(tuple(fields), tuple(unusable), guessed), tuple(guesses))


def _joined_column(
    name: str, parts: Sequence[_Part], promised: ColumnContract | None
) -> tuple[DType, str, Guess | None]:
    """The type of a column in all parts that have it, why it has none, and the guess that it is."""
    widest, holder, guess = None, parts[0], None
    for part in parts:
        dtype, place = part.dtypes[name], f" in {part.path.name}" if len(parts) > 1 else ""
        if name in part.unusable:
            return DType.STRING, part.unusable[name] + place, None
        if dtype is None:
            continue
        if promised is not None and place and not can_be_read(dtype, promised):
            return dtype, f"it is {dtype}{place} and {promised.dtype} in the contract", None
        wider = wider_type(widest or dtype, dtype)
        # Text holds the values of every type only where they come as text.
        is_lost = part.is_typed and wider is DType.STRING and widest not in (None, dtype)
        if promised is None and (wider is None or is_lost):
            return dtype, f"it is {widest} in {holder.path.name} and {dtype}{place}", None
        if wider is not widest:
            widest, holder, own = wider, part, part.guesses.get(name)
            file = part.path.name if place else ""
            guess = None if own is None else replace(own, dtype=wider or dtype, file=file)
    is_text = not any(part.is_typed for part in parts)
    if promised is not None and (is_text or widest is None):
        return promised.dtype, "", None
    empty = Guess(name, DType.STRING) if is_text else None
    return widest or DType.STRING, "", guess or empty


@contextmanager
def unreadable_as(path: Path) -> Iterator[None]:
    """Names the file in the errors of whoever reads a copy of it."""
    try:
        yield
    except FileUnreadable as error:
        raise FileUnreadable(
            source=error.source, path=str(path), reason=error.reason, at=error.at
        ) from error


@contextmanager
def _reading(source: Source, path: Path) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError, UnreadableLine) as error:
        raise FileUnreadable(
            source=source.name,
            path=str(path),
            reason=str(error).partition("\n")[0],
            at=source.declared_at,
        ) from error
