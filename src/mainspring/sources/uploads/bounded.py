"""How many columns a file has that a stranger sent, before it is read as a whole.

Rows become a table of all columns that any of them has, so 65,536 lines that each name a column of
their own, which are five megabytes, would take 34 GB.
"""

from pathlib import Path

import polars as pl

from mainspring.ports.errors import BodyTooComplex
from mainspring.sources.json_lines import UnreadableLine, iter_objects

__all__ = ["require_bounded_columns"]

_MOST_COLUMNS = 1_000
_ROWS_AT_ONCE = 1_024


def require_bounded_columns(path: Path, suffix: str) -> None:
    """Return where a file of CSV or JSON lines has no more columns than one push may have, or
    cannot be read: whoever reads it says that better.

    Raises: BodyTooComplex SRV-044.
    Cost: of JSON lines about 1 µs a value; of CSV the first line.
    """
    try:
        if suffix == ".csv":
            _require(len(pl.scan_csv(path, infer_schema=False).collect_schema()))
            return
        names = set[str]()
        for objects in iter_objects(path, rows=_ROWS_AT_ONCE):
            for each in objects:
                names.update(each)
            _require(len(names))
    except (pl.exceptions.PolarsError, OSError, UnreadableLine):
        return


def _require(columns: int) -> None:
    if columns > _MOST_COLUMNS:
        raise BodyTooComplex(found=f"{columns:,} columns", limit=f"{_MOST_COLUMNS:,}")
