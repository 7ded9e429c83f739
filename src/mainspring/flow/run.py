"""Runs: one execution of a list of steps, and how it ended."""

from typing import Literal as OneOf

import msgspec

from mainspring.elements.events import Actor
from mainspring.elements.stored import StoredRecord
from mainspring.elements.time import Micros

__all__ = ["RUN", "Run", "RunFault", "RunState"]

RUN = "run"
"""The kind of the documents of runs, by id; ids sort by time."""

RunState = OneOf["running", "finished", "failed", "abandoned"]
"""`abandoned`: its process died, and a later run recorded that; finished steps are still valid."""


class RunFault(msgspec.Struct, frozen=True, kw_only=True):
    """What ended a run: an error's code (its class where it has none) and message, and the identity
    of the step.
    """

    code: str
    message: str
    step: str


class Run(StoredRecord, frozen=True, kw_only=True):
    """One execution.

    Args:
        resource: the resource of its lease.
        steps: identities in order.
        reused: those that were finished before it began.
        performed: those that it finished itself.
    """

    title = "a run"
    document = RUN

    id: str
    resource: str
    environment: str
    actor: Actor
    state: RunState
    started_at: Micros
    ended_at: Micros | None = None
    steps: tuple[str, ...] = ()
    reused: tuple[str, ...] = ()
    performed: tuple[str, ...] = ()
    fault: RunFault | None = None

    def is_filed_under(self, key: str) -> bool:
        """Whether the key is its id."""
        return key == self.id
