"""Incidents: findings that belong together, opened once, updated while they last, closed when they
have been gone for three windows.
"""

from collections.abc import Mapping, Sequence

import msgspec

from mainspring.elements.stored import StoredRecord
from mainspring.elements.time import Micros
from mainspring.monitoring.window import FindingKind, MonitorFinding

__all__ = ["Incident", "IncidentTransition", "update_incidents"]

_QUIET_WINDOWS = 3


class Incident(StoredRecord, frozen=True, kw_only=True):
    """Findings of one kind, from the first window that had one to the third without.

    Args:
        id: `<monitor>/<kind>/<opened_at>`.
        subjects: the columns or sources concerned, worst first, as of the window that has most of
            them.
        quiet: how many windows have passed without the finding; the incident closes after three.
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


class IncidentTransition(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an incident, to be recorded."""

    event: str
    incident: Incident


def update_incidents(
    open_incidents: Mapping[FindingKind, Incident],
    findings: Sequence[MonitorFinding],
    *,
    monitor: str,
    at: Micros,
) -> list[IncidentTransition]:
    """What the findings of one window change in the open incidents of a monitor: which are opened,
    seen again, quiet, or closed.
    """
    by_kind: dict[FindingKind, list[MonitorFinding]] = {}
    for finding in findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    steps = [
        _observed(open_incidents.get(kind), found, monitor=monitor, at=at)
        for kind, found in sorted(by_kind.items())
    ]
    steps += [
        _unobserved(incident, at)
        for kind, incident in sorted(open_incidents.items())
        if kind not in by_kind
    ]
    return steps


def _observed(
    incident: Incident | None, found: Sequence[MonitorFinding], *, monitor: str, at: Micros
) -> IncidentTransition:
    worst = sorted(found, key=lambda f: (-abs(f.statistic) / max(f.limit, 1e-12), f.subject))
    subjects = tuple(finding.subject for finding in worst)
    if incident is not None:
        kept = subjects if len(subjects) > len(incident.subjects) else incident.subjects
        return IncidentTransition(
            event="incident.seen",
            incident=msgspec.structs.replace(incident, subjects=kept, quiet=0),
        )
    more = f" (and {len(worst) - 1} more)" if len(worst) > 1 else ""
    kind = worst[0].kind
    opened = Incident(
        id=f"{monitor}/{kind}/{at}",
        monitor=monitor,
        kind=kind,
        opened_at=at,
        closed_at=None,
        sentence=worst[0].sentence + more,
        subjects=subjects,
    )
    return IncidentTransition(event="incident.opened", incident=opened)


def _unobserved(incident: Incident, at: Micros) -> IncidentTransition:
    quiet = incident.quiet + 1
    if quiet < _QUIET_WINDOWS:
        return IncidentTransition(
            event="incident.quiet", incident=msgspec.structs.replace(incident, quiet=quiet)
        )
    return IncidentTransition(
        event="incident.closed",
        incident=msgspec.structs.replace(incident, quiet=quiet, closed_at=at),
    )
