"""Events of the journal: who did what to what, when, and in which project.

Governance (lineage, audit, cost) is computed from these; no stage calls it, so none can forget to.
"""

from typing import ClassVar, NewType

import msgspec

from mainspring.elements.stored import FieldsByFormat, StoredRecord
from mainspring.elements.time import Micros

__all__ = ["Actor", "Event", "EventValue", "ProjectName", "Recorded", "current_kind"]

Actor = NewType("Actor", str)
"""Who acts: `person:ada`, `service:server`, `schedule:nightly`."""

ProjectName = NewType("ProjectName", str)
"""The name of the project that a record belongs to."""

EventValue = (
    str | int | float | bool | None | list[str] | dict[str, str | int | float | bool | None]
)
"""A value of an event's facts: flat, so that every reader can show it."""

_CURRENT_KINDS = {"facts.taken": "rows.ingested"}
"""What a kind is called now, by what it was called when older journals were written.  A journal is
chained and so never rewritten: whoever reads it by kind must know both.
"""


class Event(StoredRecord, frozen=True, kw_only=True):
    """One event.

    Args:
        kind: dotted, past tense: `stage.finished`, `environment.moved`, `gate.judged`,
            `incident.opened`.
        subject: what it is about: an asset name, a build digest, a run id.
    """

    title = "an event of the journal"
    fields_by_format: ClassVar[FieldsByFormat] = {
        1: ("kind", "project", "actor", "at", "subject", "environment", "facts")
    }

    kind: str
    project: ProjectName
    actor: Actor
    at: Micros
    subject: str
    environment: str = ""
    facts: dict[str, EventValue] = msgspec.field(default_factory=dict)


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """An event in its place in the journal; `chain` digests the event and the chain before it, so
    that an edit shows.
    """

    sequence: int
    event: Event
    chain: str


def current_kind(kind: str) -> str:
    """What a kind of event is called now.

    >>> current_kind("facts.taken"), current_kind("run.started")
    ('rows.ingested', 'run.started')
    """
    return _CURRENT_KINDS.get(kind, kind)
