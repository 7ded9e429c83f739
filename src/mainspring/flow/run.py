"""Runs: one execution of a list of steps, and how it ended."""

from typing import Literal as OneOf

import msgspec

from mainspring.elements.events import Actor
from mainspring.elements.stored import StoredRecord
from mainspring.elements.time import Micros
from mainspring.flow.step import Step

__all__ = [
    "CANCELLATION",
    "RUN",
    "RUN_PLAN",
    "Run",
    "RunCancellation",
    "RunFault",
    "RunPlan",
    "RunState",
]

RUN = "run"
"""The kind of the documents of runs, by id; ids sort by time."""

RUN_PLAN = "run_plan"
"""The kind of the documents that say what a run is to do, by its id."""

CANCELLATION = "cancellation"
"""The kind of the documents that ask a run to end, by its id."""

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


class RunPlan(StoredRecord, frozen=True, kw_only=True):
    """What a run is to do; apart from the run, which is written anew after each step.

    Args:
        journal: the newest sequence number before the run; all its events come after it.
    """

    title = "the plan of a run"
    document = RUN_PLAN

    run: str
    steps: tuple[Step, ...]
    journal: int

    def is_filed_under(self, key: str) -> bool:
        """Whether the key is the id of its run."""
        return key == self.run


class RunCancellation(StoredRecord, frozen=True, kw_only=True):
    """Somebody wants a run to end before its next step."""

    title = "a cancellation"
    document = CANCELLATION

    run: str
    actor: Actor
    at: Micros

    def is_filed_under(self, key: str) -> bool:
        """Whether the key is the id of its run."""
        return key == self.run
