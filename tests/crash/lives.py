"""A feature store whose processes are killed with -9 at random instants, one or all of them, and go
on: `python -m tests.crash.lives FOLDER KILLS SEED`.

A writer hands in batch after batch and acknowledges each on a pipe; two processes fold the log into
LMDB and get in each other's way, one folds it into SQLite, and one into the table, which also joins
what the log holds in small pieces.  All of them are forked from a parent that has compiled
everything and computed nothing, so that a life costs milliseconds, and a death can come at any of
them.  At the end the parent prints what it saw as JSON.
"""

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from select import select
from typing import NamedTuple, NoReturn

from mainspring.elements.time import DAY, HOUR, MINUTE, SECOND
from mainspring.engines.delta.tables import DeltaTables
from mainspring.engines.lmdb.online import LmdbOnline
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.online import SqliteOnline
from mainspring.features.kernel.tree.online import warm_online
from mainspring.features.state.runs import RunLimits
from mainspring.features.state.stream import materialize_view
from mainspring.features.view import CompiledView
from mainspring.ports.errors import StaleWrite
from mainspring.ports.online import OnlineWriter
from mainspring.sources.fold import materialize_table
from mainspring.sources.topic import quarantine_topic_of, topic_of
from tests.proof.declared import SOURCES, VIEWS
from tests.proof.history import BEGINNING, EXTREME, GATES, Delivery, Handed, row_of
from tests.proof.reading import ingest, sharded
from tests.proof.truth import Row

__all__ = ["FOLDED", "TOPICS", "Report", "Stores", "batch", "fold_all", "live"]

FOLDED: dict[str, list[CompiledView]] = {
    "lmdb": [VIEWS["sums"].compiled, VIEWS["newest"].compiled],
    "sqlite": [sharded(VIEWS["sums"].compiled, 3), VIEWS["single"].compiled],
}
TOPICS = [name(source) for source in SOURCES for name in (topic_of, quarantine_topic_of)]
SMALL = RunLimits(key_bytes=3_000, shard_bytes=6_000, keys_at_once=2, fold_records=30)
"""So that deaths come between what is appended and what is taken into trees, and amid either."""
LONG_AFTER = BEGINNING + 10**6 * HOUR
LONGEST_WAIT_S = 0.06
SHARE_OF_ALL = 0.1
MOST_OF_A_BATCH = 25
STEP = 40 * SECOND


class Stores(NamedTuple):
    """The stores of one folder, as a process opens them."""

    log: SqliteLog
    lmdb: LmdbOnline
    sqlite: SqliteOnline
    tables: DeltaTables

    @classmethod
    def of(cls, folder: Path) -> "Stores":
        """Open them, or make them."""
        return cls(
            SqliteLog(folder / "log.db"),
            LmdbOnline(folder / "online.lmdb"),
            SqliteOnline(folder / "online.db"),
            DeltaTables(folder / "tables"),
        )


class Report(NamedTuple):
    """What the parent saw: how many batches were acknowledged, how often it killed each process,
    and how long it took.
    """

    acknowledged: int
    kills: dict[str, int]
    seconds: float


def batch(number: int) -> Delivery:
    """A batch, the same whenever it is asked for: new facts, one said before, one replaced, one
    deleted, and a row without an id.

    No batch says two things of one fact, so that a batch which is handed in again is all
    duplicates.
    """
    chosen = random.Random(-number)
    source, moment = ("starts", "landings", "landings")[number % 3], BEGINNING + number * STEP
    earlier = [number - 3 * back for back in chosen.sample(range(1, 40), 3) if number >= 3 * back]
    handed = [Handed("insert", row) for row in new_facts(number)]
    for op, old in zip(("insert", "replace", "delete"), earlier, strict=False):
        said = new_facts(old)[0]
        handed.append(Handed(op, said if op != "replace" else new_fact(chosen, said["id"], moment)))
    nameless = {**row_of(0, moment, moment, bags=number), "id": None}
    return Delivery(source, moment, is_history=False, rows=[*handed, Handed("insert", nameless)])


def new_facts(number: int) -> list[Row]:
    """The facts that a batch says first."""
    chosen = random.Random(number)
    return [
        new_fact(chosen, number * MOST_OF_A_BATCH + place, BEGINNING + number * STEP)
        for place in range(chosen.randrange(1, MOST_OF_A_BATCH))
    ]


def new_fact(chosen: random.Random, id: int, moment: int) -> Row:
    """A fact that is known by this moment, or a little later."""
    at = moment - chosen.choice((0, 0, 1, MINUTE, 30 * MINUTE, 90 * MINUTE))
    values = {
        "city": chosen.choice(("JFK", "LGA", "SFO", None)),
        "gate": chosen.choice(GATES),
        "delay": chosen.choice(EXTREME),
        "bags": chosen.randrange(-5, 6),
    }
    return row_of(id, at, at + chosen.choice((0, 0, 5 * MINUTE)), **values)


