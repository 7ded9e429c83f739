"""Record what a window found and what it read: incidents, and the position of the monitor."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import NamedTuple

from mainspring.elements.events import Actor, Event, EventValue, ProjectName
from mainspring.elements.stored import parse_document, render_stored
from mainspring.elements.time import DAY, Micros
from mainspring.monitoring.evaluate import EvaluatedWindow
from mainspring.monitoring.incident import (
    Incident,
    IncidentTransition,
    OpenedIncidents,
    update_incidents,
)
from mainspring.monitoring.limits.judgement import MonitorFinding, Unjudged
from mainspring.monitoring.position import (
    MonitorMemory,
    MonitorPosition,
    StoredMemoryChunk,
    WindowSummary,
    merge_chunks,
    parse_position,
    render_chunk,
    render_position,
)
from mainspring.monitoring.window import WindowReport
from mainspring.ports.errors import ObjectDamaged, ObjectMissing, StaleWrite
from mainspring.ports.objects import ObjectReader, ObjectWriter
from mainspring.ports.state import Change, Document, StateReader, StateWriter

__all__ = [
    "IncidentJournal",
    "StoredPosition",
    "iter_open_incidents",
    "position_changes",
    "read_memory",
    "read_position",
    "record_findings",
    "store_memory",
    "summary_of",
]

_JOURNALLED = ("incident.opened", "incident.updated", "incident.closed")
_MOST_SUBJECTS = 10
_ATTEMPTS = 20
_POSITION = "monitor_position"
_POSITION_0_1 = "watched"


class IncidentJournal(NamedTuple):
    """Where the incidents of one monitor are recorded."""

    state: StateWriter
    project: ProjectName
    environment: str
    monitor: str


def iter_open_incidents(state: StateReader, environment: str, monitor: str) -> Iterator[Incident]:
    """The open incidents of a monitor."""
    for document in state.iter_documents("incident", f"{environment}/{monitor}/"):
        incident = parse_document(document, Incident)
        if incident.closed_at is None:
            yield incident


def record_findings(
    findings: Sequence[MonitorFinding],
    journal: IncidentJournal,
    *,
    at: Micros,
    unjudged: Sequence[Unjudged] = (),
    changes: Sequence[Change] = (),
) -> None:
    """Open, update and close the incidents of a monitor as the findings of its window ask for, and
    journal which were opened and closed, and which subjects joined or left them.

    Args:
        unjudged: what the window could not judge.
        changes: committed together with the incidents.  A monitor's position is: a process that
            dies between the two would count the window twice, and an incident closes after three.

    Raises: StaleWrite ENG-004, when one of the changes expects another version, or another process
        has changed the incidents twenty times in a row.
    """
    for attempt in range(_ATTEMPTS):
        try:
            _record_once(findings, journal, at=at, unjudged=unjudged, changes=changes)
        except StaleWrite:
            # With changes it is for the caller to say who was faster: they may be stale, too.
            if changes or attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def _record_once(
    findings: Sequence[MonitorFinding],
    journal: IncidentJournal,
    *,
    at: Micros,
    unjudged: Sequence[Unjudged],
    changes: Sequence[Change],
) -> None:
    """Raises: StaleWrite ENG-004 where somebody has opened or changed an incident since they were
    read: what they found would be lost, or told twice.
    """
    state, project, environment, monitor = journal
    opened = state.get(OpenedIncidents.document, f"{environment}/{monitor}")
    stored = list(state.iter_documents("incident", f"{environment}/{monitor}/"))
    incidents = [parse_document(document, Incident) for document in stored]
    known = {incident.kind: incident for incident in incidents if incident.closed_at is None}
    versions = {document.key: document.version for document in stored}
    transitions = update_incidents(known, findings, monitor=monitor, at=at, unjudged=unjudged)
    documents = [
        Change("incident", key, render_stored(step.incident), versions.get(key, 0))
        for step in transitions
        for key in [f"{environment}/{step.incident.id}"]
    ]
    events = [
        _event(step, project=project, environment=environment, at=at)
        for step in transitions
        if step.event in _JOURNALLED
    ]
    if any(step.event == "incident.opened" for step in transitions):
        documents.append(_counted(opened, f"{environment}/{monitor}"))
    if documents or changes:
        state.commit([*changes, *documents], events)


def _counted(opened: Document | None, key: str) -> Change:
    """One more, unless somebody has counted since."""
    count = parse_document(opened, OpenedIncidents).count if opened else 0
    record = OpenedIncidents(count=count + 1)
    return Change(record.document, key, render_stored(record), opened.version if opened else 0)


def _event(
    step: IncidentTransition, *, project: ProjectName, environment: str, at: Micros
) -> Event:
    incident = step.incident
    facts: dict[str, EventValue] = {
        "kind": incident.kind,
        "sentence": incident.sentence,
        "subjects": list(incident.subjects[:_MOST_SUBJECTS]),
    }
    if step.event == "incident.updated":
        facts["joined"] = list(step.joined[:_MOST_SUBJECTS])
        facts["left"] = list(step.left[:_MOST_SUBJECTS])
    return Event(
        kind=step.event,
        project=project,
        actor=Actor(f"monitor:{incident.monitor}"),
        at=at,
        subject=incident.id,
        environment=environment,
        facts=facts,
    )


class StoredPosition(NamedTuple):
    """A position and the version of its document; 0 for one that release 0.1 wrote."""

    position: MonitorPosition
    version: int


def read_position(state: StateReader, environment: str, monitor: str) -> StoredPosition | None:
    """How far a monitor has come; None for one that has not begun.  Raises: NewerFormat
    REG-005.
    """
    key = f"{environment}/{monitor}"
    document, before = state.get(_POSITION, key), state.get(_POSITION_0_1, key)
    if document is not None:
        return StoredPosition(parse_position(document.payload, monitor=monitor), document.version)
    return StoredPosition(parse_position(before.payload, monitor=monitor), 0) if before else None


def position_changes(
    environment: str, monitor: str, position: MonitorPosition, before: StoredPosition | None
) -> list[Change]:
    """What puts a position in the place of the one before.  The document of release 0.1 goes: two
    positions would be one too many.
    """
    key, version = f"{environment}/{monitor}", before.version if before else 0
    change = Change(_POSITION, key, render_position(position), version)
    return [change, *([Change(_POSITION_0_1, key, None)] if before and not version else [])]


def summary_of(report: WindowReport) -> WindowSummary:
    """What is kept of a report for whoever looks at the monitor."""
    judged = sum(map(len, report.judged.values()))
    return WindowSummary(predictions=report.predictions, judged=judged, unjudged=report.unjudged)


def read_memory(
    objects: ObjectReader, position: MonitorPosition | None, *, subject: str, end: Micros
) -> MonitorMemory:
    """The memory of a position, for a window that ends then.

    Nothing where it is of another endpoint or label, of a time that is still to come (the clock of
    an environment may be set back), or not whole any more: the log holds all of it.
    """
    offsets = position.offsets if position else None
    if position and offsets and position.subject == subject and offsets.end <= end:
        with suppress(ObjectMissing, ObjectDamaged):
            payloads = [objects.read(chunk.digest) for chunk in position.chunks]
            return MonitorMemory.restored(position, payloads)
    return MonitorMemory(subject)


def store_memory(objects: ObjectWriter, memory: MonitorMemory, evaluated: EvaluatedWindow) -> None:
    """Write what a window has read as a chunk of the memory.

    Before the document names it, and never the other way round: killed in between, the object is
    garbage, and the window is evaluated again.
    """
    _, predictions, labels, oldest = evaluated
    day = (evaluated.report.end - 1) // DAY
    chunks = [chunk for chunk in memory.chunks if chunk.day >= oldest]
    if len(predictions.keys) or labels.facts.height or len(labels.offsets):
        chunks.append(StoredMemoryChunk(day, objects.write(render_chunk(predictions, labels))))
    by_day = groupby(chunks, key=lambda chunk: chunk.day)
    memory.chunks = tuple(
        chunk
        for each, same_day in by_day
        for chunk in _merged(objects, list(same_day), is_over=each < day)
    )


def _merged(
    objects: ObjectWriter, chunks: Sequence[StoredMemoryChunk], *, is_over: bool
) -> Sequence[StoredMemoryChunk]:
    """One chunk for a day that is over.  Where one is gone, they stay as they are, and the next
    process reads the log.
    """
    if is_over and len(chunks) > 1:
        with suppress(ObjectMissing, ObjectDamaged):
            payload = merge_chunks(objects.read(chunk.digest) for chunk in chunks)
            return [StoredMemoryChunk(chunks[0].day, objects.write(payload))]
    return chunks
