"""What can go wrong with a simulation."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import DeclarationError

__all__ = ["UnreadableFault"]


@dataclass(eq=False, kw_only=True)
class UnreadableFault(DeclarationError):
    """A fault to inject cannot be read.  It is `unit-change:COLUMN@DATE` (values times 60, or
    `COLUMN*FACTOR`), `nulls:COLUMN@DATE` or `constant:COLUMN@DATE`.
    """

    code: ClassVar[str] = "PRJ-060"
    template: ClassVar[str] = "{text!r} is not a fault that can be injected: {reason}"
    remedy: ClassVar[str] = "write for example unit-change:dep_delay@2013-11-15"
    text: str
    reason: str
