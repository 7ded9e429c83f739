"""Requests of a file, chunk by chunk on disk, and the answers to them: neither is ever in memory
as a whole.

Requests are divided by key as facts are.  A part is answered at once, and its answers lie as its
requests do, chunk after chunk; so each chunk's answers are one stretch of every part's.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from mainspring.elements.spilled_parts import SpilledParts
from mainspring.features.history.backfill import backfill_entity
from mainspring.features.history.reader import FactFrames, HistoryReader
from mainspring.features.history.spill import Overflows, keys_as_asked, part_of
from mainspring.features.kernel.arrays import Ints
from mainspring.features.spec import Entity
from mainspring.features.view import CompiledView

__all__ = ["ChunkAnswers", "ChunkedSpine", "answer_chunks"]

_TIME, _ROW = "_prediction_time", "_row"
_SAMPLE = 20_001
_BYTES_OF_OUTPUT = 18


class ChunkedSpine:
    """Chunks of a spine as `prepare_spine` gives it, in files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.heights = folder, list[int]()
        folder.mkdir()

    def add(self, spine: pl.DataFrame) -> None:
        """Write a chunk."""
        spine.write_ipc(self._path(len(self.heights)), compression="uncompressed")
        self.heights.append(spine.height)

    def read(self, chunk: int) -> pl.DataFrame:
        """A chunk."""
        return pl.read_ipc(self._path(chunk), use_pyarrow=False)

    def _path(self, chunk: int) -> Path:
        return self._folder / f"{chunk:06}.arrow"


@dataclass(frozen=True, eq=False)
class ChunkAnswers:
    """The answers of a view: for each entity the files of its parts, where each chunk begins in
    them, and its requests by part.
    """

    entities: tuple["_EntityAnswers", ...]

    def read(self, chunk: int) -> pl.DataFrame:
        """The view's features for the rows of a chunk, in their order."""
        return pl.concat([entity.read(chunk) for entity in self.entities], how="horizontal")


@dataclass(frozen=True, eq=False)
class _EntityAnswers:
    requests: SpilledParts
    paths: tuple[Path, ...]
    starts: tuple[Ints, ...]

    def read(self, chunk: int) -> pl.DataFrame:
        rows, frames = list[Ints](), []
        for part, (path, starts) in enumerate(zip(self.paths, self.starts, strict=True)):
            size = int(starts[chunk + 1] - starts[chunk])
            if size or not part:
                frames.append(pl.scan_ipc(path).slice(int(starts[chunk]), size).collect())
                rows.append(self.requests.read_from(chunk, part)[_ROW].to_numpy())
        together = np.concatenate(rows)
        # Rows are counted through the file, and a chunk has consecutive ones.
        return pl.concat(frames)[np.argsort(together)]


def answer_chunks(
    view: CompiledView,
    reader: HistoryReader,
    spine_of: Callable[[int], pl.DataFrame],
    heights: Sequence[int],
    *,
    folder: Path,
    progress: Callable[[int], None],
) -> ChunkAnswers:
    """The view's features for all chunks, part by part.

    Args:
        spine_of: a chunk, with the keys that other views know.
        heights: how many rows each chunk has.
        folder: where answers are written; facts and requests are there meanwhile.
        progress: called with the rows that are answered, of the view's last entity.

    Raises: FEA-001 with the row of the file; what reading the sources raises.
    Cost: facts and requests are written and read once for each entity.
    """
    folder.mkdir()
    answers = []
    for number, entity in enumerate(view.view.entities):
        is_last = number == len(view.view.entities) - 1
        work = _EntityWork(view, entity, reader, folder / f"{number}", tuple(heights))
        answers.append(work.run(spine_of, progress if is_last else lambda _: None))
    return ChunkAnswers(tuple(answers))


@dataclass(frozen=True, eq=False)
class _EntityWork:
    view: CompiledView
    entity: Entity
    reader: HistoryReader
    folder: Path
    heights: tuple[int, ...]

    def run(
        self, spine_of: Callable[[int], pl.DataFrame], progress: Callable[[int], None]
    ) -> _EntityAnswers:
        self.folder.mkdir()
        facts = FactFrames(self.view, self.reader.scan, self._sample(spine_of), [self.entity])
        none, outputs = facts.none(), len(self.view.outputs)
        parts = self.reader.spill(
            self.entity,
            facts,
            self.folder / "facts",
            answer_bytes=sum(self.heights) * outputs * _BYTES_OF_OUTPUT,
        )
        requests = self._divide(spine_of, none, parts.number)
        paths, starts, done = list[Path](), list[Ints](), 0
        with Overflows() as overflows:
            for part in range(parts.number):
                asked = pl.concat(requests.read(part))
                own = pl.concat([none, *parts.read(part)])
                paths.append(self.folder / f"{part:06}.arrow")
                with overflows.of(asked[_ROW].to_numpy()):
                    answer = backfill_entity(self.view, self.entity, own, asked)
                    answer.write_ipc(paths[-1], compression="uncompressed")
                starts.append(requests.places(part))
                done += asked.height
                progress(done)
        shutil.rmtree(self.folder / "facts")
        return _EntityAnswers(requests, tuple(paths), tuple(starts))

    def _sample(self, spine_of: Callable[[int], pl.DataFrame]) -> pl.DataFrame:
        """Rows with the first and the last time of all, and with their keys as long as these are
        few.
        """
        found = pl.DataFrame()
        columns = self.view.key_columns(self.entity)
        for chunk in range(len(self.heights)):
            spine = spine_of(chunk).select(*columns, _TIME)
            if spine.height:
                ends = _ends(spine)
                few = spine.unique(columns).head(_SAMPLE) if columns else ends
                found = pl.concat([found, ends, few]) if found.height else pl.concat([ends, few])
                few = found.unique([*columns]).head(_SAMPLE) if columns else found.head(0)
                ends = _ends(found)
                found = pl.concat([ends, few])
        return found

    def _divide(
        self, spine_of: Callable[[int], pl.DataFrame], none: pl.DataFrame, number: int
    ) -> SpilledParts:
        """The requests by the part of their key, with the row of the file that each is."""
        requests, first = SpilledParts(self.folder / "requests", number), 0
        for chunk, height in enumerate(self.heights):
            spine = spine_of(chunk)
            part = part_of(self.entity, keys_as_asked(self.view, self.entity, spine, none), number)
            rows = pl.int_range(first, first + height, dtype=pl.Int64, eager=True).alias(_ROW)
            columns = dict.fromkeys([*self.view.key_columns(self.entity), _TIME])
            requests.add(spine.select(*columns).with_columns(rows), part)
            first += height
        return requests


def _ends(spine: pl.DataFrame) -> pl.DataFrame:
    """Rows with the first and the last time."""
    is_end = pl.col(_TIME).is_in([spine[_TIME].min(), spine[_TIME].max()])
    return spine.filter(is_end).unique(_TIME)