def fold_all(views: Sequence[CompiledView], log: SqliteLog, online: OnlineWriter) -> None:
    """Bring views up to the head of the log; where another process is faster its work stands."""
    for view in views:
        with suppress(StaleWrite):
            # State begins before anything happened, whoever makes it; nothing is left out for a
            # clock.
            materialize_view(view, log=SqliteLog(None), online=online, now=BEGINNING - DAY)
            materialize_view(view, log=log, online=online, now=LONG_AFTER, limits=SMALL)


def write(stores: Stores, acknowledge: Callable[[int], None], number: int) -> None:
    """Hand a batch in, and say so."""
    ingest(batch(number), stores.log)
    acknowledge(number)


def tabulate(stores: Stores, number: int) -> None:
    """Bring the tables up to the head of the log; now and then join small pieces of it."""
    for topic in TOPICS:
        materialize_table(topic, log=stores.log, tables=stores.tables)
        if number % 7 == 6:
            stores.log.compact(topic)


def works_of(
    role: str, stores: Stores, acknowledge: Callable[[int], None]
) -> Callable[[int], None]:
    """What a process of this role does again and again."""
    match role:
        case "writer":
            return lambda number: write(stores, acknowledge, number)
        case "table":
            return lambda number: tabulate(stores, number)
        case "sqlite":
            return lambda _: fold_all(FOLDED["sqlite"], stores.log, stores.sqlite)
        case _:
            return lambda _: fold_all(FOLDED["lmdb"], stores.log, stores.lmdb)


ROLES = ("writer", "lmdb", "lmdb, too", "sqlite", "table")


class Lives:
    """The processes that live now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ear, self._mouth = os.pipe()
        os.set_blocking(self._ear, False)
        self._heard = b""
        self._pids: dict[str, int] = {}
        self.acknowledged = 0

    def begin(self, role: str) -> None:
        """Bring a process to life; a writer goes on after what was acknowledged."""
        self._pids[role] = os.fork() or self._be(role)

    def end(self, role: str) -> None:
        """Kill a process, and hear what it still said."""
        pid = self._pids.pop(role)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, (
            f"{role} died by itself, with {os.waitstatus_to_exitcode(status)}"
        )
        self.listen()

    def listen_for(self, length_s: float) -> None:
        """Take acknowledgements as they come, so long."""
        until = time.monotonic() + length_s
        while (left := until - time.monotonic()) > 0:
            if select([self._ear], [], [], left)[0]:
                self.listen()

    def listen(self) -> None:
        """Take the acknowledgements that lie in the pipe."""
        with suppress(BlockingIOError):
            while heard := os.read(self._ear, 65_536):
                self._heard += heard
        *lines, self._heard = self._heard.split(b"\n")
        for line in lines:
            assert int(line) == self.acknowledged, (
                f"batch {int(line)} was acknowledged after {self.acknowledged - 1}"
            )
            self.acknowledged += 1

    def _be(self, role: str) -> NoReturn:
        """Live until killed, or until the parent is gone."""
        parent, stores = os.getppid(), Stores.of(self._folder)
        work = works_of(role, stores, lambda number: self._acknowledge(number))
        for number in count(self.acknowledged if role == "writer" else 0):
            work(number)
            if os.getppid() != parent:
                break
        os._exit(0)

    def _acknowledge(self, number: int) -> None:
        os.write(self._mouth, f"{number}\n".encode())


def live(folder: Path, kills: int, seed: int) -> Report:
    """Let all processes live, and kill one or all of them at random instants, so often."""
    chosen, killed, lives, begun = (
        random.Random(seed),
        Counter[str](),
        Lives(folder),
        time.monotonic(),
    )
    for role in ROLES:
        lives.begin(role)
    for _ in range(kills):
        lives.listen_for(chosen.uniform(0, LONGEST_WAIT_S))
        doomed = ROLES if chosen.random() < SHARE_OF_ALL else (chosen.choice(ROLES),)
        for role in doomed:
            lives.end(role)
        for role in doomed:
            lives.begin(role)
        killed.update(doomed)
    for role in ROLES:
        lives.end(role)
    return Report(lives.acknowledged, dict(killed), time.monotonic() - begun)


def main() -> None:
    """Live, and print the report."""
    folder, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    warm_online()
    print(json.dumps(live(folder, kills, seed)._asdict()))


if __name__ == "__main__":
    main()
