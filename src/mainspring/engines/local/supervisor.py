"""A process that opens nothing, and sees to it that a server which stands still is replaced.

A thread of the server itself could not: native code that holds the interpreter's lock, or a process
that the system has stopped, holds up every thread of it.  So the one that watches is another
process, which loads no model and no store; it answers for health itself, and all that it knows of
the server is whether its heart beats: whether its event loop has turned, and no thread of it has
been at one request for minutes.

Where it is given a socket to listen on it keeps that open itself.  A worker that was killed takes
with it the requests that it had read and no others: whoever has connected meanwhile waits in the
socket's queue for the next worker.  So it is when a worker is replaced on demand: the next one
shares the socket, and the one before is asked to end once the next is ready.
"""

import logging
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from mainspring.elements.listening import let_none_in
from mainspring.engines.local.inherited import WorkerPlace, open_listener, worker_environment
from mainspring.engines.local.worker_process import WorkerProcess

__all__ = ["SharedPort", "Supervisor", "SupervisorLimits", "WorkerHealth", "forwarding"]

_TICK_S = 0.1
_FORWARDED = (signal.SIGTERM, signal.SIGINT)
_LOG = logging.getLogger("mainspring.supervisor")


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
    """What has become of the workers so far.

    Args:
        port: that they listen on; 0 before the first does.
        restarts: how many workers were started after the first because one ended or stood still.
        replaced: how many were started, and took over, because that was asked for.
    """

    port: int = 0
    restarts: int = 0
    replaced: int = 0


class SharedPort:
    """A worker's place at a port that others share, and the socket of that place."""

    def __init__(self, port: int, place: WorkerPlace) -> None:
        self.port, self.place = port, place
        self._socket = open_listener(port)
        self._lock, self._is_closed = threading.Lock(), False

    def start(self, command: Sequence[str]) -> WorkerProcess | None:
        """A worker that has the socket; None once it is closed."""
        with self._lock:
            if self._is_closed:
                return None
            return WorkerProcess(
                command,
                environment=worker_environment(self.place, self._socket),
                inherited=[self._socket.fileno()],
            )

    def renew(self) -> None:
        """Give up the socket, with whoever waits in its queue, and have another: the kernel sends
        new connections to the other workers until a worker listens on it.
        """
        with self._lock:
            if not self._is_closed:
                self._socket.close()
                self._socket = open_listener(self.port)

    def close(self) -> None:
        """Leave the socket to the worker that has it, and have the kernel connect nobody any more:
        whom it has connected is answered by that worker, before it closes the socket too.
        """
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                # Before a worker ever listened there is nobody to keep out.
                if self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    let_none_in(self._socket)
                self._socket.close()


