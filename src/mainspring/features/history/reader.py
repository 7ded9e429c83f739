"""Answer views from history, within a share of the machine's memory.

What is read of a view's sources is what the rows that ask can see: the columns that the view reads,
the keys that are asked about where they are few, and the times that a window reaches.  Facts that
do not fit into the share are divided by key on disk, in the pass that reads them, and answered part
after part.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from mainspring.elements.schema import Schema
from mainspring.elements.spilled_parts import SpilledParts, joined_frames
from mainspring.features.history.backfill import backfill_view
from mainspring.features.history.gather import FactReader, FactScanner, scan_facts, with_keys
from mainspring.features.history.query import fact_query_of
from mainspring.features.history.spill import answer_parts, spill_facts
from mainspring.features.history.stretches import stretches_by_time, taken_in
from mainspring.features.spec import Entity
from mainspring.features.view import CompiledView
from mainspring.sources.columns import conform_rows
from mainspring.sources.facts import FactQuery
from mainspring.sources.read import reading_table
from mainspring.sources.spec import Source
from mainspring.sources.topic import topic_of

__all__ = ["FactFrames", "HistoryReader", "half_of_memory"]

SYSTEM = ("_id", "_event_time", "_visible_from", "_visible_to", "_history")
_TIMES_THE_FRAME = 3
"""What facts take while they are answered, as a multiple of the frame that they are read into."""
_LARGEST_PART_BYTES = 256 << 20
_MOST_PARTS = 4_096
_BYTES_OF_OUTPUT = 18


def half_of_memory() -> int:
    """Half of the machine's memory, in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


class FactFrames:
    """The facts of a view that some rows can see, frame by frame, once."""

    def __init__(
        self,
        view: CompiledView,
        scan: FactScanner,
        spine: pl.DataFrame,
        entities: Sequence[Entity] | None = None,
    ) -> None:
        self._topics = " and ".join(topic_of(source.stream) for source in view.view.sources)
        self._scan = scan_facts(view, scan, fact_query_of(view, spine, entities))

    def __iter__(self) -> Iterator[pl.DataFrame]:
        yield from self._read(self._scan)

    def iter_without_ids(self) -> Iterator[pl.DataFrame]:
        """The same without their ids, which are read only where two facts happened at once."""
        yield from self._read(self._scan.drop("_id"))

    def ids(self) -> pl.Series:
        """The ids of all, in the same order."""
        frames = self._read(self._scan.select("_id"))
        return pl.concat([self.none().select("_id"), *frames])["_id"]

    def _read(self, scan: pl.LazyFrame) -> Iterator[pl.DataFrame]:
        frames = scan.collect_batches(maintain_order=True)
        while True:
            with reading_table(self._topics):
                frame = next(frames, None)
            if frame is None:
                return
            yield frame

    def none(self) -> pl.DataFrame:
        """A frame without a row."""
        with reading_table(self._topics):
            return self._scan.head(0).collect()

    def count(self) -> int:
        """How many facts there are.  Cost: a pass over what they are chosen by."""
        with reading_table(self._topics):
            return int(self._scan.select(pl.len()).collect().item())


