"""A real nats-server for tests, from Debian's package, on a free port of the loopback interface and
with a store that goes with the test.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

__all__ = ["RunningServer", "wait_until"]


class RunningServer:
    """A server that can be killed and started again on its port and its store."""

    def __init__(self, folder: Path, configuration: str = "", *, jetstream: str = "") -> None:
        self._program = shutil.which(
            "nats-server", path=f"{os.environ['PATH']}:/usr/sbin"
        )  # where Debian puts it
        if self._program is None:
            pytest.skip("nats-server is not installed (Debian: nats-server)")
        self._folder = folder
        self._configuration = (
            f'jetstream {{ store_dir: "{folder / "store"}", {jetstream} }}\n{configuration}\n'
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self.url = f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and return once it accepts connections."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / "server.conf"
        file.write_text(f'listen: "127.0.0.1:{self.port}"\n{self._configuration}')
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._program), "-c", str(file)], stdout=log, stderr=log
            )
        process = self._process
        wait_until(lambda: _accepts(self.port) or process.poll() is not None)
        if process.poll() is not None:
            pytest.skip(
                f"nats-server does not start: {(self._folder / 'server.log').read_text()[-500:]}"
            )

    def stop(self) -> None:
        """Have it end, with all on its disk that it has."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End it with -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def wait_until(claim: Callable[[], bool]) -> None:
    """Return once it holds, and fail where it does not within 20 seconds."""
    until, pause = time.monotonic() + 20, Event()
    while not claim():
        assert time.monotonic() < until
        pause.wait(0.005)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
