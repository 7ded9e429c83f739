"""Ports of time and ids, so that a simulation can run months in a minute and repeat them byte for
byte.
"""

from typing import Protocol, runtime_checkable

from mainspring.elements.time import Micros

__all__ = ["CheckedClock", "Clock", "Ids", "clock_note"]


class Clock(Protocol):
    """Tells the time.

    Guarantees: never goes back within one process, but for a clock of the machine that was set back
        and has stayed there for a minute; a blip forward and back leaves no trace.
    """

    def now(self) -> Micros:
        """The present instant."""
        ...


@runtime_checkable
class CheckedClock(Protocol):
    """A clock that notices when the machine's was set."""

    @property
    def step(self) -> object:
        """The last step, to be told as text; None where the clock goes as it should."""
        ...


def clock_note(clock: Clock) -> str:
    """What is wrong with a clock, for people; empty for nothing, and where it cannot tell."""
    step = clock.step if isinstance(clock, CheckedClock) else None
    return "" if step is None else str(step)


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
