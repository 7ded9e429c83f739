"""Work that survives a crash: steps that are done once by their identity, runs that say how far
they came, schedules that do not pile up.

A thin journal of our own over the state port, with leases and fencing tokens.  What a step does
belongs to its caller, which passes a function; what the journal means for lineage, audit and cost
belongs to `govern`.
"""

from mainspring.flow.errors import StepsOutOfOrder
from mainspring.flow.run import Run, RunState
from mainspring.flow.step import FinishedStep, Step, StepDuration, StepOutcome

__all__ = [
    "FinishedStep",
    "Run",
    "RunState",
    "Step",
    "StepDuration",
    "StepOutcome",
    "StepsOutOfOrder",
]
