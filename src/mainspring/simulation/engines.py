"""What a simulation makes anew for each run: empty stores, a clock, and names that repeat."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mainspring.elements.events import ProjectName
from mainspring.elements.time import Micros
from mainspring.ports.clock import Clock, Ids
from mainspring.ports.log import LogWriter
from mainspring.ports.objects import ObjectWriter
from mainspring.ports.online import OnlineWriter
from mainspring.ports.state import StateWriter

__all__ = ["SimulationEngines", "VirtualClock"]


class VirtualClock(Clock, Protocol):
    """A clock that stands still until it is moved.

    Guarantees: never goes back: an instant that has passed leaves it where it is.
    """

    def move_to(self, moment: Micros) -> None:
        """Move it on to an instant."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class SimulationEngines:
    """Factories, handed in by the composition root.

    Args:
        clock: from the instant at which it starts; ids: from the seed with which they repeat.
    """

    clock: Callable[[Micros], VirtualClock]
    ids: Callable[[int], Ids]
    log: Callable[[], LogWriter]
    objects: Callable[[], ObjectWriter]
    online: Callable[[], OnlineWriter]
    state: Callable[[ProjectName, Clock], StateWriter]
