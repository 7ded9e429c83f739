"""Backfill for a file of requests, which may be larger than memory: it is read and answered piece
by piece, and the answer appears whole or not at all.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import polars as pl

from mainspring.elements.frame import STORED
from mainspring.features.errors import SpineUnusable
from mainspring.features.history.answer_file import refuse_unwritable, write_answer_file
from mainspring.features.history.gather import FactReader, backfill_requested
from mainspring.features.requested import RequestedView, views_in
from mainspring.features.requests import prepare_spine

__all__ = ["BackfillProgress", "BackfillReport", "backfill_file"]

_ROWS_AT_ONCE = 1_000_000
_TIME = "prediction_time"

BackfillProgress = Callable[[str, int, int], None]
"""Told the view at work, how many rows it has answered, and of how many."""


class BackfillReport(msgspec.Struct, frozen=True, kw_only=True):
    """Where the answer is, and its shape."""

    out: str
    rows: int
    columns: tuple[str, ...]


def backfill_file(
    requested: Sequence[RequestedView],
    spine: Path,
    out: Path,
    *,
    facts_of: FactReader,
    progress: BackfillProgress,
    rows_at_once: int = _ROWS_AT_ONCE,
) -> BackfillReport:
    """Answer every row of a file of requests, in its order, into another file.

    Args:
        spine: join keys and `prediction_time`; the suffix says the format of this file and of
            `out`.
        rows_at_once: how many rows, with their answers, are in memory at a time, beside all facts
            of the views' sources.

    Raises: FEA-010 for a file that cannot be read, a column that is missing or of another type;
        FEA-001; FEA-060 for a column that the format of `out` cannot hold.
    """
    if not out.parent.is_dir():
        raise SpineUnusable(
            column=_TIME,
            problem=f"cannot be answered: there is no folder {out.parent} for the answer",
        )
    if out.resolve() == spine.resolve():
        raise SpineUnusable(column=_TIME, problem=f"cannot be answered into its own file {out}")
    with _reading(spine):
        requests = _scan(spine)
        total = int(requests.select(pl.len()).collect().item())
        carried = requests.collect_schema()
    computed = {
        field.name: STORED[field.dtype]
        for view in views_in(requested)
        for field in view.fields
        if any(field.name in each.columns for each in requested)
    }
    refuse_unwritable({**carried, **computed}, out)
    known = cache(facts_of)
    with TemporaryDirectory(dir=out.parent, prefix=".backfill-") as folder:
        done, schema = 0, pl.Schema()
        for index, rows in enumerate(_translated(_iter_chunks(requests, rows_at_once), spine)):
            done += rows.height
            answer = _answer(requested, rows, known, partial(_tell, progress, done, total))
            schema = answer.schema
            answer.write_parquet(Path(folder) / f"{index:06}.parquet")
        write_answer_file(sorted(Path(folder).glob("*.parquet")), out, folder=Path(folder))
    return BackfillReport(out=str(out), rows=done, columns=tuple(schema.names()))


def _answer(
    requested: Sequence[RequestedView],
    rows: pl.DataFrame,
    facts_of: FactReader,
    answered: Callable[[str], None],
) -> pl.DataFrame:
    spine, frames = prepare_spine(rows, views_in(requested)), []
    for each in requested:
        frames.append(backfill_requested(each, facts_of, spine, request=rows))
        answered(each.view.view.name)
    # An on-demand feature may pass a request column on under its own name.
    own = rows.drop([name for each in requested for name in each.columns], strict=False)
    return pl.concat([own, *frames], how="horizontal")


def _tell(progress: BackfillProgress, done: int, total: int, view: str) -> None:
    progress(view, done, total)


def _iter_chunks(requests: pl.LazyFrame, rows_at_once: int) -> Iterator[pl.DataFrame]:
    """The rows in their order, so many at once; a file without any is one chunk without any."""
    is_empty = True
    for rows in requests.collect_batches(chunk_size=rows_at_once, maintain_order=True):
        is_empty = False
        yield rows
    if is_empty:
        yield requests.head(0).collect()


def _scan(path: Path) -> pl.LazyFrame:
    """The file; CSV as text, for keys are read in the types of their facts, and everything else
    comes out as it was written.
    """
    match path.suffix:
        case ".parquet":
            return pl.scan_parquet(path)
        case ".csv":
            return pl.scan_csv(path, infer_schema=False)
        case _:
            return pl.scan_ndjson(path, infer_schema_length=None)


def _translated(chunks: Iterator[pl.DataFrame], path: Path) -> Iterator[pl.DataFrame]:
    """The chunks; what is wrong in the midst of the file is reported as what is wrong at its
    beginning.
    """
    while True:
        with _reading(path):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SpineUnusable(
            column=_TIME, problem=f"cannot be read from {path}: {str(error).partition(chr(10))[0]}"
        ) from error
