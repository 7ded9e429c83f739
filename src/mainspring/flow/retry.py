"""When to try again: only what its engine calls transient, a few times, with growing pauses."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from mainspring.elements.errors import EngineError

__all__ = ["Retry"]


@dataclass(frozen=True)
class Retry:
    """How often and after which pauses a step is tried again.

    Args:
        pauses_s: the pause before each further attempt; their number is the number of further
            attempts.
        wait: sleeps; a test passes a function that only records the pause.
    """

    pauses_s: tuple[float, ...] = (0.2, 1.0, 5.0)
    wait: Callable[[float], None] = time.sleep

    def pause_after(self, error: EngineError, attempt: int) -> float | None:
        """How long to wait after this attempt (the first is 1) failed; None means no retry.

        >>> Retry().pause_after(EngineError(), 1) is None
        True
        """
        if error.transient and attempt <= len(self.pauses_s):
            return self.pauses_s[attempt - 1]
        return None
