"""A log with what several calls append to it, before any of it is there."""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from mainspring.elements.content import with_content
from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import Identity, LogWriter, PackedRecord
from mainspring.ports.packed_frame import frame_of_records

__all__ = ["PendingLog"]


class PendingLog:
    """A `LogWriter` over another one: what is appended to it is read from it at once, and lies in
    the other one, in one transaction, after `commit`.

    What others append to the other log meanwhile is not seen, and refuses the commit.  One thread
    uses it, for one transaction.
    """

    def __init__(self, log: LogWriter) -> None:
        self._log = log
        self._began_at = dict[str, int]()
        self._head = dict[str, int]()
        self._frames = dict[str, list[tuple[int, pl.DataFrame]]]()
        self._identities = dict[str, dict[str, Identity]]()
        self._indexed = dict[str, int]()
        self._trims = dict[str, int]()

    def commit(self) -> None:
        """Append everything to the other log.  Raises: StaleWrite ENG-004 where somebody appended
        to one of its topics since it was first looked at; then nothing is appended.
        """
        batches = {
            topic: pl.concat([frame for _, frame in frames], how="diagonal")
            if len(frames) > 1
            else frames[0][1]
            for topic, frames in self._frames.items()
        }
        if batches:
            self._log.append(batches, expected={topic: self._began_at[topic] for topic in batches})
        for topic, before in self._trims.items():
            self._log.trim(topic, before)

    def topics(self) -> Sequence[str]:
        """All topics that ever had a record, or have one waiting."""
        return sorted({*self._log.topics(), *self._frames})

    def first(self, topic: str) -> int:
        """As the other log has it."""
        return self._log.first(topic)

    def head(self, topic: str) -> int:
        """The offset after the last record that waits, or lay there when it was first asked for."""
        if topic not in self._head:
            self._head[topic] = self._began_at[topic] = self._log.head(topic)
        return self._head[topic]

    def read(
        self, topic: str, *, start: int = 0, stop: int | None = None
    ) -> Iterator[pl.DataFrame]:
        """The records of the other log, then those that wait."""
        head = self.head(topic)
        stop = head if stop is None else min(stop, head)
        began_at = self._began_at[topic]
        if start < min(stop, began_at):
            yield from self._log.read(topic, start=start, stop=min(stop, began_at))
        for first, frame in self._frames.get(topic, ()):
            low, high = max(start, first), min(stop, first + frame.height)
            if low < high:
                rows = frame[low - first : high - first]
                yield rows.insert_column(0, pl.int_range(low, high, eager=True).alias("_offset"))

    def find(self, topic: str, ids: Sequence[str]) -> Mapping[str, Identity]:
        """The newest revision of each of these ids, waiting or not."""
        waiting = self._waiting_identities(topic)
        fresh = {id_: waiting[id_] for id_ in ids if id_ in waiting}
        rest = [id_ for id_ in ids if id_ not in fresh] if fresh else ids
        return {**self._log.find(topic, rest), **fresh}

    def append(
        self, batches: Mapping[str, pl.DataFrame], *, expected: Mapping[str, int]
    ) -> Mapping[str, int]:
        """Let frames wait; the new heads.  Raises: StaleWrite ENG-004."""
        for topic in batches:
            head = self.head(topic)
            if expected.get(topic, head) != head:
                raise StaleWrite(
                    what=f"topic {topic}", expected=f"offset {expected[topic]}", found=str(head)
                )
        for topic, frame in batches.items():
            if frame.height:
                head = self._head[topic]
                self._frames.setdefault(topic, []).append((head, frame))
                self._head[topic] = head + frame.height
        return {topic: self._head[topic] for topic in batches}

    def append_packed(self, topic: str, records: Sequence[PackedRecord], *, on_disk: bool) -> int:
        """Let packed records wait; the new head."""
        del on_disk
        return self.append({topic: frame_of_records(records)}, expected={})[topic]

    def _waiting_identities(self, topic: str) -> Mapping[str, Identity]:
        """Made when somebody asks: for the last of a group nobody does."""
        found = self._identities.setdefault(topic, {})
        frames = self._frames.get(topic, [])
        for first, frame in frames[self._indexed.get(topic, 0) :]:
            found.update(_identities(frame, first))
        self._indexed[topic] = len(frames)
        return found

    def trim(self, topic: str, before: int) -> int:
        """Trim the other log after the commit; what is first there now."""
        self._trims[topic] = before
        return self._log.first(topic)

    def compact(self, topic: str) -> int:
        """Nothing: what waits becomes one batch."""
        del topic
        return 0


def _identities(frame: pl.DataFrame, head: int) -> Iterator[tuple[str, Identity]]:
    frame = with_content(frame)
    columns = (frame[name].to_list() for name in ("_id", "_content", "_visible_at", "_op"))
    for place, (id_, content, visible_at, op) in enumerate(zip(*columns, strict=True)):
        yield id_, Identity(head + place, content, visible_at, op == "insert")
