"""The one truth: an append-only log of accepted records, by topic and offset.

A topic is `source:<name>` (facts), `quarantine:<name>` (rows that broke a contract) or
`inference:<environment>:<endpoint>` (predictions). Records travel as Polars frames.  Every frame
has the columns of `ENVELOPE`; the rest is the payload of the topic.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mainspring.elements.time import Micros

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ENVELOPE", "Identity", "LogReader", "LogWriter"]

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
binary digest of the row · `_op` text: `insert`, or `retract`, which takes the revision that carries
the same id back from `_visible_at` on (its payload is that of the revision taken back) ·
`_event_time`, `_known_at`, `_appended_at`, `_visible_at` int64 microseconds · `_history` boolean:
imported as history.
"""


class Identity(NamedTuple):
    """The newest accepted revision of a record: where it is, what it says, from when it is seen,
    and whether it still stands.
    """

    offset: int
    content: bytes
    visible_at: Micros
    stands: bool


class LogReader(Protocol):
    """Reads the log.

    Guarantees: offsets of a topic start at 0 and have no gaps; a record never changes; what was
        read once is read again until it is trimmed.
    Errors: ENG-011 when records below `first` are asked for, also by a reader on its way whose next
        records were trimmed meanwhile.
    """

    def topics(self) -> Sequence[str]:
        """All topics that ever held a record, sorted."""
        ...

    def first(self, topic: str) -> int:
        """The offset of the oldest record that is kept: 0 where nothing was trimmed, the head where
        everything was.
        """
        ...

    def head(self, topic: str) -> int:
        """The offset that the next record will get; 0 for a topic that holds none."""
        ...

    def read(
        self, topic: str, *, start: int = 0, stop: int | None = None
    ) -> Iterator["pl.DataFrame"]:
        """The records with `start <= offset < stop` in order, in frames of the writer's making or
        several of those joined (cut at the bounds).
        """
        ...

    def find(self, topic: str, ids: Sequence[str]) -> Mapping[str, Identity]:
        """The newest revision of each of these ids; those of trimmed records stay known.  Cost: 2–4
        µs an id.
        """
        ...


class LogWriter(LogReader, Protocol):
    """Appends to the log, and keeps it within bounds.

    Guarantees: all batches of one call are in the log, or none is; durable when `append` returns.
        Trimming and compacting change no offset, no content and no head; readers and other writers
        may go on meanwhile, and what is killed half way has happened whole or not.
    Errors: ENG-004 when the head of a topic is not the expected one (another writer was faster):
        decide anew and call again.
    """

    def append(
        self, batches: Mapping[str, "pl.DataFrame"], *, expected: Mapping[str, int]
    ) -> Mapping[str, int]:
        """Append a frame to each topic, in one transaction; the new heads.

        Args:
            expected: the head that a topic must have; one that is not named here is appended to
                wherever it ends.
        """
        ...

    def trim(self, topic: str, before: int) -> int:
        """Forget records below an offset, in whole batches and so at most up to it; the new
        `first`.

        Identities stay, so that a row which was accepted once is still a duplicate when it comes
        again.  What was trimmed before stays trimmed.
        """
        ...

    def compact(self, topic: str) -> int:
        """Join small batches; how many fewer there are now, 0 where the product keeps none that
        could be joined.
        """
        ...
