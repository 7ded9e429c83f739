"""Time and identity come from outside, so that a simulation can run months in a minute and repeat
itself byte for byte.
"""

from typing import Protocol

from mainspring.elements.time import Micros

__all__ = ["Clock", "Ids"]


class Clock(Protocol):
    """Tells the time.

    Guarantees: never goes back within one process.
    """

    def now(self) -> Micros:
        """The present instant."""
        ...


class Ids(Protocol):
    """Makes names for runs, requests and predictions.

    Guarantees: no name is given twice in a project; names made later sort later within one process.
    """

    def new(self, kind: str) -> str:
        """A fresh name, such as `prediction-01jd3…` for kind `prediction`."""
        ...

    def new_many(self, kind: str, count: int) -> list[str]:
        """So many fresh names, in order."""
        ...
