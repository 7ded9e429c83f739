"""Several workers behind one port: each has a supervisor in a thread of this process, and a socket
of its own, between which the kernel shares out connections.
"""

import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mainspring.engines.local.inherited import WorkerPlace, require_free
from mainspring.engines.local.supervisor import (
    SharedPort,
    Supervisor,
    SupervisorLimits,
    forwarding,
)

__all__ = ["GroupHealth", "WorkerGroup"]

Command = Callable[[int], Sequence[str]]


@dataclass(frozen=True)
class GroupHealth:
    """What is known of all workers.

    Args:
        ready: whether one of them answers.
        workers: whether each does, by number.
        processes: of each at present; None between two.
    """

    ready: bool
    port: int
    restarts: int
    replaced: int
    workers: Sequence[bool]
    processes: Sequence[int | None]


class WorkerGroup:
    """Runs a command as several worker processes.

    Args:
        command: of each, given the port.
        count: of workers, at least 1.
        port: 0 for one that is free.

    Raises: PortTaken SRV-030, where somebody has it, also if they would share it.
    """

    def __init__(
        self,
        command: Command,
        *,
        count: int,
        port: int,
        limits: SupervisorLimits | None = None,
    ) -> None:
        self._command, self._count, self._limits = command, count, limits
        self.port = require_free(port)
        self._supervisors: list[Supervisor] = []

    @property
    def health(self) -> GroupHealth:
        """As of now."""
        workers = [each.is_ready() for each in self._supervisors]
        known = [each.health for each in self._supervisors]
        return GroupHealth(
            any(workers),
            self.port,
            sum(each.restarts for each in known),
            sum(each.replaced for each in known),
            workers,
            [each.worker for each in self._supervisors],
        )

    def run(self) -> int:
        """Supervise until all have ended because they were asked to, or one could not start at
        all; the exit code of the first that ended.

        SIGTERM and SIGINT are passed on, and SIGHUP replaces every worker, where this runs in the
        main thread.
        """
        with self._prepared(), forwarding(self.stop), self._replacing():
            with ThreadPoolExecutor(self._count, "mainspring-supervisor") as threads:
                running = [threads.submit(each.run) for each in self._supervisors]
                try:
                    ended, _ = wait(running, return_when=FIRST_COMPLETED)
                finally:
                    self.stop()
            return next(iter(ended)).result()

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Have all of them end, and start no other."""
        for supervisor in self._supervisors:
            supervisor.stop(number)

    def replace(self) -> None:
        """Have a new worker in the place of each, which goes on until the new one is ready: with
        the configuration and the software of now.
        """
        for supervisor in self._supervisors:
            supervisor.replace()

    @contextmanager
    def _prepared(self) -> Iterator[None]:
        """Sockets and supervisors, and the folder that the workers share."""
        with ExitStack() as held:
            folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="mainspring-")))
            places = [WorkerPlace(each + 1, self._count, folder) for each in range(self._count)]
            sockets = [SharedPort(self.port, place) for place in places]
            for shared in sockets:
                held.callback(shared.close)
            self._supervisors = [
                Supervisor(self._command, port=self.port, limits=self._limits, shared=shared)
                for shared in sockets
            ]
            yield

    @contextmanager
    def _replacing(self) -> Iterator[None]:
        """Replace all workers at SIGHUP while the block runs."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGHUP, lambda *_: self.replace())
        try:
            yield
        finally:
            signal.signal(signal.SIGHUP, before)
