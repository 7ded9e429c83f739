"""What can be wrong with runs and their steps."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import FlowError

__all__ = ["RunCancelled", "RunOver", "StepsOutOfOrder", "UnknownRun"]


@dataclass(eq=False, kw_only=True)
class StepsOutOfOrder(FlowError):
    """A step depends on another one that is neither finished nor earlier in the list.

    A plan made by Mainspring is always in order; a saved plan that was edited, or that is older
    than a garbage collection of the state, may not be.
    """

    code: ClassVar[str] = "FLO-002"
    template: ClassVar[str] = (
        "{kind} of {subject} needs step {missing}, which is neither finished nor before it"
    )
    remedy: ClassVar[str] = "make the plan again and apply that one"

    kind: str
    subject: str
    missing: str


@dataclass(eq=False, kw_only=True)
class RunCancelled(FlowError):
    """A run ended before its next step, because somebody asked for it.

    What it had finished is kept: the same command, given again, goes on from there.
    """

    code: ClassVar[str] = "FLO-003"
    template: ClassVar[str] = "{run} was cancelled by {by} before {kind} of {subject}"
    remedy: ClassVar[str] = "give the command again to go on: finished steps are kept"

    run: str
    by: str
    kind: str
    subject: str


@dataclass(eq=False, kw_only=True)
class UnknownRun(FlowError):
    """There is no such run, or the beginning of an id is that of several runs."""

    code: ClassVar[str] = "FLO-004"
    template: ClassVar[str] = "{found} has the id {run}"
    remedy: ClassVar[str] = "`mainspring runs` shows the runs and their ids"

    run: str
    found: str


@dataclass(eq=False, kw_only=True)
class RunOver(FlowError):
    """A run has ended, so there is nothing left to cancel."""

    code: ClassVar[str] = "FLO-005"
    template: ClassVar[str] = "{run} is {state} already"
    remedy: ClassVar[str] = "`mainspring runs show` says how it ended"

    run: str
    state: str
