"""Row 6: a read of a hundred keys on Redis, beside a bare MGET of the same bytes."""

import time
from collections.abc import Callable, Sequence
from random import Random

import redis

from benchmarks.features.figure import Section, at_most, count_of, percentile, time_of
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
_AT_ONCE, _CALLS = 100, 1_000
_BAR = 1.5


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
        ours, bare, size = _time_pairs(
            online,
            redis.Redis.from_url(f"{url}/1"),
            records["customer"].unique().sort().to_list(),
            setting.scaled(_CALLS),
        )
        online.close()
    told = (
        f"p50 {time_of(percentile(ours, 50))} and {time_of(percentile(bare, 50))}, p99 "
        f"{time_of(percentile(ours, 99))} and {time_of(percentile(bare, 99))}"
    )
    return Section(
        "redis_reads",
        "Online reads on Redis",
        [
            at_most(
                f"read of {_AT_ONCE} keys, 20 features ÷ bare MGET",
                percentile(ours, 50) / percentile(bare, 50),
                _BAR,
                told=told,
            )
        ],
        [
            f"{count_of(setting.scaled(_EVENTS))} events of "
            f"{count_of(setting.scaled(_KEYS))} customers in 30 days; a read fetches "
            f"{size:,.0f} bytes on "
            "average.  The bare MGET fetches the same rows, stored under plain keys of "
            "the same server, through the same client with hiredis, and does nothing "
            "with them."
        ],
    )


def _time_pairs(
    online: RedisOnline, plain: redis.Redis, customers: Sequence[int], calls: int
) -> tuple[list[float], list[float], float]:
    """Seconds of our reads and of bare ones, and how many bytes a read fetches; the first tenth is
    for warming up and left out.
    """
    view, random, reader = twenty(), Random(3), KeepingReader(online)
    ours, bare, sizes = [], [], []
    for _ in range(calls + calls // 10):
        keys, at = {"customer": random.choices(customers, k=_AT_ONCE)}, [END] * _AT_ONCE
        read_online([view], reader, keys, at=at)
        names = [f"row:{place}" for place in range(len(reader.rows))]
        plain.mset(dict(zip(names, reader.rows, strict=True)))
        ours.append(_seconds(lambda keys=keys, at=at: read_online([view], online, keys, at=at)))
        bare.append(_seconds(lambda names=names: plain.mget(names)))
        sizes.append(sum(map(len, reader.rows)))
    return ours[calls // 10 :], bare[calls // 10 :], sum(sizes) / len(sizes)


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
