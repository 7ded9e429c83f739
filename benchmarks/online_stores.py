"""What the online stores cost beside the bare products under them: `python -m
benchmarks.online_stores`.

20,000 and 200,000 keys with rows of 1 kB.  Reads are medians of single calls; commits are
micro-batches of 5,000 rows of keys drawn at random. The Redis part starts a server of its own, and
is left out, and says so, where none is installed.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import lmdb
import redis

from mainspring.engines.lmdb.online import LmdbOnline
from mainspring.engines.local.online import SqliteOnline
from mainspring.engines.redis.online import RedisOnline
from mainspring.ports.online import OnlineWriter, Position
from mainspring.testing import servers

SHARD = "departure_delays-0123456789abcdef"
ROW_BYTES = 1_000
BATCH = 5_000
BATCHES = 20
SMALL_COMMITS = 100
READS = {1: 5_000, 100: 500}


class Filled:
    """A store with so many keys, and where its shard stands."""

    def __init__(self, online: OnlineWriter, keys: int) -> None:
        self.online, self.chance = online, random.Random(keys)
        self.keys = [b"\x00tail-%06d" % number for number in range(keys)]
        self.rows = [self.chance.randbytes(ROW_BYTES) for _ in range(99)]
        self.position: Position | None = None
        for start in range(0, keys, BATCH):
            self.commit(self.keys[start : start + BATCH])

    def commit(self, keys: list[bytes]) -> float:
        """Put rows under these keys; the seconds that it took."""
        rows: dict[bytes, bytes | None] = {
            key: self.rows[number % 99] for number, key in enumerate(keys)
        }
        reached = Position(
            (
                (
                    "source:departures",
                    (self.position.offset("source:departures") if self.position else 0) + len(keys),
                ),
            ),
            0,
        )
        began = time.perf_counter()
        self.online.commit(SHARD, rows, expected=self.position, position=reached)
        self.position = reached
        return time.perf_counter() - began

    def figures(self) -> list[str]:
        """Rows a second in batches, milliseconds of a commit of one row, microseconds of reads of 1
        and of 100.
        """
        batches = [self.commit(self.chance.sample(self.keys, BATCH)) for _ in range(BATCHES)]
        small = [self.commit([self.chance.choice(self.keys)]) for _ in range(SMALL_COMMITS)]
        reads = [
            median_us(lambda keys: self.online.read(SHARD, keys), self.keys, count=count)
            for count in READS
        ]
        return [
            f"{BATCH / statistics.median(batches):,.0f}",
            f"{1000 * statistics.median(small):.2f}",
            *(f"{each:,.1f}" for each in reads),
        ]


def median_us(read: Callable[[list[bytes]], object], keys: list[bytes], *, count: int) -> float:
    """The median time to read so many keys, others each time."""
    chance, taken = random.Random(count), []
    for _ in range(READS[count]):
        asked = chance.sample(keys, count)
        began = time.perf_counter_ns()
        read(asked)
        taken.append(time.perf_counter_ns() - began)
    return statistics.median(taken) / 1000


def bare_lmdb(path: Path) -> list[str]:
    """The same reads of the same file with nothing of ours in between."""
    with lmdb.open(str(path), subdir=False, map_size=1 << 40, readahead=False) as environment:
        with environment.begin() as transaction:
            keys = [
                key for key in transaction.cursor().iternext(values=False) if key.startswith(b"r")
            ]

        def read(asked: list[bytes]) -> list[bytes | None]:
            with environment.begin() as snapshot:
                return [snapshot.get(key) for key in asked]

        return ["", "", *(f"{median_us(read, keys, count=count):,.1f}" for count in READS)]


@contextmanager
def redis_url(folder: Path) -> Iterator[str]:
    """The address of a server of our own."""
    with servers.redis(folder) as server:
        yield f"redis://127.0.0.1:{server.port}/0"


def bare_redis(url: str, filled: Filled) -> list[str]:
    """MGET of the same bytes under keys of their own."""
    client = redis.Redis.from_url(url)
    client.mset({key: filled.rows[number % 99] for number, key in enumerate(filled.keys)})
    return [
        "",
        "",
        *(f"{median_us(client.mget, filled.keys, count=count):,.1f}" for count in READS),
    ]


def show(name: str, keys: int, figures: list[str]) -> None:
    """One line of the table."""
    print(
        f"{name:<16} {keys:>8,}  {figures[0]:>12}  {figures[1]:>14}  {figures[2]:>9}  "
        f"{figures[3]:>11}",
        flush=True,
    )


def main() -> None:
    """Fill each store, time it and the bare product under it, and print a table."""
    print(
        f"{'store':<16} {'keys':>8}  {'rows/s':>12}  {'1-row commit/ms':>14}  "
        f"{'read 1/µs':>9}  {'read 100/µs':>11}"
    )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for keys in (20_000, 200_000):
            store = LmdbOnline(folder / f"{keys}.lmdb")
            show("LMDB", keys, Filled(store, keys).figures())
            store.close()
            show("  bare get", keys, bare_lmdb(folder / f"{keys}.lmdb"))
            show("SQLite", keys, Filled(SqliteOnline(folder / f"{keys}.db"), keys).figures())
        try:
            with redis_url(folder) as url:
                filled = Filled(RedisOnline(url), 20_000)
                show("Redis", 20_000, filled.figures())
                show("  bare MGET", 20_000, bare_redis(url, filled))
        except servers.ServerMissing as missing:
            print(f"Redis was left out: {missing}")


if __name__ == "__main__":
    main()
