"""Backfill for a file of requests, which may be larger than memory: it is read and answered piece
by piece, and the answer appears whole or not at all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import polars as pl

from mainspring.elements.frame import STORED
from mainspring.features.errors import SpineUnusable
from mainspring.features.history.answer_file import refuse_unwritable, write_answer_file
from mainspring.features.history.chunks import ChunkAnswers, ChunkedSpine, answer_chunks
from mainspring.features.history.gather import backfill_requested, with_keys
from mainspring.features.history.reader import HistoryReader
from mainspring.features.requested import RequestedView, views_in
from mainspring.features.requests import prepare_spine
from mainspring.features.view import CompiledView, with_lookups

__all__ = ["BackfillProgress", "BackfillReport", "backfill_file"]

_ROWS_AT_ONCE = 1_000_000
_TIME = "prediction_time"

BackfillProgress = Callable[[str, int, int], None]
"""Told the view at work, for how many rows it has answered, and of how many."""


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
    reader: HistoryReader,
    progress: BackfillProgress,
    rows_at_once: int = _ROWS_AT_ONCE,
) -> BackfillReport:
    """Answer every row of a file of requests, in its order, into another file.

    Args:
        spine: join keys and `prediction_time`; the suffix says the format of this file and of
            `out`.
        reader: answers from history; what does not fit into its memory is written beside `out`.
        rows_at_once: how many rows, with their answers, are in memory at a time.

    Raises: FEA-010 for a file that cannot be read, a column that is missing or of another type;
        FEA-001; FEA-060 for a column that the format of `out` cannot hold.
    Cost: facts are read once for each view, and once more for each entity after its first; where
        there are more rows than are in memory at a time, facts, rows and answers are written and
        read once.
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
        carried = requests.collect_schema()
    computed = {
        field.name: STORED[field.dtype]
        for view in views_in(requested)
        for field in view.fields
        if any(field.name in each.columns for each in requested)
    }
    refuse_unwritable({**carried, **computed}, out)
    with TemporaryDirectory(dir=out.parent, prefix=".backfill-") as folder:
        work = _Backfill(
            requested, replace(reader, folder=Path(folder)), Path(folder), progress, out
        )
        return work.run(_translated(_iter_chunks(requests, rows_at_once), spine))


@dataclass(frozen=True, eq=False)
class _Backfill:
    """One backfill at work in a folder of its own."""

    requested: Sequence[RequestedView]
    reader: HistoryReader
    folder: Path
    progress: BackfillProgress
    out: Path

    def run(self, chunks: Iterator[pl.DataFrame]) -> BackfillReport:
        """Answer the chunks, and write the answer."""
        first = next(chunks)
        second = next(chunks, None)
        if second is None:
            return self._write(self._answer_at_once(first))
        return self._write(self._answer_in_parts(chain([first, second], chunks)))

    def _answer_at_once(self, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
        spine, frames = prepare_spine(rows, views_in(self.requested)), []
        for each in self.requested:
            frames.append(backfill_requested(each, self.reader.answer, spine, request=rows))
            self.progress(each.view.view.name, rows.height, rows.height)
        yield self._beside(rows, frames)

    def _answer_in_parts(self, chunks: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        rows, spine = (ChunkedSpine(self.folder / name) for name in ("rows", "spine"))
        names = dict.fromkeys(
            field.name for view in views_in(self.requested) for field in view.key_fields
        )
        for chunk in chunks:
            rows.add(chunk)
            asked = prepare_spine(chunk, views_in(self.requested))
            spine.add(asked.select(*names, "_prediction_time"))
        answers: dict[str, ChunkAnswers] = {}
        for place, view in enumerate(with_lookups(views_in(self.requested))):
            answers[view.shard] = answer_chunks(
                view,
                self.reader,
                partial(self._spine_of, view, spine, answers),
                spine.heights,
                folder=self.folder / f"view-{place}",
                progress=partial(self._tell, view.view.name, sum(spine.heights)),
            )
        for number in range(len(spine.heights)):
            own = rows.read(number)
            frames = [
                backfill_requested(each, partial(self._answered, answers, number), own, request=own)
                for each in self.requested
            ]
            yield self._beside(own, frames)

    def _spine_of(
        self,
        view: CompiledView,
        spine: ChunkedSpine,
        answers: Mapping[str, ChunkAnswers],
        chunk: int,
    ) -> pl.DataFrame:
        """A chunk with the keys that other views know."""
        return with_keys(view, partial(self._answered, answers, chunk), spine.read(chunk))

    def _answered(
        self,
        answers: Mapping[str, ChunkAnswers],
        chunk: int,
        view: CompiledView,
        _: pl.DataFrame,
    ) -> pl.DataFrame:
        return answers[view.shard].read(chunk)

    def _tell(self, view: str, total: int, done: int) -> None:
        self.progress(view, done, total)

    def _beside(self, rows: pl.DataFrame, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
        # An on-demand feature may pass a request column on under its own name.
        names = [name for each in self.requested for name in each.columns]
        return pl.concat([rows.drop(names, strict=False), *frames], how="horizontal")

    def _write(self, answers: Iterator[pl.DataFrame]) -> BackfillReport:
        done, schema, parts = 0, pl.Schema(), []
        for index, answer in enumerate(answers):
            done, schema = done + answer.height, answer.schema
            parts.append(self.folder / f"{index:06}.parquet")
            answer.write_parquet(parts[-1])
        write_answer_file(parts, self.out, folder=self.folder)
        return BackfillReport(out=str(self.out), rows=done, columns=tuple(schema.names()))


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
