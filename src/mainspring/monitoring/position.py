"""How far a monitor has come: a small document that says where to read on, and what is remembered
of what was read.

A window needs the labelled predictions of 120 days.  Three ways to have them after a restart were
considered.  To keep positions only, and read the days again from there, decodes the inference log
again whenever a process begins, which a scheduled `mainspring watch` does each time.  To keep the
metrics of each day is small, but a label that comes late changes the metrics of an old day, and a
label does not say of which.  So what a window has read is kept as a chunk of numbers (see `join`)
in the object store, under the digest that the document names: it is written once, costs 40 bytes a
prediction, and a collection of garbage keeps what a document names and removes the rest.

Chunks are a copy of the log, never the truth: where one is missing, the log is read once from its
start.  The chunks of a day that is over become one, so that a document names at most one for each
remembered day and one for each window of the present day.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from mainspring.datasets.build import parse_training_rows, render_training_rows
from mainspring.elements.identity import Digest
from mainspring.elements.stored import (
    StoredRecord,
    pack_stored,
    parse_bare,
    parse_stored,
    render_stored,
    unpack_stored,
)
from mainspring.elements.time import DAY, Micros
from mainspring.flow.schedule import ScheduleWindow
from mainspring.monitoring.join import (
    KeyedPredictions,
    LabelChanges,
    LabelledPredictions,
    stack_changes,
    stack_predictions,
)
from mainspring.monitoring.limits.judgement import Unjudged

__all__ = [
    "REMEMBERED_DAYS",
    "MonitorChunk",
    "MonitorMemory",
    "MonitorPosition",
    "ReadOffsets",
    "ReadSegment",
    "StoredMemoryChunk",
    "WindowSummary",
    "first_remembered_day",
    "merge_chunks",
    "parse_chunk",
    "parse_position",
    "render_chunk",
    "render_position",
]

REMEMBERED_DAYS = 120
"""How many days of predictions that can have a label a window can see."""

_BEFORE_ALL: Micros = -(2**62)
Column = TypeVar("Column", np.int64, np.uint64, np.float64)


class ReadSegment(NamedTuple):
    """What of a segment of the inference log has been read, up to the end of the last window.

    Args:
        unread: the lowest offset of a prediction that is not in the memory; those of later windows
            may lie before others, for threads append side by side.
        head: its head at that time; below it, what was made before the end is in the memory.
    """

    unread: int = 0
    head: int = 0


class ReadOffsets(msgspec.Struct, frozen=True, kw_only=True):
    """What of each topic has been read, up to the end of the last window.

    Args:
        end: of that window.
        predictions, predictions_head: as of `ReadSegment`, of the predictions that lie in no
            segment.
        segments: of every other segment, by its number; unset where there is none.
        labels: the head of the labels' topic.
        ingested: by topic of rows or of quarantine, the lowest offset that was appended at `end` or
            later.
    """

    end: Micros = _BEFORE_ALL
    predictions: int = 0
    predictions_head: int = 0
    labels: int = 0
    ingested: dict[str, int] = {}
    segments: dict[int, ReadSegment] | msgspec.UnsetType = msgspec.UNSET

    def segment(self, number: int) -> ReadSegment:
        """What of a segment has been read."""
        if number == 0:
            return ReadSegment(self.predictions, self.predictions_head)
        known = {} if isinstance(self.segments, msgspec.UnsetType) else self.segments
        return known.get(number, ReadSegment())

    def with_segments(self, read: Mapping[int, ReadSegment]) -> "ReadOffsets":
        """These offsets, with others of all segments."""
        first = read.get(0, ReadSegment(self.predictions, self.predictions_head))
        others = {number: each for number, each in sorted(read.items()) if number}
        return msgspec.structs.replace(
            self,
            predictions=first.unread,
            predictions_head=first.head,
            segments=others or msgspec.UNSET,
        )


class StoredMemoryChunk(msgspec.Struct, frozen=True):
    """A chunk of memory: the day of the window's end, in days since 1970, and the object's name."""

    day: int
    digest: Digest


class WindowSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to say of the last window, beside its incidents.

    Args:
        predictions: made in it.
        judged: how many subjects were judged.
        unjudged: those that were not, and why.
    """

    predictions: int
    judged: int
    unjudged: tuple[Unjudged, ...]


class MonitorPosition(StoredRecord, frozen=True, kw_only=True):
    """How far a monitor has come.  Document kind `monitor_position`, key `<environment>/<monitor>`.

    Args:
        window: the last that was evaluated, or the one in which the monitor was first seen.
        subject: digest of what is joined with what; what was remembered of another is of no use.
        offsets: None where nothing was read yet.
        chunks: oldest first.
        summary: of the window; unset where none was evaluated yet.
    """

    title = "the position of a monitor"
    document = "monitor_position"

    window: ScheduleWindow
    subject: str = ""
    offsets: ReadOffsets | None = None
    chunks: tuple[StoredMemoryChunk, ...] = ()
    summary: WindowSummary | msgspec.UnsetType = msgspec.UNSET


