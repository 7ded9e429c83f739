"""Appends to two topics at once, over and over, and says each time what was acknowledged: a process
that tests kill, or let race with another.
"""

import sys

import numpy as np
import polars as pl

from mainspring.engines.nats.log import NatsLog
from mainspring.ports.errors import StaleWrite
from mainspring.testing.contracts.log import FACTS, REFUSED, records


def main() -> None:
    """Arguments: URL, stream, a name that begins every id, number of appends, rows of each, bytes
    of payload in a row.
    """
    url, stream, name, *numbers = sys.argv[1:]
    count, rows, size = map(int, numbers)
    noise = np.random.default_rng(0)
    log = NatsLog(url, stream=stream)
    for number in range(count):
        ids = [f"{name}-{number}-{row}" for row in range(rows)]
        frame = records(ids, payload=[noise.bytes(size) for _ in range(rows)])
        print(number, append_somehow(log, frame, ids), flush=True)
    log.close()


def append_somehow(log: NatsLog, frame: pl.DataFrame, ids: list[str]) -> int:
    """Append at the head, deciding anew as long as another process is faster; how often that
    was.
    """
    for lost in range(10_000):
        try:
            log.append(
                {FACTS: frame, REFUSED: frame},
                expected={topic: log.head(topic) for topic in (FACTS, REFUSED)},
            )
        except StaleWrite:
            continue
        return lost
    raise AssertionError("another process was always faster")


if __name__ == "__main__":
    main()
