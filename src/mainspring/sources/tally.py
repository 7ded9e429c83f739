"""How far a generation has come in the raw log, and what it has counted on the way."""

from collections.abc import Sequence

import msgspec
import polars as pl

from mainspring.elements.stored import StoredRecord, pack_stored, unpack_stored
from mainspring.elements.time import Micros
from mainspring.ports.errors import RetentionPassed
from mainspring.ports.log import LogReader
from mainspring.sources.sequence import Decision

__all__ = ["Tally", "read_tally", "tally_after", "tally_records"]


class Tally(StoredRecord, frozen=True, kw_only=True):
    """The state of a generation after some rows of the raw log; the newest record counts.

    Args:
        segment: the offset of the segment in the raw log that it works on, or will next.
        row: how many rows of that segment it has decided on.
        rows: how many rows came to it, those too that it had already.
        accepted: facts; `accepted_of_files`: those of them that files brought.
        quarantined: rows that were refused, each as often as it came.
        newest_event_time: of the facts that it has accepted; None while there is none.
    """

    title = "the tally of a generation"

    segment: int = 0
    row: int = 0
    rows: int = 0
    accepted: int = 0
    accepted_of_files: int = 0
    revised: int = 0
    deleted: int = 0
    duplicates: int = 0
    unknown: int = 0
    quarantined: int = 0
    newest_event_time: Micros | None = None

    @property
    def standing(self) -> int:
        """How many facts stand."""
        return self.accepted - self.deleted

    def at(self, segment: int, row: int = 0) -> "Tally":
        """The same counts, further in the raw log."""
        return msgspec.structs.replace(self, segment=segment, row=row)

    def with_facts(self, rows: int, *, newest: Micros) -> "Tally":
        """The same after so many pushed rows that all are new facts.

        Args:
            newest: the latest of their event times.
        """
        before = self.newest_event_time
        return msgspec.structs.replace(
            self,
            rows=self.rows + rows,
            accepted=self.accepted + rows,
            newest_event_time=newest if before is None else max(newest, before),
        )


def tally_after(tally: Tally, decision: Decision, *, of_file: bool, rows: int) -> Tally:
    """The tally after a decision on so many rows."""
    accepted = decision.accepted
    newest = accepted.filter(pl.col("_op") == "insert")["_event_time"].max()
    times = [time for time in (tally.newest_event_time, newest) if isinstance(time, int)]
    return msgspec.structs.replace(
        tally,
        rows=tally.rows + rows,
        accepted=tally.accepted + decision.inserted,
        accepted_of_files=tally.accepted_of_files + (decision.inserted if of_file else 0),
        revised=tally.revised + decision.revised,
        deleted=tally.deleted + decision.deleted,
        duplicates=tally.duplicates + decision.duplicates,
        unknown=tally.unknown + decision.unknown,
        quarantined=tally.quarantined + decision.quarantined.height,
        newest_event_time=max(times, default=None),
    )


def read_tally(topic: str, log: LogReader) -> Tally:
    """The newest tally; one of nothing where there is none.  Cost: a read of one record."""
    while (head := log.head(topic)) > 0:
        try:
            [frame] = log.read(topic, start=head - 1, stop=head)
        except RetentionPassed:
            # Whoever writes a newer one may remove those before it.
            if log.head(topic) == head:
                raise
        else:
            return unpack_stored(frame["tally"][0], Tally)
    return Tally()


def tally_records(tallies: Sequence[Tally], *, at: Micros) -> pl.DataFrame:
    """The records of tallies that followed each other, for the log."""
    count = len(tallies)
    moments = ("_event_time", "_known_at", "_appended_at", "_visible_at")
    return pl.DataFrame(
        {
            "_id": ["tally"] * count,
            "_content": pl.Series([bytes(16)] * count, dtype=pl.Binary),
            "_op": ["insert"] * count,
            **{name: [at] * count for name in moments},
            "_history": [False] * count,
            "tally": pl.Series([pack_stored(tally) for tally in tallies], dtype=pl.Binary),
        }
    )
