"""Steps: pieces of work identified by their inputs, so that a second execution finds the first."""

import msgspec

from mainspring.elements.events import Actor, EventValue
from mainspring.elements.stored import StoredRecord
from mainspring.elements.time import Micros

__all__ = ["STEP", "FinishedStep", "Step", "StepDuration", "StepOutcome"]

STEP = "step"
"""The kind of the documents of finished steps, by identity."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of work.

    Args:
        identity: a digest of its inputs.
        kind: what is done: `train_model`.
        subject: to what: the name of an asset.
        depends_on: identities of steps that must be finished before.
    """

    identity: str
    kind: str
    subject: str
    depends_on: tuple[str, ...] = ()


class StepOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a step.

    Args:
        facts: recorded in the journal.
        rows: how many rows it processed; durations are compared per row.
        cpu_s: seconds of processor time, child processes included.
    """

    facts: dict[str, EventValue] = {}
    rows: int = 0
    cpu_s: float = 0.0


class FinishedStep(StoredRecord, frozen=True, kw_only=True):
    """A finished step, as stored; `wall_s` counts from the start of its last attempt."""

    title = "a finished step"
    document = STEP

    step: Step
    outcome: StepOutcome
    run: str
    actor: Actor
    finished_at: Micros
    wall_s: float

    def is_filed_under(self, key: str) -> bool:
        """Whether the key is the identity of its step."""
        return key == self.step.identity


class StepDuration(msgspec.Struct, frozen=True, kw_only=True):
    """What a step of this kind took once."""

    rows: int
    cpu_s: float
    wall_s: float
