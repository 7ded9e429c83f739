"""A server of a project, and many connections that push to it: HTTP/1.1 by hand, so that the client
takes little of the two cores.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Pushed", "Server", "push_all", "serving"]

_MAIN = "from mainspring.app.cli import main; main()"
_TICKS_A_SECOND = 100
_FIELDS_BEFORE_TIMES = 11


@dataclass(frozen=True)
class Server:
    """A running server."""

    url: str
    token: str
    pid: int

    def cpu_s(self) -> float:
        """Seconds of processor that it has had."""
        told = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        user, system = told[_FIELDS_BEFORE_TIMES : _FIELDS_BEFORE_TIMES + 2]
        return (int(user) + int(system)) / _TICKS_A_SECOND

    def peak_bytes(self) -> int:
        """The most that was ever resident."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        [line] = [line for line in lines if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024


@dataclass(frozen=True)
class Pushed:
    """What became of the pushes.

    Args:
        taken_s: of each request, from its first byte to the end of its answer.
    """

    seconds: float
    taken_s: list[float]
    statuses: list[int]


@contextmanager
def serving(project: Path, token: Path) -> Iterator[Server]:
    """`mainspring serve` on a free port of this machine."""
    command = [sys.executable, "-c", _MAIN, "serve", "--port", "0", "--project", str(project)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = next(line for line in process.stdout if "http://" in line)
            url = next(word for word in said.split() if word.startswith("http://"))
            yield Server(url.rstrip("/.,"), token.read_text().strip(), process.pid)
        finally:
            process.terminate()


def push_all(
    server: Server, path: str, bodies: Sequence[bytes], *, connections: int, kind: str
) -> Pushed:
    """Post each body once, each connection one after the other.

    Args:
        kind: the content type.
    """
    return asyncio.run(_push_all(server, path, list(bodies), connections, kind))


async def _push_all(
    server: Server, path: str, bodies: list[bytes], connections: int, kind: str
) -> Pushed:
    place = urlsplit(server.url)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {server.token}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: "
    )
    taken: list[float] = []
    statuses: list[int] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        while bodies:
            body = bodies.pop()
            began = time.perf_counter()
            writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
            status = await _read_answer(reader)
            taken.append(time.perf_counter() - began)
            statuses.append(status)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return Pushed(time.perf_counter() - began, taken, statuses)


async def _read_answer(reader: asyncio.StreamReader) -> int:
    """The status; the body is read and let go."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    lengths = [line for line in head.split("\r\n") if line.startswith("content-length:")]
    await reader.readexactly(int(lengths[0].partition(":")[2]) if lengths else 0)
    return int(head.split()[1])
