"""Events of the journal: who did what to what, when, and in which project.

Governance (lineage, audit, cost) is computed from these; no stage calls it, so none can forget to.
"""

from typing import NewType

import msgspec

from mainspring.elements.time import Micros

__all__ = ["Actor", "Event", "EventValue", "ProjectName", "Recorded"]

Actor = NewType("Actor", str)
"""Who acts: `person:ada`, `service:server`, `schedule:nightly`."""

ProjectName = NewType("ProjectName", str)
"""The name of the project that a record belongs to."""

EventValue = (
    str | int | float | bool | None | list[str] | dict[str, str | int | float | bool | None]
)
"""A value of an event's facts: flat, so that every reader can show it."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event.

    Args:
        kind: dotted, past tense: `stage.finished`, `environment.moved`, `gate.judged`,
            `incident.opened`.
        subject: what it is about: an asset name, a build digest, a run id.
    """

    kind: str
    project: ProjectName
    actor: Actor
    at: Micros
    subject: str
    environment: str = ""
    facts: dict[str, EventValue] = {}


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """An event in its place in the journal; `chain` digests the event and the chain before it, so
    that an edit shows.
    """

    sequence: int
    event: Event
    chain: str