class Supervisor:
    """Runs a command as a worker process, and another one in its place when it stands still or
    dies.

    Args:
        command: the worker's, given the port to listen on; 0 the first time where any will do.
        port: for the first worker; those after it get the port that it got.
        shared: the socket that all of its workers listen on; None where each opens its own.
    """

    def __init__(
        self,
        command: Callable[[int], Sequence[str]],
        *,
        port: int,
        limits: SupervisorLimits | None = None,
        shared: SharedPort | None = None,
    ) -> None:
        self._command, self._port, self._shared = command, port, shared
        self._limits = limits or SupervisorLimits()
        self._present: WorkerProcess | None = None
        self._successor: WorkerProcess | None = None
        self._retiring: list[WorkerProcess] = []
        self._asked_to_stop, self._asked_to_replace = threading.Event(), threading.Event()
        self.health = WorkerHealth()

    @property
    def worker(self) -> int | None:
        """The process that answers at present."""
        return self._present.pid if self._present else None

    def is_ready(self) -> bool:
        """Whether a worker's event loop has turned within the deadline; no longer once it is asked
        to end.
        """
        worker = self._present
        if self._asked_to_stop.is_set() or worker is None or not worker.is_turning:
            return False
        return not worker.stands_still(self._limits.deadline_s)

    def run(self) -> int:
        """Supervise until a worker ends because it was asked to, or the first cannot start; its
        exit code, 128 and the number for a signal.

        SIGTERM and SIGINT are passed on to the worker, where this runs in the main thread.
        """
        pause = self._limits.first_pause_s
        with forwarding(self.stop):
            while True:
                code, lasted = self._run_worker()
                if self._asked_to_stop.is_set() or not self.health.port:
                    return code
                pause = self._next_pause(pause, lasted)
                if self._asked_to_stop.wait(pause):
                    return 0
                self.health.restarts += 1

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Pass a signal on to the worker, and start no other."""
        self._asked_to_stop.set()
        if self._shared is not None:
            self._shared.close()
        for worker in (self._present, self._successor):
            if worker is not None:
                worker.send(number)

    def replace(self) -> None:
        """Have another worker in the place of the present one, which goes on until the next is
        ready and then ends as if it was asked to; where the next does not start, it goes on.
        """
        self._asked_to_replace.set()

    def _next_pause(self, pause: float, lasted: float) -> float:
        limits = self._limits
        if lasted > limits.longest_pause_s:
            return limits.first_pause_s
        if pause > limits.first_pause_s and self._shared is not None:
            # Nobody knows whether the next will start, so nobody is to wait for it.
            self._shared.renew()
        return min(2 * pause, limits.longest_pause_s)

    def _start(self) -> WorkerProcess | None:
        """A new worker; None where it could not listen any more, since all are to end."""
        command = self._command(self.health.port or self._port)
        return self._shared.start(command) if self._shared else WorkerProcess(command)

    def _run_worker(self) -> tuple[int, float]:
        """Workers from the start of one to the end of the last that took over from another: its
        exit code, and how long it was there.
        """
        worker = self._present = self._start()
        if worker is None:
            return 0, 0.0
        try:
            if self._asked_to_stop.is_set():
                worker.send()
            while worker.is_running and not worker.stands_still(self._patience_s(worker)):
                worker = self._look(worker)
        finally:
            stood_still, code = worker.is_running, worker.end()
            self._end_others()
        if self.health.port and not self._asked_to_stop.is_set():
            how = "stood still and was killed" if stood_still else _ending(code)
            _LOG.warning("the server process %d %s; another one is started", worker.pid, how)
        return code, time.monotonic() - worker.began

    def _look(self, present: WorkerProcess) -> WorkerProcess:
        """Hear what the workers have to say; the one that answers from now on."""
        if self._asked_to_replace.is_set() and self._successor is None:
            self._asked_to_replace.clear()
            if not self._asked_to_stop.is_set():
                self._successor = self._start()
        _hear([each for each in (present, self._successor) if each is not None])
        if present.is_turning:
            self.health.port = present.port
        self._retiring = [each for each in self._retiring if not self._has_ended(each)]
        return self._handed_over(present)

    def _handed_over(self, present: WorkerProcess) -> WorkerProcess:
        successor = self._successor
        if successor is None:
            return present
        if successor.is_turning or not present.is_running:
            self._retiring.append(present)
            present.turned_at = time.monotonic()
            present.send()
            self._present, self._successor = successor, None
            self.health.replaced += 1
            return successor
        if not successor.is_running or successor.stands_still(self._limits.start_s):
            _LOG.error("a new worker did not start, so the one before goes on")
            successor.end()
            self._successor = None
        return present

    def _has_ended(self, retiring: WorkerProcess) -> bool:
        """Whether a worker is gone that was asked to end; it is not waited for longer than it may
        take.
        """
        if retiring.is_running and not retiring.stands_still(self._limits.end_s):
            return False
        retiring.end()
        return True

    def _end_others(self) -> None:
        others = [*self._retiring, *([self._successor] if self._successor else [])]
        self._retiring, self._successor = [], None
        for each in others:
            each.send()
        for each in others:
            each.end(self._limits.end_s)

    def _patience_s(self, worker: WorkerProcess) -> float:
        if not worker.is_turning:
            return self._limits.start_s
        return self._limits.end_s if self._asked_to_stop.is_set() else self._limits.deadline_s


def _ending(code: int) -> str:
    """How a process ended, by its exit code, in words."""
    if code - 128 in {*signal.Signals}:
        return f"was ended by {signal.Signals(code - 128).name}"
    return f"ended with exit code {code}"


def _hear(workers: Sequence[WorkerProcess]) -> None:
    """Wait a moment for one of them to say something."""
    with selectors.DefaultSelector() as selector:
        for worker in workers:
            selector.register(worker, selectors.EVENT_READ)
        heard = selector.select(_TICK_S)
    are_open = [worker.read_beats() for worker in workers]
    if heard and not all(are_open):
        # A worker that closed its end is about to end, and its pipe stays readable.
        time.sleep(_TICK_S)


@contextmanager
def forwarding(forward: Callable[[int], None]) -> Iterator[None]:
    """Pass signals on that ask this process to end, while the block runs; nothing where this is not
    the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _: FrameType | None) -> None:
        forward(number)

    before = {number: signal.signal(number, handle) for number in _FORWARDED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
