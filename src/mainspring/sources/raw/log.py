"""Read and write the raw log of a source: a topic of the log with a record for each segment."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import polars as pl

from mainspring.elements.stored import pack_stored, unpack_stored
from mainspring.ports.log import LogReader
from mainspring.sources.raw.segment import RawSegment

__all__ = [
    "RawHead",
    "SegmentToStore",
    "StoredSegment",
    "count_pushed",
    "find_file",
    "find_refreshes",
    "is_emptied",
    "is_void",
    "iter_segments",
    "lies_under",
    "name_of_body",
    "name_of_file",
    "name_of_hits",
    "name_of_refresh",
    "raw_head",
    "raw_start",
    "segment_record",
    "segment_records",
]

_NEWEST = "newest"


class StoredSegment(NamedTuple):
    """A segment in its place in the topic; `body` is that of pushed rows."""

    offset: int
    segment: RawSegment
    body: bytes


class RawHead(NamedTuple):
    """Where a raw log ends: the next offset of its topic, the next raw offset of a row, and the
    size of all rows as they came.
    """

    offset: int
    rows: int
    size_bytes: int

    def placed(self, segment: RawSegment) -> RawSegment:
        """A segment as the next one."""
        return msgspec.structs.replace(segment, start=self.rows, before_bytes=self.size_bytes)

    def after(self, segment: RawSegment) -> "RawHead":
        """Where it ends with this segment as its last."""
        return RawHead(self.offset + 1, segment.end, segment.before_bytes + segment.size_bytes)


def raw_head(topic: str, log: LogReader) -> RawHead:
    """Where the raw log ends.  Cost: a read of one record."""
    head = log.head(topic)
    if head == 0:
        return RawHead(0, 0, 0)
    # Retention never takes the last segment, which says how many rows there were.
    [last] = iter_segments(topic, log, start=head - 1, stop=head)
    return RawHead(head - 1, 0, 0).after(last.segment)


def is_emptied(segment: RawSegment) -> bool:
    """Whether all rows before the segment were removed for good."""
    return segment.kind == "drop" and not segment.rows_in_quarantine


def raw_start(topic: str, log: LogReader) -> int:
    """The offset at which a generation begins to read: 0, or where a log was emptied."""
    first = log.first(topic)
    if first == 0:
        return 0
    found = next(iter_segments(topic, log, start=first, stop=first + 1), None)
    return first if found and is_emptied(found.segment) else 0


def count_pushed(topic: str, log: LogReader) -> int:
    """How many rows were pushed that the raw log still has.  Cost: reads it, but no files."""
    segments = iter_segments(topic, log, start=log.first(topic))
    return sum(stored.segment.rows for stored in segments if stored.segment.kind == "rows")


def iter_segments(
    topic: str, log: LogReader, *, start: int = 0, stop: int | None = None
) -> Iterator[StoredSegment]:
    """The segments with `start <= offset < stop`, in order.

    Raises: RetentionPassed ENG-011 for what was trimmed.
    """
    for frame in log.read(topic, start=start, stop=stop):
        columns = (frame["_offset"], frame["segment"], frame["body"])
        for offset, payload, body in zip(*(column.to_list() for column in columns), strict=True):
            yield StoredSegment(offset, unpack_stored(payload, RawSegment), body or b"")


def find_file(topic: str, log: LogReader, path: str) -> StoredSegment | None:
    """The segment of the last time that a file was read; None where it never was, or where that
    was trimmed.  Cost: two reads, of whatever length the log.
    """
    name = name_of_file(path)
    found = log.find(topic, [name]).get(name)
    if found is None or found.offset < log.first(topic):
        return None
    [stored] = iter_segments(topic, log, start=found.offset, stop=found.offset + 1)
    return stored


def find_refreshes(topic: str, log: LogReader, count: int) -> dict[str, int]:
    """By path, the offset of the last of the first so many refreshes of its file."""
    if count == 0:
        return {}
    names = [name_of_refresh(number) for number in range(1, count + 1)]
    found = log.find(topic, names)
    offsets = [found[name].offset for name in names if name in found]
    segments = (
        stored
        for offset in offsets
        for stored in iter_segments(topic, log, start=offset, stop=offset + 1)
    )
    return {path: stored.offset for stored in segments for path in stored.segment.paths}


def is_void(stored: StoredSegment, refreshes: Mapping[str, int]) -> bool:
    """Whether a refresh has superseded the rows of a file.

    Args:
        refreshes: as `find_refreshes` gives them.
    """
    file = stored.segment.file
    return file is not None and any(
        stored.offset < offset and lies_under(file.path, path) for path, offset in refreshes.items()
    )


class SegmentToStore(NamedTuple):
    """A segment to append, the rows of its push, and what it is found by: see `name_of_body` and
    `name_of_refresh`; default: that of its file, or one that it shares with others, which keeps the
    index of ids from growing.
    """

    segment: RawSegment
    body: bytes = b""
    name: str = ""


def segment_record(segment: RawSegment, body: bytes = b"", *, name: str = "") -> pl.DataFrame:
    """The record of a segment, for the log; see `SegmentToStore`."""
    return segment_records([SegmentToStore(segment, body, name)])


def segment_records(given: Sequence[SegmentToStore]) -> pl.DataFrame:
    """The records of segments that follow each other, for the log."""
    segments = [each.segment for each in given]
    moments = [segment.appended_at for segment in segments]
    contents = [segment.end.to_bytes(16, "big") for segment in segments]
    return pl.DataFrame(
        {
            "_id": [each.name or _name_of(each.segment) for each in given],
            "_content": pl.Series(contents, dtype=pl.Binary),
            "_op": ["insert"] * len(given),
            "_event_time": moments,
            "_known_at": moments,
            "_appended_at": moments,
            "_visible_at": moments,
            "_history": [segment.history for segment in segments],
            "segment": pl.Series([pack_stored(each) for each in segments], dtype=pl.Binary),
            "body": pl.Series([each.body for each in given], dtype=pl.Binary),
        }
    )


def _name_of(segment: RawSegment) -> str:
    return name_of_file(segment.file.path) if segment.file else _NEWEST


def lies_under(path: str, folder: str) -> bool:
    """Whether a path is that of a file, or of one in a folder."""
    return path == folder or path.startswith(f"{folder}/")


def name_of_file(path: str) -> str:
    """What the last segment of a file is found by."""
    return f"file:{path}"


def name_of_refresh(number: int) -> str:
    """What a refresh is found by; the first has number 1."""
    return f"refresh:{number}"


def name_of_hits(file: int, row: int) -> str:
    """What the hits are found by of a file's rows from one on; `file` is the raw offset of its
    first.
    """
    return f"hits:{file}:{row}"


def name_of_body(body: bytes) -> str:
    """What a push is found by where an equal one must be noticed."""
    return f"body:{hashlib.blake2b(body, digest_size=16).hexdigest()}"
