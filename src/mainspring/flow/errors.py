"""What can be wrong with a list of steps."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import FlowError

__all__ = ["StepsOutOfOrder"]


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
