"""Processes to be killed: each writes to one store for ever, and prints a line after each write
that was acknowledged.

Run as `python -m tests.crash.writers <store> <folder>`.
"""

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path


def write_objects(folder: Path) -> Iterator[str]:
    """Objects of up to 200 kB; a line is a digest."""
    from mainspring.engines.local.objects import FileObjects

    objects = FileObjects(folder)
    for number in count(sum(1 for _ in objects.iter_digests())):
        yield objects.write(f"object {number} ".encode() * (1 + number * 997 % 15_000))


def write_state(folder: Path) -> Iterator[str]:
    """One document and one event in each commit; a line is the head of the journal."""
    from mainspring.elements.events import Actor, Event, ProjectName
    from mainspring.engines.local.state import SqliteState
    from mainspring.ports.state import Change

    project = ProjectName("crash")
    state = SqliteState(folder / "state.sqlite", project)
    while True:
        event = Event(
            kind="counter.moved",
            project=project,
            actor=Actor("service:writer"),
            at=0,
            subject="counter",
        )
        yield str(state.commit([Change("counter", "the", b"{}")], [event]))


def write_log(folder: Path) -> Iterator[str]:
    """As many facts as rows in quarantine in each call; a line is the head of both."""
    from mainspring.engines.local.log import SqliteLog
    from mainspring.testing.contracts.log import records

    log = SqliteLog(folder / "log.sqlite")
    while True:
        head = log.head("source:a")
        frame = records([f"{head + row}" for row in range(1 + head * 31 % 2_000)])
        topics = ("source:a", "quarantine:a")
        yield str(
            log.append(dict.fromkeys(topics, frame), expected=dict.fromkeys(topics, head))[
                "source:a"
            ]
        )


def write_kept(folder: Path) -> Iterator[str]:
    """Small appends, joined and trimmed all the time; a line is the first offset and the head."""
    from mainspring.engines.local.log import SqliteLog
    from mainspring.testing.contracts.log import records

    log = SqliteLog(folder / "log.sqlite")
    while True:
        head = log.head("source:a")
        log.append(
            {"source:a": records([f"{head + row}" for row in range(1 + head * 31 % 20)])},
            expected={},
        )
        if head % 3 == 0:
            log.compact("source:a")
        if head % 5 == 0:
            log.trim("source:a", head - 500)
        yield f"{log.first('source:a')} {log.head('source:a')}"


def write_table(folder: Path) -> Iterator[str]:
    """Rows that count; a line is the position."""
    import polars as pl

    from mainspring.engines.delta.tables import DeltaTables

    tables = DeltaTables(folder)
    while True:
        first = tables.position("source:a")
        rows = pl.DataFrame(
            pl.int_range(first, first + 1 + first * 31 % 2_000, eager=True).alias("_offset")
        )
        tables.append("source:a", rows, expected=first, position=first + rows.height)
        yield str(first + rows.height)


def write_online(folder: Path) -> Iterator[str]:
    """A hundred rows that say at which position they were written; a line is the position."""
    from mainspring.engines.lmdb.online import LmdbOnline
    from mainspring.ports.online import Position

    online = LmdbOnline(folder / "online.lmdb")
    while True:
        found, _ = online.read("shard", [])
        number = found.visible_until + 1 if found else 0
        rows = {str(key).encode(): f"{number} ".encode() * 200 for key in range(100)}
        online.commit("shard", rows, expected=found, position=Position((), number))
        yield str(number)


WRITERS = {
    "objects": write_objects,
    "state": write_state,
    "log": write_log,
    "kept": write_kept,
    "table": write_table,
    "online": write_online,
}

if __name__ == "__main__":
    for line in WRITERS[sys.argv[1]](Path(sys.argv[2])):
        print(line, flush=True)