@dataclass(frozen=True, eq=False, kw_only=True)
class HistoryReader:
    """Answers views for the rows of a spine.

    Args:
        scan: reads the facts of a source.
        memory_bytes: what facts, and what is made of them, may take; by default half of the
            machine's memory.  A spine and an answer that are frames come on top.
        folder: where facts that do not fit are written, about as large as these; by default the
            system's folder for temporary files.
    """

    scan: FactScanner
    memory_bytes: int | None = None
    folder: Path | None = None

    @classmethod
    def over(cls, facts_of: FactReader) -> "HistoryReader":
        """A reader of facts that are in memory already."""

        def scan(source: Source, query: FactQuery) -> pl.LazyFrame:
            facts = facts_of(source).lazy()
            if query.schema is None:
                return facts
            asked = conform_rows(facts, query.schema)
            return asked.select(*query.schema.names, *SYSTEM) if query.only else asked

        return cls(scan=scan)

    @property
    def room_bytes(self) -> int:
        """What facts may take, in bytes."""
        return half_of_memory() if self.memory_bytes is None else self.memory_bytes

    def read(self, source: Source, query: FactQuery) -> pl.DataFrame:
        """Facts of a source as they are."""
        with reading_table(topic_of(source.stream)):
            return self.scan(source, query).collect()

    def summarise(self, source: Source, expressions: Sequence[pl.Expr]) -> pl.DataFrame:
        """What expressions say of all facts of a source, of which no payload is read."""
        with reading_table(topic_of(source.stream)):
            scan = self.scan(source, FactQuery(Schema(()), only=True))
            return scan.select(expressions).collect(engine="streaming")

    def answer(self, view: CompiledView, spine: pl.DataFrame) -> pl.DataFrame:
        """The view's features for every row of the spine, whatever it takes: see `backfill_view`.

        Args:
            spine: as `prepare_spine` gives it.

        Raises: FEA-001 when an integer sum overflows; what reading the sources raises.
        Cost: for few keys that of reading their facts; else what `backfill_view` costs, and where
            facts are spilled each is written and read once.
        """
        spine = with_keys(view, self.answer, spine)
        facts = FactFrames(view, self.scan, spine)
        answer_bytes = spine.height * len(view.column_names) * _BYTES_OF_OUTPUT
        held, size = list[pl.DataFrame](), answer_bytes
        # What of the facts alone stands in the end cannot be matched with ids that are read later.
        is_whole = view.view.knowledge == "as_corrected"
        for frame in facts if is_whole else facts.iter_without_ids():
            held.append(frame)
            size += int(frame.estimated_size()) * _TIMES_THE_FRAME
            if size > self.room_bytes:
                held.clear()
                return self._answer_spilled(view, spine, facts)
        known = pl.concat(held) if held else facts.none()
        if is_whole:
            return backfill_view(view, known, spine)
        stretches = stretches_by_time(known) if view.tiles.kind == "newest" else None
        if stretches is None or len(stretches) == 1:
            return backfill_view(view, known, spine, ids=facts.ids)
        return backfill_view(
            view,
            taken_in(stretches, known),
            spine,
            ids=lambda: taken_in(stretches, facts.ids().to_frame()).to_series(),
        )

    def spill(
        self,
        entity: Entity,
        facts: FactFrames,
        folder: Path,
        *,
        answer_bytes: int = 0,
    ) -> SpilledParts:
        """Facts by the part of their key, on disk.

        Args:
            answer_bytes: of all answers, which are made part by part too.
        """
        joined = joined_frames(facts)
        first = next(joined, None)
        if first is None or not first.height:
            return SpilledParts(folder, 1)
        row_bytes = int(first.estimated_size()) // first.height * _TIMES_THE_FRAME + 1
        part = max(min(self.room_bytes // 4, _LARGEST_PART_BYTES), 1)
        number = -(-(facts.count() * row_bytes + answer_bytes) // part)
        return spill_facts(
            entity, chain([first], joined), folder, partitions=max(2, min(number, _MOST_PARTS))
        )

    def _answer_spilled(
        self, view: CompiledView, spine: pl.DataFrame, facts: FactFrames
    ) -> pl.DataFrame:
        """The same with facts divided on disk."""
        answers = []
        for entity in view.view.entities:
            if len(view.view.entities) > 1:
                facts = FactFrames(view, self.scan, spine, [entity])
            with TemporaryDirectory(dir=self.folder, prefix="mainspring-history-") as folder:
                parts = self.spill(entity, facts, Path(folder) / "facts")
                answers.append(answer_parts(view, entity, parts, spine, none=facts.none()))
        return pl.concat(answers, how="horizontal")
