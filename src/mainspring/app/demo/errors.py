"""What can go wrong in the demo."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import FlowError

__all__ = ["ClaimNotShown"]


@dataclass(eq=False, kw_only=True)
class ClaimNotShown(FlowError):
    """The demo checks what it says.  An act that did not show what it claims ends the demo, and its
    folder stays as it is to be looked at.
    """

    code: ClassVar[str] = "FLO-901"
    template: ClassVar[str] = "the demo did not show what it claims: {claim}"
    remedy: ClassVar[str] = "look at what was printed above, and at the projects in {folder}"
    claim: str
    folder: str
