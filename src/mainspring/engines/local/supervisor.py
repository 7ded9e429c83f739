"""A process that opens nothing, and sees to it that a server which stands still is replaced.

A thread of the server itself could not: native code that holds the interpreter's lock, or a process
that the system has stopped, holds up every thread of it.  So the one that watches is another
process, which loads no model and no store; it answers for health itself, and all that it knows of
the server is whether its heart beats: whether its event loop has turned, and no thread of it has
been at one request for minutes.
"""

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

from mainspring.engines.local.heartbeat import HEARTBEAT

__all__ = ["Supervisor", "SupervisorLimits", "WorkerHealth"]

_TICK_S = 0.1
_FORWARDED = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class SupervisorLimits:
    """How patient a supervisor is, in seconds.

    Args:
        deadline_s: an event loop that has not turned for so long stands still.
        end_s: the same once the worker was asked to end: what it does last is none of its loop's.
        start_s: the same before its first turn: models are opened, kernels compiled.
        first_pause_s: before a worker is started again; doubled with each that did not last.
        longest_pause_s: the limit of that.
    """

    deadline_s: float = 10.0
    end_s: float = 30.0
    start_s: float = 900.0
    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0


@dataclass
class WorkerHealth:
    """What is known of the present worker.

    Args:
        turned_at: when its event loop turned last, by the monotonic clock; before it ever did, when
            it was started.
        port: that it listens on; 0 before it does.
        restarts: how many workers were started after the first.
    """

    turned_at: float
    port: int = 0
    is_turning: bool = False
    restarts: int = 0


class Supervisor:
    """Runs a command as a worker process, and another one in its place when it stands still or
    dies.

    Args:
        command: the worker's, given the port to listen on; 0 the first time where any will do.
        port: for the first worker; those after it get the port that it got.
    """

    def __init__(
        self,
        command: Callable[[int], Sequence[str]],
        *,
        port: int,
        limits: SupervisorLimits | None = None,
    ) -> None:
        self._command, self._port = command, port
        self._limits = limits or SupervisorLimits()
        self._worker: subprocess.Popen[bytes] | None = None
        self._asked_to_stop = threading.Event()
        self.health = WorkerHealth(time.monotonic())

    def is_ready(self) -> bool:
        """Whether a worker's event loop has turned within the deadline; no longer once it is asked
        to end.
        """
        health = self.health
        if self._asked_to_stop.is_set():
            return False
        return health.is_turning and time.monotonic() - health.turned_at < self._limits.deadline_s

    def run(self) -> int:
        """Supervise until a worker ends because it was asked to, or the first cannot start; its
        exit code, 128 and the number for a signal.

        SIGTERM and SIGINT are passed on to the worker, where this runs in the main thread.
        """
        pause = self._limits.first_pause_s
        with self._forwarding():
            while True:
                code, lasted = self._run_worker()
                if self._asked_to_stop.is_set() or not self.health.port:
                    return code
                pause = (
                    self._limits.first_pause_s
                    if lasted > self._limits.longest_pause_s
                    else min(2 * pause, self._limits.longest_pause_s)
                )
                if self._asked_to_stop.wait(pause):
                    return 0
                self.health.restarts += 1

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Pass a signal on to the worker, and start no other."""
        self._asked_to_stop.set()
        worker = self._worker
        if worker is not None and worker.poll() is None:
            worker.send_signal(number)

    def _run_worker(self) -> tuple[int, float]:
        """One worker from its start to its end: its exit code, and how long it was there."""
        began = time.monotonic()
        self.health.turned_at, self.health.is_turning = began, False
        read, write = os.pipe()
        with os.fdopen(read, "rb", buffering=0) as pipe:
            worker = subprocess.Popen(
                [*self._command(self.health.port or self._port)],
                env={**os.environ, HEARTBEAT: str(write)},
                pass_fds=[write],
                # A group of its own: what a terminal sends reaches it once, from here.
                process_group=0,
            )
            self._worker = worker
            os.close(write)
            try:
                if self._asked_to_stop.is_set():
                    worker.terminate()
                self._watch(worker, pipe.fileno())
            finally:
                self.health.is_turning = False
                if worker.poll() is None:
                    worker.kill()
                code = worker.wait()
        return (128 - code if code < 0 else code), time.monotonic() - began

    def _watch(self, worker: "subprocess.Popen[bytes]", pipe: int) -> None:
        """Return when the worker has ended or stands still."""
        os.set_blocking(pipe, False)
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while worker.poll() is None:
                if selector.select(_TICK_S):
                    self._read_beats(pipe)
                if time.monotonic() - self.health.turned_at > self._patience_s():
                    return

    def _patience_s(self) -> float:
        if not self.health.is_turning:
            return self._limits.start_s
        return self._limits.end_s if self._asked_to_stop.is_set() else self._limits.deadline_s

    def _read_beats(self, pipe: int) -> None:
        with suppress(BlockingIOError):
            lines = os.read(pipe, 65_536).split()
            if not lines:
                # The worker closed it, so it is about to end.
                time.sleep(_TICK_S)
            elif lines[-1].isdigit():
                self.health.port = int(lines[-1])
                self.health.turned_at, self.health.is_turning = time.monotonic(), True

    @contextmanager
    def _forwarding(self) -> Iterator[None]:
        """Pass signals on while the block runs."""

        def forward(number: int, _: FrameType | None) -> None:
            self.stop(number)

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, forward) for number in _FORWARDED}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
