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
from mainspring.features.online.prepared import PreparedRead
from mainspring.features.requested import RequestedView
from mainspring.features.state.names import encode_key
from mainspring.testing import servers

__all__ = ["measure"]

_EVENTS, _KEYS = 500_000, 20_000
_CALLS = {1: 2_000, 100: 1_000}
_BARS = {1: None, 100: 1.5}


def measure(setting: Setting) -> Section:
    """A real server on the loopback interface; ours and the bare MGET in turns, each for other
    customers than the one before.
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
            turns = _time_turns(online, plain, customers, keys, setting.scaled(_CALLS[keys]))
            figures += _figures(keys, turns, bar)
            sizes.append(f"{turns.size:,.0f} bytes for {keys}")
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


class Turns(NamedTuple):
    """Seconds of our reads, as Python's values and as arrays, and of bare ones, and how many bytes
    a read fetches.
    """

    values: list[float]
    arrays: list[float]
    bare: list[float]
    size: float


def _figures(keys: int, turns: Turns, bar: float | None) -> list[Figure]:
    bare, what = percentile(turns.bare, 50), f"{keys} key{'s' * (keys > 1)}"
    figures = [
        Figure(
            f"bare MGET of {what}",
            f"p50 {time_of(bare)}, p99 {time_of(percentile(turns.bare, 99))}",
        )
    ]
    for name, ours, own_bar in (("read", turns.values, bar), ("read_arrays", turns.arrays, None)):
        p50, told = percentile(ours, 50), f"p99 {time_of(percentile(ours, 99))}"
        work = f"prepared `{name}` of {what}, 20 features"
        figures.append(Figure(work, f"p50 {time_of(p50)}, {told}"))
        ratio = f"`{name}` of {what} ÷ bare MGET"
        figures.append(
            Figure(ratio, f"{p50 / bare:.2f} ×")
            if own_bar is None
            else at_most(ratio, p50 / bare, own_bar)
        )
    return figures


def _time_turns(
    online: RedisOnline, plain: redis.Redis, customers: Sequence[int], at_once: int, calls: int
) -> Turns:
    """The first tenth is for warming up and left out."""
    view, random = twenty(), Random(3)
    reader = PreparedRead([RequestedView(view, view.column_names)], online)
    values, arrays, bare, sizes = [], [], [], []
    for _ in range(calls + calls // 10):
        rows = [{"customer": each} for each in random.choices(customers, k=at_once)]
        _, found = online.read(view.shard, [encode_key(0, (row["customer"],)) for row in rows])
        payloads = {f"row:{place}": row or b"" for place, row in enumerate(found)}
        plain.mset(payloads)
        values.append(_seconds(lambda rows=rows: reader.read(rows, at=END)))
        bare.append(_seconds(lambda names=[*payloads]: plain.mget(names)))
        arrays.append(_seconds(lambda rows=rows: reader.read_arrays(rows, at=END)))
        sizes.append(sum(map(len, payloads.values())))
    first = calls // 10
    return Turns(values[first:], arrays[first:], bare[first:], sum(sizes) / len(sizes))


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
