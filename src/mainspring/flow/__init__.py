"""Work that survives a crash: steps done once per identity, runs that record their progress, and
schedules without a backlog.

A thin journal over the state port, with leases and fencing tokens.  What a step does belongs to its
caller, which passes a function; what the journal means for lineage, audit and cost belongs to
`govern`.
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
