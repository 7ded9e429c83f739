"""One process of a worker, and what its supervisor knows of it: whether its heart beats."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from mainspring.engines.local.heartbeat import HEARTBEAT

__all__ = ["WorkerProcess"]


class WorkerProcess:
    """A command that runs; it is started at once.

    Args:
        inherited: handles that it is given, by the numbers that they have here.
        environment: beside that of this process.

    Its attributes: `began` and `turned_at` are instants of the monotonic clock, the second of the
    last turn of its event loop, or of its start before it ever turned; `port` is 0 before it
    listens.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        inherited: Sequence[int] = (),
    ) -> None:
        self.began = self.turned_at = time.monotonic()
        self.port, self.is_turning = 0, False
        self._pipe, write = os.pipe()
        try:
            self._process = subprocess.Popen(
                [*command],
                env={**os.environ, **(environment or {}), HEARTBEAT: str(write)},
                pass_fds=[write, *inherited],
                # A group of its own: what a terminal sends reaches it once, from its supervisor.
                process_group=0,
            )
        except BaseException:
            os.close(self._pipe)
            raise
        finally:
            os.close(write)
        os.set_blocking(self._pipe, False)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def fileno(self) -> int:
        """The pipe that is readable when it has something to say."""
        return self._pipe

    def stands_still(self, limit_s: float) -> bool:
        """Whether its loop has not turned for longer."""
        return time.monotonic() - self.turned_at > limit_s

    def read_beats(self) -> bool:
        """Note what it said meanwhile; false where it has closed its end, so it is about to end."""
        with suppress(BlockingIOError):
            lines = os.read(self._pipe, 65_536).split()
            if not lines:
                return False
            if lines[-1].isdigit():
                self.port, self.is_turning = int(lines[-1]), True
                self.turned_at = time.monotonic()
        return True

    def send(self, number: int = signal.SIGTERM) -> None:
        """Send it a signal, where it has not ended."""
        if self.is_running:
            self._process.send_signal(number)

    def end(self, patience_s: float = 0.0) -> int:
        """Wait for its end, and end it where it does not come; its exit code, 128 and the number
        for a signal.
        """
        self.is_turning = False
        if patience_s:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience_s)
        if self.is_running:
            self._process.kill()
        code = self._process.wait()
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        return 128 - code if code < 0 else code
