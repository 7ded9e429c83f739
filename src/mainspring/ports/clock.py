"""Ports of time and ids, so that a simulation can run months in a minute and repeat them byte for
byte.
"""

from typing import Protocol

from mainspring.elements.time import Micros

__all__ = ["Clock", "Ids"]


class Clock(Protocol):
    """Tells the time.

    Guarantees: never goes back within one process, but for a clock of the machine that was set back
        and has stayed there for a minute; a blip forward and back leaves no trace.
    """

    def now(self) -> Micros:
        """The present instant."""
        ...


class Ids(Protocol):
    """Makes ids for runs, requests and predictions.

    Guarantees: an id is unique in a project; within one process later ids sort later.
    """

    def new(self, kind: str) -> str:
        """A new id, such as `prediction-01jd3…` for kind `prediction`."""
        ...

    def new_many(self, kind: str, count: int) -> list[str]:
        """So many fresh names, in order."""
        ...
