"""Put incidents on record, and read back those that are open."""

from collections.abc import Iterator, Sequence

from mainspring.elements.events import Actor, Event, EventValue, ProjectName
from mainspring.elements.stored import parse_stored, render_stored
from mainspring.elements.time import Micros
from mainspring.monitoring.incident import Incident, IncidentTransition
from mainspring.ports.state import Change, StateReader, StateWriter

__all__ = ["iter_open_incidents", "record_transitions"]

_TOLD = ("incident.opened", "incident.closed")
_MOST_SUBJECTS = 10


def iter_open_incidents(state: StateReader, environment: str, monitor: str) -> Iterator[Incident]:
    """The incidents that a monitor has left open."""
    for document in state.iter_documents("incident", f"{environment}/{monitor}/"):
        incident = parse_stored(document.payload, Incident)
        if incident.closed_at is None:
            yield incident


def record_transitions(
    state: StateWriter,
    steps: Sequence[IncidentTransition],
    *,
    project: ProjectName,
    environment: str,
    at: Micros,
) -> None:
    """Keep each incident as it stands now, and say in the journal which were opened and closed."""
    changes = [
        Change("incident", f"{environment}/{step.incident.id}", render_stored(step.incident))
        for step in steps
    ]
    events = [
        _event(step, project=project, environment=environment, at=at)
        for step in steps
        if step.event in _TOLD
    ]
    if changes:
        state.commit(changes, events)


def _event(
    step: IncidentTransition, *, project: ProjectName, environment: str, at: Micros
) -> Event:
    incident = step.incident
    facts: dict[str, EventValue] = {
        "kind": incident.kind,
        "sentence": incident.sentence,
        "subjects": list(incident.subjects[:_MOST_SUBJECTS]),
    }
    actor = Actor(f"monitor:{incident.monitor}")
    return Event(
        kind=step.event,
        project=project,
        actor=actor,
        at=at,
        subject=incident.id,
        environment=environment,
        facts=facts,
    )
