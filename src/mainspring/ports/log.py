"""The port of the log: accepted records, append-only, by topic and offset; the system of record.

A topic is `source:<name>` (facts), `quarantine:<name>` (rows that broke a contract) or
`inference:<environment>:<endpoint>` (predictions). Records travel as Polars frames.  Every frame
has the columns of `ENVELOPE`; the rest is the payload of the topic.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from mainspring.elements.time import Micros

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "ENVELOPE",
    "IdentifiedLog",
    "Identity",
    "LogReader",
    "LogWriter",
    "PackedRecord",
]

ENVELOPE = (
    "_offset",
    "_id",
    "_content",
    "_op",
    "_event_time",
    "_known_at",
    "_appended_at",
    "_visible_at",
    "_history",
)
"""Columns of a record as read.

`_offset` int64, given by `append` (absent from what is appended) · `_id` text · `_content` 16-byte
binary digest of the row, null where it is the one of its payload (`elements.content`) ·
`_op` text: `insert`, or `retract`, which withdraws the revision of the same id from `_visible_at`
on (its payload is that of the withdrawn revision) · `_event_time`, `_known_at`, `_appended_at`,
`_visible_at` int64 microseconds · `_history` boolean: imported as history.
"""


class Identity(NamedTuple):
    """The newest accepted revision of a record: its offset, content, visible time, and whether it
    is still valid.
    """

    offset: int
    content: bytes
    visible_at: Micros
    stands: bool


class PackedRecord(NamedTuple):
    """A record whose payload is bytes, so that no frame need be built to append it.

    As read it has the columns `shared` and `packed`, both binary.

    Args:
        at: all of its four times.
        shared: what many records of a topic have in common; an engine may hold it once.
        packed: the rest.
    """

    id: str
    at: Micros
    shared: bytes
    packed: bytes

    @property
    def content(self) -> bytes:
        """What `find` answers as the content of the record."""
        return blake2b(self.packed, digest_size=16).digest()


class LogReader(Protocol):
    """Reads the log.

    Guarantees: offsets of a topic start at 0 and have no gaps; a record never changes; what
        was read once can be read again until it is trimmed.
    Errors: ENG-011 when records below `first` are read, also when the next records of a running
        read were trimmed meanwhile.
    """

    def topics(self) -> Sequence[str]:
        """All topics that ever had a record, sorted."""
        ...

    def first(self, topic: str) -> int:
        """The offset of the oldest stored record: 0 if nothing was trimmed, the head if everything
        was.
        """
        ...

    def head(self, topic: str) -> int:
        """The offset that the next record will get; 0 for a topic without records."""
        ...

    def read(
        self, topic: str, *, start: int = 0, stop: int | None = None
    ) -> Iterator["pl.DataFrame"]:
        """The records with `start <= offset < stop` in order, in frames as they were written or
        several of them joined (cut at the bounds).
        """
        ...

    def find(self, topic: str, ids: Sequence[str]) -> Mapping[str, Identity]:
        """The newest revision of each of these ids; those of trimmed records are still found, and
        none is without its content.
        Cost: 1–4 µs an id; where one is known, a frame of the log may be read for it and for its
        neighbours, and its content computed.
        """
        ...


class LogWriter(LogReader, Protocol):
    """Appends to the log, trims and compacts it.

    Guarantees: all batches of one call are in the log, or none is; durable when `append` returns.
        Trimming and compacting change no offset, no content and no head; readers and other writers
        may go on meanwhile; when killed, each has happened completely or not at all, or a trim as
        one below a lower offset.
    Errors: ENG-004 when the head of a topic is not the expected one (another writer was faster):
        decide again and call again.
    """

    def append(
        self, batches: Mapping[str, "pl.DataFrame"], *, expected: Mapping[str, int]
    ) -> Mapping[str, int]:
        """Append a frame to each topic, in one transaction; the new heads.

        Args:
            expected: the head that a topic must have; a topic without an entry is appended to at
                its head.
        """
        ...

    def append_packed(self, topic: str, records: Sequence[PackedRecord], *, on_disk: bool) -> int:
        """Append records to a topic of predictions at its head, all of them or none; the new head.

        Args:
            on_disk: they must survive the loss of power, too, and not only the death of the
                process.
        """
        ...

    def trim(self, topic: str, before: int) -> int:
        """Remove records below an offset, in whole batches and so at most up to it; returns the new
        `first`.

        Identities are kept, so that a row that was accepted once is still a duplicate when it
        arrives again.
        """
        ...

    def compact(self, topic: str) -> int:
        """Merge small batches; returns how many fewer there are, 0 if the product has none."""
        ...


@runtime_checkable
class IdentifiedLog(Protocol):
    """A log that knows which one it is, so that one which was made anew is told from it.

    Guarantees: an identity is random, made with the part and copied with it; it never changes.
    """

    def identities(self) -> Mapping[str, str]:
        """By part, its identity: `facts` always, `predictions` where they lie apart."""
        ...
