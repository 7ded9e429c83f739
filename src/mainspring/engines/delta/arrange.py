"""Put the rows of a table in the order in which they are asked for most: by key and time.

Who asks about few keys then opens few stretches of few files, and facts that lie by key and time
need not be grouped.  It pays again when enough rows came since; each row is so written a few times
over the life of a table.

The new files replace the old ones in one commit of Delta's log, which a writer that was faster
makes fail; until then nobody sees them.  Rows and position stay what they are.

The files are written here and not by delta-rs, which hands the rows of a stream to as many writers
as there are processors and so loses their order.
"""

import json
import math
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

import numpy as np
import polars as pl
from deltalake import CommitProperties, DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from mainspring.elements.spilled_parts import SpilledParts, joined_frames
from mainspring.elements.time import Micros

__all__ = ["arrange", "joined_below"]

_JOINED_BELOW = 16 << 20
_PREFIX = "arranged-"
_ROWS_OF_PART = 2_000_000
_ROWS_OF_FILE = 500_000
_ROWS_OF_GROUP = 1 << 17
_LARGEST_SHARE = 0.2
"""The share of rows that may be out of order before all are put in order again."""
_SAMPLED = 100_000
_SHORT = 32
_LAST = ("_event_time", "_offset")


def arrange(
    table: DeltaTable, folder: Path, order: Sequence[str], *, retain: Micros, fewest_rows: int
) -> bool:
    """Put the rows in order by these columns and time, where it pays; whether that was done.

    Args:
        folder: where the table lies.
        retain: how old files must be that an earlier attempt left, to be removed.
        fewest_rows: what it pays for.

    Raises: deltalake's CommitFailedError where somebody wrote the table meanwhile.
    Cost: reads, and writes twice, all rows; in memory are those of a few million.
    """
    scan = pl.scan_delta(table) if order and table.file_uris() else None
    if scan is None or not _can_be_arranged(scan.collect_schema(), order):
        return False
    if not _pays(_files_of(table), order[0], fewest_rows):
        return False
    _remove_unfinished(table, folder, retain)
    with TemporaryDirectory(prefix="mainspring-table-") as spilled:
        added: list[AddAction | RemoveAction] = [
            _write_file(frame, folder) for frame in _iter_sorted(scan, order, Path(spilled))
        ]
    table.create_write_transaction(
        added,
        "overwrite",
        table.schema(),
        commit_properties=CommitProperties(max_commit_retries=0),
    )
    # What is done next must know of the commit, or it is taken for somebody else's.
    table.update_incremental()
    return True


def joined_below(table: DeltaTable) -> int:
    """The size in bytes below which files of a table that is kept in order may be joined: those
    that are in order already would lose it among others.
    """
    sizes: list[int] = _files_of(table).filter(_is_arranged())["size_bytes"].to_list()
    return min([_JOINED_BELOW, *sizes]) - 1


def _files_of(table: DeltaTable) -> pl.DataFrame:
    return pl.DataFrame(table.get_add_actions(flatten=True))


def _is_arranged() -> pl.Expr:
    return pl.col("path").str.starts_with(_PREFIX)


def _can_be_arranged(columns: Mapping[str, pl.DataType], order: Sequence[str]) -> bool:
    """Whether these columns are there, and every one is of a type that is written alike by all."""
    return set(order) <= set(columns) and not any(dtype.is_nested() for dtype in columns.values())


def _remove_unfinished(table: DeltaTable, folder: Path, retain: Micros) -> None:
    """Remove files that were written and never committed, or are no part of the table any more."""
    held = {unquote(uri.rpartition("/")[2]) for uri in table.file_uris()}
    for path in folder.glob(f"{_PREFIX}*.parquet"):
        with suppress(FileNotFoundError):
            if path.name not in held and time.time() - path.stat().st_mtime > retain / 1e6:
                path.unlink()


def _write_file(frame: pl.DataFrame, folder: Path) -> AddAction:
    path = folder / f"{_PREFIX}{uuid.uuid4()}.parquet"
    path.touch(mode=0o600)
    # Level 1 takes a quarter fewer bytes than snappy, and no longer to write or to read.
    frame.write_parquet(
        path, compression="zstd", compression_level=1, row_group_size=_ROWS_OF_GROUP
    )
    about = path.stat()
    return AddAction(path.name, about.st_size, {}, about.st_mtime_ns // 10**6, True, _stats(frame))


def _stats(frame: pl.DataFrame) -> str:
    """What Delta keeps of a file: extremes of whole numbers and short texts."""
    told = [
        name
        for name, dtype in frame.schema.items()
        if dtype.is_integer() or (dtype == pl.String and _longest(frame[name]) <= _SHORT)
    ]
    least, most = frame.select(pl.col(told).min()).row(0), frame.select(pl.col(told).max()).row(0)
    nulls = frame.null_count().row(0, named=True)
    known = {name for name in told if nulls[name] < frame.height}
    return json.dumps(
        {
            "numRecords": frame.height,
            "minValues": {n: v for n, v in zip(told, least, strict=True) if n in known},
            "maxValues": {n: v for n, v in zip(told, most, strict=True) if n in known},
            "nullCount": nulls,
        }
    )


def _longest(texts: pl.Series) -> int:
    longest = texts.str.len_chars().max()
    return longest if isinstance(longest, int) else 0


def _pays(files: pl.DataFrame, column: str, fewest_rows: int) -> bool:
    """Whether too many rows are in files that were not put in order, or whose values of a column
    overlap with those of another that was.
    """
    names = (f"min.{column}", f"max.{column}")
    rows = int(files["num_records"].sum())
    if rows < fewest_rows or not set(names) <= set(files.columns):
        return False
    arranged = files.filter(_is_arranged()).sort(*names)
    low, high = pl.col(names[0]), pl.col(names[1])
    before, after = high.cum_max().shift(1), low.reverse().cum_min().reverse().shift(-1)
    apart = arranged.filter(~((low < before).fill_null(False) | (high > after).fill_null(False)))
    return rows - int(apart["num_records"].sum()) > _LARGEST_SHARE * rows


def _iter_sorted(scan: pl.LazyFrame, order: Sequence[str], folder: Path) -> Iterator[pl.DataFrame]:
    """All rows in order, a file's at a time."""
    rows = int(scan.select(pl.len()).collect().item())
    bounds = _bounds(scan, order[0], rows)
    parts = SpilledParts(folder / "parts", len(bounds) + 1)
    for frame in joined_frames(scan.collect_batches()):
        # Nulls, which are in no order, come first as they do when rows are sorted.
        part = bounds.search_sorted(frame[order[0]], side="right").to_numpy()
        part = np.where(frame[order[0]].is_null().to_numpy(), 0, part)
        parts.add(frame, pl.Series(part.astype(np.uint16)))
    for number in range(parts.number):
        own = pl.concat(parts.read(number)).sort(*order, *_LAST)
        # Of one size, for the smallest decides what may be joined.
        files = max(math.ceil(own.height / _ROWS_OF_FILE), 1)
        yield from own.iter_slices(max(math.ceil(own.height / files), 1))


def _bounds(scan: pl.LazyFrame, column: str, rows: int) -> pl.Series:
    """Values between which about equally many rows lie."""
    sample = (
        scan.select(pl.col(column).gather_every(max(rows // _SAMPLED, 1)))
        .collect(engine="streaming")
        .to_series()
        .drop_nulls()
        .sort()
    )
    number = min(math.ceil(rows / _ROWS_OF_PART), max(len(sample), 1), 60_000)
    places = [len(sample) * part // number for part in range(1, number)]
    return sample.gather(places).unique(maintain_order=True)
