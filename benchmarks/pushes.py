"""Pushes over HTTP: `python -m benchmarks.pushes [SECONDS [CONNECTIONS]]`.

One `mainspring serve` on the embedded engines, with a view on the source that is pushed to, and one
process that sends: requests of one row on 64 connections, then bodies of 10,000 rows on two, as
JSON, JSON lines and Arrow.  Each connection sends its next request when the last was answered.  All
answers must be 200 and acknowledge their rows.  Prints requests, rows, the median and the 99th
percentile, and what the server took of a core and of memory; a busy machine shows in all of them.
"""

import asyncio
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import polars as pl

from mainspring.app.workspace import Workspace

SECONDS, CONNECTIONS = 10, 64
ROWS, BODIES, LARGE_CONNECTIONS = 10_000, 30, 2
SHOPS = 20_000
PROJECT = """
import mainspring as ms
from mainspring import col

sales = ms.Source("sales", id="n", event_time="at", contract=ms.Contract(n=ms.Int64(),
    at=ms.Timestamp(), shop=ms.String(), amount=ms.Float64()))
takings = ms.FeatureView("takings", source=sales, entities=[ms.Entity("shop")],
    windows=["1h", "24h"], features={"n": ms.count(), "total": col("amount").sum()})
"""
_TICKS = os.sysconf("SC_CLK_TCK")
Row = dict[str, object]


class Usage(NamedTuple):
    """What a process has taken."""

    cpu_s: float
    peak_mb: float


class Figure(NamedTuple):
    """What one load came to."""

    name: str
    requests: int
    rows: int
    seconds: float
    taken_ms: list[float]
    cpu_s: float

    def line(self) -> str:
        """For people."""
        taken = sorted(self.taken_ms)
        return (
            f"{self.name}: {self.requests / self.seconds:,.0f} requests/s, "
            f"{self.rows / self.seconds:,.0f} rows/s; p50 {taken[len(taken) // 2]:.1f} ms, "
            f"p99 {taken[len(taken) * 99 // 100]:.1f} ms; server {self.cpu_s / self.seconds:.0%} "
            f"of a core, {self.cpu_s / self.requests * 1000:.2f} CPU ms a request, "
            f"{self.cpu_s / self.rows * 1e6:.1f} CPU µs a row"
        )


class Sender(asyncio.Protocol):
    """One connection, which sends a request when the one before was answered."""

    def __init__(self, bodies: Iterator[bytes], head: bytes, done: asyncio.Future[None]) -> None:
        self._bodies, self._head, self._done = bodies, head, done
        self._received, self._sent_s = bytearray(), 0.0
        self.taken_ms: list[float] = []
        self.accepted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Take an answer in."""
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[:end]).lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r", 1)[0])
        if len(self._received) < end + 4 + length:
            return
        body = bytes(self._received[end + 4 :])
        assert head.startswith(b"http/1.1 200"), body
        self.accepted += int(body.partition(b'"accepted":')[2].split(b",", 1)[0])
        self.taken_ms.append((time.perf_counter() - self._sent_s) * 1000)
        self._received.clear()
        self._send()

    def connection_lost(self, _: Exception | None) -> None:
        """The server left, or all is said."""
        if not self._done.done():
            self._done.set_result(None)

    def _send(self) -> None:
        body = next(self._bodies, None)
        if body is None:
            self._transport.close()
            return
        self._sent_s = time.perf_counter()
        self._transport.write(self._head % len(body) + body)


def main(seconds: int = SECONDS, connections: int = CONNECTIONS) -> None:
    """Push, and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "shops.py").write_text(PROJECT)
        (folder / "project.toml").write_text('name = "shops"\n[environments.dev]\n')
        workspace = Workspace.open(folder)
        workspace.apply()
        token = workspace.token().read_text().strip()
        with _serving(folder) as (port, pid):
            numbers = iter(range(1 << 60))
            loads: list[tuple[str, str, int, Callable[[], Iterator[bytes]], int]] = [
                ("one row", "application/json", connections, lambda: _timed(numbers, seconds), 1)
            ]
            for kind, write in _WRITERS.items():
                bodies = _bodies(numbers, write)
                loads.append((f"{ROWS:,} rows as {kind}", kind, LARGE_CONNECTIONS, bodies, ROWS))
            asyncio.run(_load(port, token, "application/json", 1, iter([_one(next(numbers))])))
            for label, kind, count, source, rows in loads:
                before = _usage(pid)
                begun = time.perf_counter()
                senders = asyncio.run(_load(port, token, kind, count, source()))
                taken_s, after = time.perf_counter() - begun, _usage(pid)
                requests = sum(len(sender.taken_ms) for sender in senders)
                assert sum(sender.accepted for sender in senders) == requests * rows
                taken = [each for sender in senders for each in sender.taken_ms]
                spent = after.cpu_s - before.cpu_s
                print(Figure(label, requests, requests * rows, taken_s, taken, spent).line())
            print(f"server: {_usage(pid).peak_mb:,.0f} MB at its peak")


async def _load(
    port: int, token: str, kind: str, connections: int, bodies: Iterator[bytes]
) -> list[Sender]:
    loop = asyncio.get_running_loop()
    head = (
        f"POST /v1/sources/sales/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: {kind}\r\nContent-Length: %d\r\n\r\n"
    ).encode()
    done = [loop.create_future() for _ in range(connections)]
    senders = []
    for each in done:
        made: Callable[[], Sender] = lambda each=each: Sender(bodies, head, each)  # noqa: E731
        _, sender = await loop.create_connection(made, "127.0.0.1", port)
        senders.append(sender)
    await asyncio.gather(*done)
    return senders


def _timed(numbers: Iterator[int], seconds: float) -> Iterator[bytes]:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        yield _one(next(numbers))


def _one(number: int) -> bytes:
    return json.dumps({"rows": [_row(number)]}).encode()


def _row(number: int) -> Row:
    moment = f"2026-01-{number % 28 + 1:02}T{number % 24:02}:00:00Z"
    return {"n": number, "at": moment, "shop": f"shop {number % SHOPS}", "amount": 0.5 + number}


def _bodies(
    numbers: Iterator[int], write: Callable[[list[Row]], bytes]
) -> Callable[[], Iterator[bytes]]:
    made = [write([_row(next(numbers)) for _ in range(ROWS)]) for _ in range(BODIES)]
    return lambda: iter(made)


def _json_body(rows: list[Row]) -> bytes:
    return json.dumps({"rows": rows}).encode()


def _json_lines(rows: list[Row]) -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in rows)


def _arrow(rows: list[Row]) -> bytes:
    stream = io.BytesIO()
    pl.DataFrame(rows).write_ipc_stream(stream, compat_level=pl.CompatLevel.oldest())
    return stream.getvalue()


_WRITERS: dict[str, Callable[[list[Row]], bytes]] = {
    "application/json": _json_body,
    "application/x-ndjson": _json_lines,
    "application/vnd.apache.arrow.stream": _arrow,
}


def _usage(pid: int) -> Usage:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    peak_kb = int(status.partition("VmHWM:")[2].split()[0])
    return Usage((int(fields[11]) + int(fields[12])) / _TICKS, peak_kb / 1024)


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[int, int]]:
    program = str(Path(sys.executable).with_name("mainspring"))
    command = [program, "serve", "--port", "0", "--project", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            line = child.stdout.readline()
            port = int(line.partition("http://127.0.0.1:")[2].split()[0])
            yield port, child.pid
        finally:
            child.terminate()
            child.communicate()


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
