"""Row 5: what it takes to read twenty features, in process."""

import time
from pathlib import Path
from random import Random

from benchmarks.features import feast_reads
from benchmarks.features.figure import Figure, Section, at_least, count_of, percentile, time_of
from benchmarks.features.history import END
from benchmarks.features.purchases import twenty, warm_up
from benchmarks.features.setting import Setting
from benchmarks.features.stores import (
    EMBEDDED,
    append_batches,
    fold,
    new_records,
    open_log,
    open_online,
)
from mainspring.features.online.read import read_online
from mainspring.ports.online import OnlineReader

__all__ = ["measure", "time_reads"]

_EVENTS, _KEYS = 500_000, 20_000
_CALLS = {1: 5_000, 100: 500}
_BARS_S = {1: 10e-6, 100: 400e-6}
_FEAST_BAR = 25.0


def measure(setting: Setting) -> Section:
    """One key and a hundred, other keys at each call; Feast where it was asked for."""
    records = new_records(setting, events=_EVENTS, keys=_KEYS)
    room = setting.room("reads")
    log, online = open_log(room / "log.db"), open_online(room / "online.db")
    append_batches(log, records)
    fold(log, online)
    warm_up()
    customers = records["customer"].unique().sort().to_list()
    medians, figures = {}, []
    for keys, bar in _BARS_S.items():
        taken = time_reads(online, customers, keys=keys, calls=setting.scaled(_CALLS[keys]))
        medians[keys] = percentile(taken, 50)
        told = f"p50 {time_of(medians[keys])}, p99 {time_of(percentile(taken, 99))}"
        figures.append(
            Figure(
                f"read of {keys} key{'s' * (keys > 1)}, 20 features",
                told,
                f"p50 ≤ {time_of(bar)}",
                medians[keys] <= bar,
            )
        )
    figures += _beside_feast(setting, medians, room)
    note = (
        f"{count_of(setting.scaled(_EVENTS))} events of {count_of(len(customers))} "
        f"customers in 30 days, folded into {EMBEDDED}; q is the end of these 30 days."
    )
    return Section("reads", "Online reads", figures, [note, feast_reads.DESCRIBED])


def time_reads(online: OnlineReader, customers: list[int], *, keys: int, calls: int) -> list[float]:
    """Seconds of each call, each for other customers in no order; the first tenth is for warming up
    and left out.
    """
    view, random = twenty(), Random(3)
    taken = []
    for _ in range(calls + calls // 10):
        asked = {"customer": random.choices(customers, k=keys)}
        at = [END] * keys
        began = time.perf_counter()
        read_online([view], online, asked, at=at)
        taken.append(time.perf_counter() - began)
    return taken[calls // 10 :]


def _beside_feast(setting: Setting, ours: dict[int, float], room: Path) -> list[Figure]:
    if not setting.with_feast:
        return [
            Figure(
                "Feast 0.67 get_online_features, SQLite ÷ ours",
                "not measured: run with `--feast`",
                f"≥ {_FEAST_BAR:g} ×",
            )
        ]
    theirs = feast_reads.measure(setting, room, list(ours))
    return [
        at_least(
            f"Feast 0.67 get_online_features, SQLite, {keys} key{'s' * (keys > 1)} ÷ ours",
            theirs[keys] / ours[keys],
            _FEAST_BAR,
            told=time_of(theirs[keys]),
        )
        for keys in ours
    ]
