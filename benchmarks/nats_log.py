"""The log on NATS beside the embedded one, on this machine: `python -m benchmarks.nats_log [ROWS]`.

Ratios to the embedded log in the same run; a server of its own is started on a free port.
Milliseconds are medians of 200 appends.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import polars as pl

from mainspring.engines.local.log import SqliteLog
from mainspring.engines.nats.log import NatsLog
from mainspring.ports.log import LogWriter
from mainspring.testing.contracts.log import records
from tests.contracts.nats_server import RunningServer

TOPIC, BATCH, REPEATS = "source:flights", 1_000, 200


def batches(rows: int, size: int) -> Iterator[pl.DataFrame]:
    """Records with a payload of a number and a text."""
    for at in range(0, rows, size):
        yield records(
            [f"flight-{at + row}" for row in range(size)],
            delay=[row % 97 * 1.5 for row in range(size)],
            carrier=["UA"] * size,
        )


def append_ms(log: LogWriter, size: int) -> float:
    """The median of an append at a known head."""
    spent = []
    for frame in batches(REPEATS * size, size):
        head, began = log.head(TOPIC), time.perf_counter()
        log.append({TOPIC: frame}, expected={TOPIC: head})
        spent.append(1e3 * (time.perf_counter() - began))
    return median(spent)


def append_all(log: LogWriter, rows: int) -> float:
    """Seconds to append so many rows in batches."""
    frames = list(batches(rows, BATCH))
    began = time.perf_counter()
    for frame in frames:
        log.append({TOPIC: frame}, expected={})
    return time.perf_counter() - began


def open_and_read(url: str, index: Path | None) -> tuple[float, float]:
    """Seconds until a client has folded the stream, and until it has read all of it."""
    began = time.perf_counter()
    log = NatsLog(url, index)
    opened = time.perf_counter()
    assert sum(frame.height for frame in log.read(TOPIC)) == log.head(TOPIC)
    log.close()
    return opened - began, time.perf_counter() - opened


def main() -> None:
    """Print the table."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder, server = Path(name), RunningServer(Path(name, "server"))
        server.start()
        nats, embedded = NatsLog(server.url, folder / "index.db"), SqliteLog(folder / "log.db")
        for size in (1, BATCH):
            ours, theirs = append_ms(nats, size), append_ms(embedded, size)
            print(
                f"append of {size:>5} rows       {ours:8.2f} ms   embedded "
                f"{theirs:8.2f} ms   ratio {ours / theirs:.1f}"
            )
        ours, theirs = append_all(nats, rows), append_all(embedded, rows)
        print(
            f"{rows:,} rows in batches {rows / ours:10,.0f}/s   embedded "
            f"{rows / theirs:8,.0f}/s   ratio {ours / theirs:.1f}"
        )
        for what, index in (
            ("memory", None),
            ("a new file", folder / "new.db"),
            ("its file", folder / "new.db"),
        ):
            opened, read = open_and_read(server.url, index)
            print(f"a client with {what:<10} opens in {opened:.2f} s and reads all in {read:.2f} s")
        nats.close()
        embedded.close()
        server.kill()


if __name__ == "__main__":
    main()
