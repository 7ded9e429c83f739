"""Steps: pieces of work that are named by what they are made from, so that doing one twice is doing
it once.
"""

import msgspec

from mainspring.elements.events import Actor, EventValue
from mainspring.elements.stored import StoredRecord
from mainspring.elements.time import Micros

__all__ = ["STEP", "FinishedStep", "Step", "StepDuration", "StepOutcome"]

STEP = "step"
"""The kind of the documents that finished steps leave, by identity."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of work.

    Args:
        identity: names it by what it is made from.
        kind: what is done: `train_model`.
        subject: to what: the name of an asset.
        depends_on: identities of steps that must be finished before.
    """

    identity: str
    kind: str
    subject: str
    depends_on: tuple[str, ...] = ()


class StepOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a step.

    Args:
        facts: what the journal keeps of it.
        rows: how many rows it worked on: what its duration is compared by.
        cpu_s: seconds of processor time, child processes included.
    """

    facts: dict[str, EventValue] = {}
    rows: int = 0
    cpu_s: float = 0.0


class FinishedStep(StoredRecord, frozen=True, kw_only=True):
    """A step that is done, as its document keeps it; `wall_s` counts from the start of its last
    attempt.
    """

    title = "a finished step"
    document = STEP

    step: Step
    outcome: StepOutcome
    run: str
    actor: Actor
    finished_at: Micros
    wall_s: float


class StepDuration(msgspec.Struct, frozen=True, kw_only=True):
    """What a step of this kind took once."""

    rows: int
    cpu_s: float
    wall_s: float
