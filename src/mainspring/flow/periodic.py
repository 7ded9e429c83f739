"""Periodic tasks: a function that is called again and again in a background thread."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mainspring.elements.errors import MainspringError

__all__ = ["PeriodicTask"]

_LOG = logging.getLogger("mainspring.server")


class PeriodicTask:
    """Calls one function periodically in a thread of its own, until it is closed.  A failure is
    logged once, and the function is called again.

    One function and not several: whatever shares a thread waits for the slowest of it, and a
    rollback must not wait for a monitor.

    Args:
        name: of the task; the thread is called `mainspring-<name>`.
        period_s: from the end of one call to the start of the next, above 0.
    """

    def __init__(self, act: Callable[[], object], *, name: str, period_s: float = 0.02) -> None:
        self._act, self._period_s = act, period_s
        self._stop = threading.Event()
        self._logged = ""
        self._thread = threading.Thread(target=self._run, name=f"mainspring-{name}", daemon=True)

    def _run(self) -> None:
        while not self._stop.wait(self._period_s):
            self._attempt()

    def _attempt(self) -> None:
        try:
            self._act()
            self._logged = ""
        except MainspringError as error:
            self._log(error)
        # the edge of a thread: were it to die of our own bug, the server would go on with what it
        # had, unnoticed
        except Exception as error:
            self._log(error, trace=True)

    def _log(self, error: Exception, *, trace: bool = False) -> None:
        if self._logged != str(error):
            _LOG.warning("%s: %s", self._thread.name, error, exc_info=trace)
        self._logged = str(error)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Repeat the act while the block runs; at its end, wait for the call that is under way."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()
