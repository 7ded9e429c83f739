"""Real servers for tests, each a process of its own on a free port of the loopback address, killed
with the test that started it.

A server that is not installed raises `ServerMissing` with its name, so that a fixture can skip by
name and not silently.
"""

import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from types import TracebackType

__all__ = ["LocalServer", "ServerMissing", "free_port", "moto", "rclone", "redis"]

_PATIENCE_S = 60.0
_PAUSE_S = 0.02


class ServerMissing(Exception):
    """The program of a server is not on this machine; the text says what to install."""


class LocalServer:
    """A program that listens on a port; enter it to start it.

    Args:
        command: the program and its arguments.
        port: where it will listen.
        output: the file that takes what it prints.
    """

    def __init__(self, command: Sequence[str], *, port: int, output: Path) -> None:
        self.port = port
        self._command, self._output = list(command), output

    def __enter__(self) -> "LocalServer":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start the program and wait until it takes connections."""
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        for _ in range(int(_PATIENCE_S / _PAUSE_S)):
            if self._process.poll() is not None:
                raise RuntimeError(
                    f"{self._command[0]} ended with "
                    f"{self._process.returncode}\n{self._output.read_text(errors='replace')}"
                )
            if _takes_connections(self.port):
                return
            Event().wait(_PAUSE_S)
        self.kill()
        raise RuntimeError(
            f"{self._command[0]} did not listen within {_PATIENCE_S} "
            f"s\n{self._output.read_text(errors='replace')}"
        )

    def kill(self) -> None:
        """End the program with SIGKILL, as a machine that fails would; `start` starts it again on
        the same files.
        """
        self._process.kill()
        self._process.wait()


def redis(folder: Path, *options: str) -> LocalServer:
    """A Redis server that appends every command to a file in the folder.

    Args:
        options: more of its settings, such as `--requirepass`, `secret`.
    """
    port = free_port()
    settings = [
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
        "--save",
        "",
        "--appendonly",
        "yes",
        *options,
    ]
    return LocalServer(
        [_program("redis-server"), *settings], port=port, output=folder / "redis.output"
    )


def moto(folder: Path) -> LocalServer:
    """A server that speaks S3 and keeps its buckets in memory; it holds conditional writes, and
    believes every key.
    """
    if find_spec("moto") is None:
        raise ServerMissing("moto is not installed: pip install 'moto[server]'")
    port = free_port()
    return LocalServer(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        port=port,
        output=folder / "moto.output",
    )


def rclone(folder: Path, *, key: str, secret: str) -> LocalServer:
    """A server that speaks S3 over the folder, a bucket for each folder in it; it checks secrets,
    and overwrites what it was asked to create.
    """
    port = free_port()
    settings = [
        "serve",
        "s3",
        str(folder),
        "--addr",
        f"127.0.0.1:{port}",
        "--auth-key",
        f"{key},{secret}",
        "--config",
        "",
    ]
    return LocalServer([_program("rclone"), *settings], port=port, output=folder / "rclone.output")


def free_port() -> int:
    """A port on the loopback address that nobody listens on at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def _program(name: str) -> str:
    """The program's path: of the system, or what a wheel brought into this environment."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        raise ServerMissing(f"{name} is not installed")
    return found


def _takes_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
