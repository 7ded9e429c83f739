"""The rows of an input in blocks of one size, in order, from any row on.

CSV is read as text, and every value as the value of a request is; JSON lines in the types that all
lines have in common; Parquet and Delta as they are.
"""

import csv
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import polars as pl

from mainspring.elements.plain_file import open_plain
from mainspring.serving.batch.errors import BatchInputUnusable

__all__ = [
    "FORMATS",
    "identity_of_file",
    "iter_blocks",
    "reading_input",
    "scan_file",
    "stat_of_file",
]

FORMATS = (".csv", ".parquet", ".jsonl", ".ndjson")
_UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, UnicodeError)
_LONGEST_REASON = 300


def identity_of_file(path: Path) -> str:
    """The digest of a file's bytes.  Cost: reads it once, at about a gigabyte a second."""
    with open_plain(path) as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def stat_of_file(path: Path) -> tuple[int, ...]:
    """What changes when a file is written to or replaced."""
    found = os.stat(path)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def scan_file(path: Path) -> pl.LazyFrame:
    """The file by the format of its suffix.  Raises: BatchInputUnusable SRV-085."""
    with reading_input(path):
        match path.suffix:
            case ".parquet":
                return pl.scan_parquet(path, glob=False)
            case ".csv":
                return pl.scan_csv(path, infer_schema=False, glob=False)
            case _:
                return pl.scan_ndjson(path, infer_schema_length=None)


def iter_blocks(scan: pl.LazyFrame, *, start: int, rows: int, path: Path) -> Iterator[pl.DataFrame]:
    """The rows from `start` on, so many at a time; only the last block has fewer.

    Args:
        path: what errors call it.

    Raises: BatchInputUnusable SRV-085 where the file cannot be read to its end.
    """
    frames, held = _frames(scan.slice(start), rows, path), list[pl.DataFrame]()
    for frame in frames:
        held.append(frame)
        # Polars gives no promise on the size of what it yields, and a block that began elsewhere
        # after a kill would make other files of the same rows.
        while sum(each.height for each in held) >= rows:
            joined = pl.concat(held)
            yield joined.head(rows)
            held = [rest] if (rest := joined.slice(rows)).height else []
    if held:
        yield pl.concat(held)


def _frames(scan: pl.LazyFrame, rows: int, path: Path) -> Iterator[pl.DataFrame]:
    frames = scan.collect_batches(chunk_size=rows, maintain_order=True)
    while True:
        with reading_input(path):
            frame = next(frames, None)
        if frame is None:
            return
        if frame.height:
            yield frame


@contextmanager
def reading_input(path: Path) -> Iterator[None]:
    """Raise SRV-085 in place of Polars' and the system's errors, with the line if known."""
    try:
        yield
    except _UNREADABLE as error:
        said = " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
        where = _place_of_fault(path)
        raise BatchInputUnusable(
            file=path.name, problem=f"cannot be read: {where or said}"
        ) from error


def _place_of_fault(path: Path) -> str:
    """The first line that is no row; empty where none is found.  Cost: reads the file line by
    line, which happens once, for a file that is refused.
    """
    try:
        match path.suffix:
            case ".csv":
                return _fault_of_csv(path)
            case ".jsonl" | ".ndjson":
                return _fault_of_json_lines(path)
            case _:
                return ""
    except (OSError, csv.Error, UnicodeError) as error:
        return str(error)


def _fault_of_csv(path: Path) -> str:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        width = len(next(reader, []))
        for row in reader:
            if len(row) > width:
                return f"line {reader.line_num:,} has {len(row)} fields, and the head {width}"
    return ""


def _fault_of_json_lines(path: Path) -> str:
    decoder = msgspec.json.Decoder(dict[str, object])
    number = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):  # noqa: B007
                decoder.decode(line.strip() or b"{}")
    except (msgspec.DecodeError, UnicodeError) as error:
        return f"line {number:,}: {error}"
    return ""
