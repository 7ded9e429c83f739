"""Rows that wait to be sent, the batches that they make, and what became of them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from mainspring.elements.plain_json import encode_json

__all__ = ["BatchLimits", "PushBatch", "PushReport", "PushSummary", "Row", "WaitingRows"]

Row = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class BatchLimits:
    """How rows are sent.

    Args:
        max_rows, max_bytes: of one request; a server takes at most 100,000 rows and 32 MiB.
        max_delay_s: how long a row waits for others to be sent with.
        max_waiting_rows: how many rows wait at most, sent or not, until they are acknowledged:
            whoever pushes more waits.
    """

    max_rows: int = 5_000
    max_bytes: int = 4 * 1024 * 1024
    max_delay_s: float = 0.05
    max_waiting_rows: int = 50_000


class PushReport(msgspec.Struct):
    """What a server says of a push."""

    accepted: int = 0
    duplicates: int = 0
    revised: int = 0
    deleted: int = 0
    unknown: int = 0
    quarantined: dict[str, int] = {}


@dataclass
class PushSummary:
    """What became of rows, as the server counted them.

    Args:
        rows: that were acknowledged, in so many `requests`.
        duplicates: rows that were there already; those too that a lost answer had acknowledged.
        quarantined: how many were refused, by reason.
    """

    rows: int = 0
    requests: int = 0
    accepted: int = 0
    duplicates: int = 0
    revised: int = 0
    deleted: int = 0
    unknown: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)

    def count(self, rows: int, report: PushReport) -> None:
        """Count one request."""
        self.rows += rows
        self.requests += 1
        self.accepted += report.accepted
        self.duplicates += report.duplicates
        self.revised += report.revised
        self.deleted += report.deleted
        self.unknown += report.unknown
        self.quarantined.update(report.quarantined)


class WaitingRows:
    """The rows of one call, as lines of JSON.

    Args:
        since_s: when they came, by a clock that does not go back.
    """

    def __init__(self, source: str, op: str, rows: Sequence[Row], *, since_s: float) -> None:
        self.source, self.op, self.rows, self.since_s = source, op, rows, since_s
        self.lines = [encode_json(dict(row)) for row in rows]
        self.size_bytes = sum(map(len, self.lines)) + len(self.lines)


@dataclass(frozen=True)
class PushBatch:
    """Rows of one source that go into one request, of one call or several."""

    parts: Sequence[WaitingRows]

    @property
    def rows(self) -> list[Row]:
        """As they were pushed."""
        return [row for part in self.parts for row in part.rows]

    @property
    def body(self) -> bytes:
        """As JSON lines."""
        return b"\n".join(line for part in self.parts for line in part.lines)

    def split(self) -> Iterator["PushBatch"]:
        """The same rows in smaller batches: those of each call; of one call, its halves."""
        if len(self.parts) > 1:
            yield from (PushBatch([part]) for part in self.parts)
            return
        [part] = self.parts
        middle = len(part.rows) // 2
        for rows in (part.rows[:middle], part.rows[middle:]):
            yield PushBatch([WaitingRows(part.source, part.op, rows, since_s=part.since_s)])
