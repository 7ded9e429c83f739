"""Find single rows of a raw log by their raw offsets."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import polars as pl

from mainspring.elements.content import with_content
from mainspring.ports.log import LogReader
from mainspring.ports.objects import ObjectReader
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.files import iter_rows
from mainspring.sources.raw.body import decode_rows
from mainspring.sources.raw.copies import opened_copy
from mainspring.sources.raw.log import StoredSegment, iter_segments

__all__ = ["RawRowReader"]

_ROWS_AT_ONCE = 65_536


class RawRowReader:
    """Reads rows of a raw log as a source reads them.

    The ids of the last file that was asked for are remembered, since corrections mostly hit one
    file.
    """

    def __init__(
        self,
        compiled: CompiledSource,
        *,
        log: LogReader,
        objects: ObjectReader,
        topic: str,
        rows_at_once: int = _ROWS_AT_ONCE,
    ) -> None:
        self._rows_at_once = rows_at_once
        self._compiled, self._log, self._objects, self._topic = compiled, log, objects, topic
        self._file, self._ids = -1, pl.Series([], dtype=pl.String)

    def ids(self, offsets: Sequence[int]) -> dict[int, str]:
        """The id of each row, where it has one.

        Raises: RetentionPassed ENG-011 for rows that were trimmed.
        """
        found: dict[int, str | None] = {}
        for stored, places in self._places(offsets):
            ids = self._ids_of(stored)
            found |= {stored.segment.start + place: ids[place] for place in places}
        return {offset: id_ for offset, id_ in found.items() if id_ is not None}

    def frame(self, offsets: Sequence[int]) -> pl.DataFrame:
        """The rows as they came, those of one type of source for `prepare`."""
        frames = [self._frame_of(stored, places) for stored, places in self._places(offsets)]
        if not frames:
            return self._compiled.no_rows
        return pl.concat(frames, how="diagonal_relaxed")

    def contents(self, stored: StoredSegment, ids: frozenset[str]) -> dict[str, bytes]:
        """By id, for each of these, the content of the first row of a file that has it."""
        assert stored.segment.file is not None
        found: dict[str, bytes] = {}
        if not stored.segment.rows:
            return found
        with opened_copy(stored.segment.file, self._objects) as path:
            for rows in iter_rows(self._compiled.source, path, rows=self._rows_at_once):
                chosen = rows.filter(self._compiled.ids_of(rows).is_in(list(ids)))
                kept = with_content(self._compiled.prepare(chosen).kept)
                for id_, content in kept.select("_id", "_content").iter_rows():
                    found.setdefault(id_, content)
        return found

    def _ids_of(self, stored: StoredSegment) -> pl.Series:
        segment = stored.segment
        if segment.file is None:
            rows = self._compiled.frame_of(decode_rows(stored.body, segment.encoding))
            return self._compiled.ids_of(rows)
        if self._file != stored.offset:
            with opened_copy(segment.file, self._objects) as path:
                frames = iter_rows(self._compiled.source, path, rows=self._rows_at_once)
                self._ids = pl.concat([self._compiled.ids_of(frame) for frame in frames])
            self._file = stored.offset
        return self._ids

    def _frame_of(self, stored: StoredSegment, places: Sequence[int]) -> pl.DataFrame:
        segment = stored.segment
        if segment.file is None:
            return self._compiled.frame_of(decode_rows(stored.body, segment.encoding))[places]
        wanted, parts, first = sorted(set(places)), list[pl.DataFrame](), 0
        with opened_copy(segment.file, self._objects) as path:
            for rows in iter_rows(self._compiled.source, path, rows=self._rows_at_once):
                until = first + rows.height
                own = wanted[bisect_left(wanted, first) : bisect_left(wanted, until)]
                parts.append(rows[[place - first for place in own]])
                first = until
        assert wanted[-1] < first, f"{segment.file.path} has no row {wanted[-1]}"
        found = pl.concat(parts, how="diagonal_relaxed")
        return found[[bisect_left(wanted, place) for place in places]]

    def _places(self, offsets: Sequence[int]) -> Iterator[tuple[StoredSegment, list[int]]]:
        """For neighbouring offsets that lie in one segment, their places in it: it is read once."""
        held, places = None, list[int]()
        for offset in offsets:
            if held is None or not held.segment.start <= offset < held.segment.end:
                if held is not None:
                    yield held, places
                held, places = self._segment_of(offset), []
            if held is not None:
                places.append(offset - held.segment.start)
        if held is not None:
            yield held, places

    def _segment_of(self, raw: int) -> StoredSegment | None:
        """The segment that holds a raw offset, found by halving."""
        low, high = self._log.first(self._topic), self._log.head(self._topic)
        while low < high:
            middle = (low + high) // 2
            [stored] = iter_segments(self._topic, self._log, start=middle, stop=middle + 1)
            if raw < stored.segment.start:
                high = middle
            elif raw >= stored.segment.end:
                low = middle + 1
            else:
                return stored
        return None
