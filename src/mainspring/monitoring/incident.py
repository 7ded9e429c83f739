"""Incidents: findings of one kind belong together.  An incident opens with the first, says so when
a subject joins it or leaves it, and closes when all of its subjects have recovered.

A subject has recovered when it was judged in three windows and nothing was found, or when the
monitor has it no more.  A window in which it was not judged says nothing of it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from mainspring.elements.stored import StoredRecord
from mainspring.elements.time import Micros
from mainspring.monitoring.limits.judgement import FindingKind, MonitorFinding, Unjudged

__all__ = [
    "Incident",
    "IncidentSubject",
    "IncidentTransition",
    "OpenedIncidents",
    "update_incidents",
]

_QUIET_WINDOWS = 3
_NAMED = 3


class IncidentSubject(msgspec.Struct, frozen=True, kw_only=True):
    """A column that an incident is about, or a source with a reason.

    Args:
        sentence: what was found when it joined; excess: how many times the limit was exceeded.
        quiet: how many windows have judged it since it was found last, and found nothing.
        left_at: when it had recovered; None while it has not.
    """

    name: str
    sentence: str
    excess: float
    joined_at: Micros
    quiet: int = 0
    left_at: Micros | None = None


class Incident(StoredRecord, frozen=True, kw_only=True):
    """Findings of one kind, from the first window that had one to the one in which the last of its
    subjects had recovered.

    Args:
        id: `<monitor>/<kind>/<opened_at>`.
        sentence: a summary: the worst of the subjects, and who the others are.
        subjects: those that have not recovered, worst first; of a closed incident, all.
        quiet: how many windows have passed without any finding.
        concerned: every subject that it ever had, in the order in which they joined; unset in an
            incident that release 0.1 wrote last.
    """

    title = "an incident"
    document = "incident"

    id: str
    monitor: str
    kind: FindingKind
    opened_at: Micros
    closed_at: Micros | None
    sentence: str
    subjects: tuple[str, ...]
    quiet: int = 0
    concerned: tuple[IncidentSubject, ...] | msgspec.UnsetType = msgspec.UNSET

    def is_filed_under(self, key: str) -> bool:
        """Whether the key ends with its id; before that stands the environment."""
        return key.endswith(f"/{self.id}")

    @property
    def history(self) -> tuple[IncidentSubject, ...]:
        """Every subject that it ever had.  Of release 0.1 their names are known, and one
        sentence.
        """
        if self.concerned is not msgspec.UNSET:
            return self.concerned
        return tuple(
            IncidentSubject(
                name=name,
                sentence=self.sentence,
                excess=1.0,
                joined_at=self.opened_at,
                quiet=self.quiet,
            )
            for name in self.subjects
        )

    @property
    def present(self) -> tuple[IncidentSubject, ...]:
        """The subjects that have not recovered, in the order in which they joined."""
        return tuple(subject for subject in self.history if subject.left_at is None)


class OpenedIncidents(StoredRecord, frozen=True, kw_only=True):
    """How many incidents a monitor has opened: of two processes that find the same at once, the
    later one sees that it is later.
    """

    title = "the number of a monitor's incidents"
    document = "opened_incidents"

    count: int = 0


class IncidentTransition(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an incident, to be recorded.

    Args:
        event: `incident.opened`, `incident.updated` where subjects joined or left, `incident.seen`,
            `incident.quiet` or `incident.closed`.
        joined, left: the subjects that did.
    """

    event: str
    incident: Incident
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def update_incidents(
    open_incidents: Mapping[FindingKind, Incident],
    findings: Sequence[MonitorFinding],
    *,
    monitor: str,
    at: Micros,
    unjudged: Iterable[Unjudged] = (),
) -> list[IncidentTransition]:
    """What one window changes in the open incidents of a monitor.

    Args:
        unjudged: what the window could not judge: it stays as it was.
    """
    by_kind: dict[FindingKind, list[MonitorFinding]] = {}
    for finding in findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    unknown = {(each.kind, name) for each in unjudged for name in each.subjects}
    return [
        _updated(incident, by_kind.get(kind, ()), unknown, at)
        if (incident := open_incidents.get(kind))
        else _opened(by_kind[kind], monitor, at)
        for kind in sorted({*by_kind, *open_incidents})
    ]


