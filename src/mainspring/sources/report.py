"""What came of an ingestion."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from mainspring.sources.profile import ColumnProfile
from mainspring.sources.tally import Tally

__all__ = ["IngestReport", "report_of"]


@dataclass(frozen=True)
class IngestReport:
    """The result of an ingestion.

    Args:
        accepted: new facts; `revised` and `deleted` are counted apart.
        duplicates: rows that the log has already.
        unknown: deletes of facts that do not exist, which changed nothing.
        quarantined: how many rows were refused, by reason.
        first_offset: the head of the log before, `next_offset` after: the records between them are
            of this call unless another writer appended too.
        ignored: columns that the rows have and the source does not: they stay in the raw log, and
            no feature reads them.
        profile: of the whole file; empty for rows that were pushed.
    """

    accepted: int = 0
    duplicates: int = 0
    revised: int = 0
    deleted: int = 0
    unknown: int = 0
    quarantined: Mapping[str, int] = field(default_factory=dict)
    first_offset: int = 0
    next_offset: int = 0
    ignored: tuple[str, ...] = ()
    profile: tuple[ColumnProfile, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many rows changed something or were refused, by outcome."""
        return {
            "accepted": self.accepted,
            "revised": self.revised,
            "deleted": self.deleted,
            "quarantined": sum(self.quarantined.values()),
        }

    def __add__(self, later: "IngestReport") -> "IngestReport":
        return IngestReport(
            accepted=self.accepted + later.accepted,
            duplicates=self.duplicates + later.duplicates,
            revised=self.revised + later.revised,
            deleted=self.deleted + later.deleted,
            unknown=self.unknown + later.unknown,
            quarantined=dict(Counter(self.quarantined) + Counter(later.quarantined)),
            first_offset=self.first_offset,
            next_offset=later.next_offset,
            ignored=tuple(sorted({*self.ignored, *later.ignored})),
            profile=self.profile or later.profile,
        )


def report_of(before: Tally, after: Tally, reasons: Counter[str]) -> IngestReport:
    """What happened between two tallies; `reasons`: why rows were refused meanwhile."""
    return IngestReport(
        accepted=after.accepted - before.accepted,
        duplicates=after.duplicates - before.duplicates,
        revised=after.revised - before.revised,
        deleted=after.deleted - before.deleted,
        unknown=after.unknown - before.unknown,
        quarantined=dict(reasons),
    )
