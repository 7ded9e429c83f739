"""What a monitor says about one subject of a window: beyond its limit, within it, or not judged."""

from collections.abc import Iterable
from typing import Literal as OneOf
from typing import NamedTuple

import msgspec

__all__ = ["FindingKind", "Judgement", "MonitorFinding", "Unjudged", "group_unjudged"]

FindingKind = OneOf[
    "feature_drift",
    "score_drift",
    "data_quality",
    "label_rate",
    "performance",
    "parity",
    "proof_expiry",
    "clock",
]

_MOST_NAMES = 8


class MonitorFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A statistic that is beyond its limit.

    Args:
        subject: the column that it is about, or the source and the reason.
        statistic, limit: what was measured, and the limit for as many rows.
        sentence: for people.
    """

    kind: FindingKind
    subject: str
    statistic: float
    limit: float
    sentence: str

    @property
    def excess(self) -> float:
        """How many times the limit is exceeded, to order findings by."""
        if self.kind == "performance":
            return self.limit / max(self.statistic, 1e-12)
        return abs(self.statistic) / max(self.limit, 1e-12)


class Unjudged(msgspec.Struct, frozen=True, kw_only=True):
    """Subjects of one kind that were not judged, for one reason.

    Args:
        seen, needed: rows, or days of labels; needed is None where no number would do.
        reason: for people, such as "12 rows, 20 needed".
    """

    kind: FindingKind
    subjects: tuple[str, ...]
    seen: int
    needed: int | None
    reason: str

    @property
    def words(self) -> str:
        """For people, in one line.

        >>> Unjudged(kind="feature_drift", subjects=("x", "z"), seen=12, needed=20,
        ...     reason="12 rows, 20 needed").words
        'feature_drift of x, z: 12 rows, 20 needed'
        """
        more = len(self.subjects) - _MOST_NAMES
        names = [*self.subjects[:_MOST_NAMES], *([f"{more:,} more"] if more > 0 else [])]
        return f"{self.kind} of {', '.join(names)}: {self.reason}"


class Judgement(NamedTuple):
    """One subject of a window: what was found of it, or why it was not judged; neither where it is
    within its limit.
    """

    kind: FindingKind
    subject: str
    found: tuple[MonitorFinding, ...] = ()
    unjudged: Unjudged | None = None

    @classmethod
    def beyond(
        cls, kind: FindingKind, subject: str, statistic: float, *, limit: float, sentence: str
    ) -> "Judgement":
        """A statistic is beyond its limit."""
        found = MonitorFinding(
            kind=kind, subject=subject, statistic=statistic, limit=limit, sentence=sentence
        )
        return cls(kind, subject, found=(found,))

    @classmethod
    def needs(
        cls,
        kind: FindingKind,
        subject: str,
        seen: int,
        needed: int,
        *,
        unit: OneOf["row", "day"] = "row",
        which: str = "",
    ) -> "Judgement":
        """There are too few rows, or days, to judge a subject.

        >>> Judgement.needs("score_drift", "score", 12, 20).unjudged.reason
        '12 rows, 20 needed'
        """
        reason = f"{seen:,} {unit}{'' if seen == 1 else 's'}{which}, {needed:,} needed"
        few = Unjudged(kind=kind, subjects=(subject,), seen=seen, needed=needed, reason=reason)
        return cls(kind, subject, unjudged=few)

    @classmethod
    def impossible(cls, kind: FindingKind, subject: str, seen: int, reason: str) -> "Judgement":
        """However many rows there are, a subject cannot be judged."""
        none = Unjudged(kind=kind, subjects=(subject,), seen=seen, needed=None, reason=reason)
        return cls(kind, subject, unjudged=none)


def group_unjudged(judgements: Iterable[Judgement]) -> tuple[Unjudged, ...]:
    """What was not judged, the subjects of one kind and reason together, in the order given."""
    grouped: dict[tuple[str, str], Unjudged] = {}
    for each in (judgement.unjudged for judgement in judgements):
        if each is None:
            continue
        before = grouped.get((each.kind, each.reason))
        subjects = (*before.subjects, *each.subjects) if before else each.subjects
        grouped[each.kind, each.reason] = msgspec.structs.replace(each, subjects=subjects)
    return tuple(grouped.values())