def _opened(found: Sequence[MonitorFinding], monitor: str, at: Micros) -> IncidentTransition:
    kind = found[0].kind
    incident = Incident(
        id=f"{monitor}/{kind}/{at}",
        monitor=monitor,
        kind=kind,
        opened_at=at,
        closed_at=None,
        sentence="",
        subjects=(),
    )
    concerned = tuple(_joined(finding, at) for finding in _worst_first(found))
    opened = _summarised(incident, concerned)
    return IncidentTransition(event="incident.opened", incident=opened, joined=opened.subjects)


def _updated(
    incident: Incident,
    found: Sequence[MonitorFinding],
    unknown: Collection[tuple[FindingKind, str]],
    at: Micros,
) -> IncidentTransition:
    by_name = {finding.subject: finding for finding in found}
    before = {subject.name for subject in incident.present}
    more = [_joined(f, at) for f in _worst_first(found) if f.subject not in before]
    again = {subject.name for subject in more}
    held = [
        _seen_again(subject, by_name, at)
        if subject.left_at is None and not _is_unknown(subject, incident.kind, unknown)
        else subject
        for subject in incident.history
        if subject.name not in again
    ]
    after = _summarised(incident, (*held, *more))
    left = tuple(sorted(before - {subject.name for subject in after.present}))
    if not after.present:
        closed = msgspec.structs.replace(after, closed_at=at)
        return IncidentTransition(event="incident.closed", incident=closed, left=left)
    joined = tuple(subject.name for subject in more)
    event = "updated" if joined or left else "seen" if found else "quiet"
    return IncidentTransition(event=f"incident.{event}", incident=after, joined=joined, left=left)


def _is_unknown(
    subject: IncidentSubject, kind: FindingKind, unknown: Collection[tuple[FindingKind, str]]
) -> bool:
    """Whether the window could not judge a subject; of quality, the source and not each reason is
    judged.
    """
    judged = subject.name.partition(" ")[0] if kind == "data_quality" else subject.name
    return (kind, judged) in unknown


def _joined(finding: MonitorFinding, at: Micros) -> IncidentSubject:
    return IncidentSubject(
        name=finding.subject, sentence=finding.sentence, excess=finding.excess, joined_at=at
    )


def _seen_again(
    subject: IncidentSubject, found: Mapping[str, MonitorFinding], at: Micros
) -> IncidentSubject:
    if subject.name in found:
        return msgspec.structs.replace(subject, quiet=0)
    quiet = subject.quiet + 1
    left_at = at if quiet >= _QUIET_WINDOWS else None
    return msgspec.structs.replace(subject, quiet=quiet, left_at=left_at)


def _summarised(incident: Incident, concerned: tuple[IncidentSubject, ...]) -> Incident:
    """The incident with these subjects, and what it says of those that have not recovered; where
    all have, of all.
    """
    present = [subject for subject in concerned if subject.left_at is None] or concerned
    worst = sorted(present, key=lambda subject: (-subject.excess, subject.name))
    names = ", ".join(subject.name for subject in worst[1 : 1 + _NAMED])
    names += ", …" if len(worst) > 1 + _NAMED else ""
    more = f" (and {len(worst) - 1} more: {names})" if names else ""
    return msgspec.structs.replace(
        incident,
        concerned=concerned,
        sentence=worst[0].sentence + more,
        subjects=tuple(subject.name for subject in worst),
        quiet=min(subject.quiet for subject in worst),
    )


def _worst_first(found: Sequence[MonitorFinding]) -> list[MonitorFinding]:
    return sorted(found, key=lambda finding: (-finding.excess, finding.subject))
