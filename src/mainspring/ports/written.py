"""What tells a reader that its own process has written since it last looked.

A store that others write to has to be asked whether it has moved, which takes microseconds; one's
own writes can be counted where they are made.
"""

from typing import Protocol, runtime_checkable

__all__ = ["CountsWrites"]


@runtime_checkable
class CountsWrites(Protocol):
    """A store that counts what this process writes to it.

    Guarantees: the count is another one, which it never was before, when a write is acknowledged to
        whoever made it.  What other processes write is not counted.
    """

    @property
    def writes(self) -> int:
        """How often.  Cost: that of an attribute."""
        ...
