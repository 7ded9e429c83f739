"""What can go wrong in the demo."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import FlowError

__all__ = ["ClaimNotShown"]


@dataclass(eq=False, kw_only=True)
class ClaimNotShown(FlowError):
    """A step of the demo did not show what it claims.  The demo stops, and its folder is left as it
    is.
    """

    code: ClassVar[str] = "FLO-901"
    template: ClassVar[str] = "the demo did not show what it claims: {claim}"
    remedy: ClassVar[str] = "look at what was printed above, and at the projects in {folder}"
    claim: str
    folder: str
