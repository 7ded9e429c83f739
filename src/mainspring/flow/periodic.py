"""Periodic tasks: functions that are called again and again in a background thread."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mainspring.elements.errors import MainspringError

__all__ = ["PeriodicTask"]

_LOG = logging.getLogger("mainspring.server")
_PERIOD_S = 0.02


class PeriodicTask:
    """Calls its functions every 20 ms in a thread, until it is closed.  A failure is reported once,
    and the function is called again.
    """

    def __init__(self, *acts: Callable[[], object]) -> None:
        self._acts = acts
        self._stop = threading.Event()
        self._told: dict[int, str] = {}
        self._thread = threading.Thread(target=self._run, name="mainspring-follower", daemon=True)

    def _run(self) -> None:
        while not self._stop.wait(_PERIOD_S):
            for place, act in enumerate(self._acts):
                self._attempt(place, act)

    def _attempt(self, place: int, act: Callable[[], object]) -> None:
        try:
            act()
            self._told.pop(place, None)
        except MainspringError as error:
            self._report(place, error)
        # the edge of a thread: were it to die of our own bug, the server would go on with what it
        # had, unnoticed
        except Exception as error:
            self._report(place, error, trace=True)

    def _report(self, place: int, error: Exception, *, trace: bool = False) -> None:
        if self._told.get(place) != str(error):
            _LOG.warning("%s", error, exc_info=trace)
        self._told[place] = str(error)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run while the block runs."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()
