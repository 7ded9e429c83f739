"""Row 6: reads of one key and of a hundred on Redis, beside a bare MGET of the same bytes."""

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

import redis

from benchmarks.features.figure import (
    Figure,
    Section,
    at_most,
    count_of,
    percentile,
    time_of,
)
from benchmarks.features.history import END
from benchmarks.features.purchases import twenty, warm_up
from benchmarks.features.setting import Setting
from benchmarks.features.stores import append_batches, fold, new_records, open_log
from mainspring.engines.redis.online import RedisOnline
from mainspring.features.online.read import read_online
from mainspring.ports.online import OnlineReader, Position
from mainspring.testing import servers

__all__ = ["KeepingReader", "measure"]

_EVENTS, _KEYS = 500_000, 20_000
_CALLS = {1: 2_000, 100: 1_000}
_BARS = {1: None, 100: 1.5}


class KeepingReader:
    """An online reader that keeps the rows of its last read: what a bare MGET has to fetch to fetch
    the same bytes.
    """

    def __init__(self, online: OnlineReader) -> None:
        self._online = online
        self.rows: list[bytes] = []

    def read(self, shard: str, keys: Sequence[bytes]) -> tuple[Position | None, list[bytes | None]]:
        """What the store says."""
        position, rows = self._online.read(shard, keys)
        self.rows = [row for row in rows if row is not None]
        return position, rows


def measure(setting: Setting) -> Section:
    """A real server on the loopback interface; ours and the bare MGET in turns, each pair for other
    customers.
    """
    records, room = new_records(setting, events=_EVENTS, keys=_KEYS), setting.room("redis")
    log = open_log(room / "log.db")
    append_batches(log, records)
    warm_up()
    with servers.redis(room) as server:
        url = f"redis://127.0.0.1:{server.port}"
        online = RedisOnline(f"{url}/0")
        fold(log, online)
        plain = redis.Redis.from_url(f"{url}/1")
        customers = records["customer"].unique().sort().to_list()
        figures, sizes = [], []
        for keys, bar in _BARS.items():
            pairs = _time_pairs(online, plain, customers, keys, setting.scaled(_CALLS[keys]))
            figures += _figures(keys, pairs, bar)
            sizes.append(f"{pairs.size:,.0f} bytes for {keys}")
        online.close()
    return Section(
        "redis_reads",
        "Online reads on Redis",
        figures,
        [
            f"{count_of(setting.scaled(_EVENTS))} events of "
            f"{count_of(setting.scaled(_KEYS))} customers in 30 days; a read is one round trip and "
            f"fetches {' and '.join(sizes)} on average.  The bare MGET fetches the same rows, "
            "stored under plain keys of the same server, through the same client with hiredis, and "
            "does nothing with them."
        ],
    )


class Pairs(NamedTuple):
    """Seconds of our reads and of bare ones, and how many bytes a read fetches."""

    ours: list[float]
    bare: list[float]
    size: float


def _figures(keys: int, pairs: Pairs, bar: float | None) -> list[Figure]:
    ours, bare = percentile(pairs.ours, 50), percentile(pairs.bare, 50)
    what = f"{keys} key{'s' * (keys > 1)}"
    told = f"p99 {time_of(percentile(pairs.ours, 99))} and {time_of(percentile(pairs.bare, 99))}"
    ratio = f"read of {what} ÷ bare MGET"
    return [
        Figure(
            f"read of {what}, 20 features", f"p50 {time_of(ours)} (a bare MGET {time_of(bare)})"
        ),
        at_most(ratio, ours / bare, bar, told=told)
        if bar is not None
        else Figure(ratio, f"{ours / bare:.2f} × ({told})"),
    ]


def _time_pairs(
    online: RedisOnline, plain: redis.Redis, customers: Sequence[int], at_once: int, calls: int
) -> Pairs:
    """The first tenth is for warming up and left out."""
    view, random, reader = twenty(), Random(3), KeepingReader(online)
    ours, bare, sizes = [], [], []
    for _ in range(calls + calls // 10):
        keys, at = {"customer": random.choices(customers, k=at_once)}, [END] * at_once
        read_online([view], reader, keys, at=at)
        names = [f"row:{place}" for place in range(len(reader.rows))]
        plain.mset(dict(zip(names, reader.rows, strict=True)))
        ours.append(_seconds(lambda keys=keys, at=at: read_online([view], online, keys, at=at)))
        bare.append(_seconds(lambda names=names: plain.mget(names)))
        sizes.append(sum(map(len, reader.rows)))
    return Pairs(ours[calls // 10 :], bare[calls // 10 :], sum(sizes) / len(sizes))


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