def render_position(position: MonitorPosition) -> bytes:
    """Canonical bytes; `parse_position` is the inverse."""
    return render_stored(position)


def parse_position(payload: bytes, *, monitor: str) -> MonitorPosition:
    """The position of these bytes, and of those that release 0.1 wrote: the bounds of the last
    window and nothing else.  Raises: NewerFormat REG-005.

    >>> parse_position(b"[0,3600000000]", monitor="m").window
    ScheduleWindow(start=0, end=3600000000)
    """
    if payload.startswith(b"["):
        window = parse_bare(payload, tuple[Micros, Micros], title=MonitorPosition.title)
        return MonitorPosition(window=ScheduleWindow(*window))
    return parse_stored(payload, MonitorPosition, key=monitor)


class MonitorChunk(StoredRecord, frozen=True, kw_only=True):
    """What one window, or all windows of one day, added to the memory: little-endian columns.

    Format 1 held a label for each key and not the facts behind it.  Such a memory is of another
    subject, so it is never read: the log is.

    Args:
        times, keys, scores, labels, offsets: of predictions, with the labels that were known when
            they were read.
        label_facts: what was read of labels after these predictions, as Arrow.
        changed_offsets, changed_labels: the predictions whose labels were decided anew by it.
    """

    title = "the memory of a monitor"
    newest_format = 2

    times: bytes
    keys: bytes
    scores: bytes
    labels: bytes
    offsets: bytes
    label_facts: bytes
    changed_offsets: bytes
    changed_labels: bytes


def render_chunk(predictions: KeyedPredictions, changes: LabelChanges) -> bytes:
    """The bytes of a chunk; `parse_chunk` is the inverse."""
    return pack_stored(
        MonitorChunk(
            record_format=MonitorChunk.newest_format,
            times=_packed(predictions.times),
            keys=_packed(predictions.keys),
            scores=_packed(predictions.scores),
            labels=_packed(predictions.labels),
            offsets=_packed(predictions.offsets),
            label_facts=render_training_rows(changes.facts),
            changed_offsets=_packed(changes.offsets),
            changed_labels=_packed(changes.labels),
        )
    )


def parse_chunk(payload: bytes) -> tuple[KeyedPredictions, LabelChanges]:
    """The predictions of a chunk, and what it learned about labels."""
    chunk = unpack_stored(payload, MonitorChunk)
    predictions = KeyedPredictions(
        times=_unpacked(chunk.times, np.int64),
        keys=_unpacked(chunk.keys, np.uint64),
        scores=_unpacked(chunk.scores, np.float64),
        labels=_unpacked(chunk.labels, np.float64),
        offsets=_unpacked(chunk.offsets, np.int64),
    )
    changes = LabelChanges(
        parse_training_rows(chunk.label_facts),
        _unpacked(chunk.changed_offsets, np.int64),
        _unpacked(chunk.changed_labels, np.float64),
    )
    return predictions, changes


def merge_chunks(payloads: Iterable[bytes]) -> bytes:
    """One chunk that gives the same memory as these, oldest first.

    A decision names its prediction, so to apply all of them after all predictions changes nothing.
    """
    chunks = [parse_chunk(payload) for payload in payloads]
    return render_chunk(
        stack_predictions([predictions for predictions, _ in chunks]),
        stack_changes([changes for _, changes in chunks]),
    )


def first_remembered_day(end: Micros, *, horizon: Micros | None = None) -> int:
    """The first day that a window which ends then can see, in days since 1970.

    Args:
        horizon: of the label: what was predicted within it has none yet.
    """
    return (end - (horizon or 0)) // DAY - REMEMBERED_DAYS


@dataclass
class MonitorMemory:
    """What a monitor remembers between two windows.

    Args:
        subject, chunks: as of `MonitorPosition`; empty where nothing of it is stored.
    """

    subject: str
    offsets: ReadOffsets = field(default_factory=ReadOffsets)
    predictions: LabelledPredictions = field(default_factory=LabelledPredictions)
    chunks: tuple[StoredMemoryChunk, ...] = ()

    @classmethod
    def restored(cls, position: MonitorPosition, payloads: Sequence[bytes]) -> "MonitorMemory":
        """The memory of a position.

        Args:
            payloads: its chunks, in their order.
        """
        chunks = [
            (stored.day, *parse_chunk(payload))
            for stored, payload in zip(position.chunks, payloads, strict=True)
        ]
        return cls(
            position.subject,
            position.offsets or ReadOffsets(),
            LabelledPredictions.restored(chunks),
            position.chunks,
        )


def _packed(column: NDArray[Column]) -> bytes:
    return column.astype(column.dtype.newbyteorder("<")).tobytes()


def _unpacked(payload: bytes, dtype: type[Column]) -> NDArray[Column]:
    return np.frombuffer(payload, dtype=np.dtype(dtype).newbyteorder("<")).astype(dtype)
