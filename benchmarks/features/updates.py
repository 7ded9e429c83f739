"""Row 4: events a second that one process folds into durable online state."""

import statistics
import time
from collections.abc import Callable, Sequence
from math import isclose
from pathlib import Path

import polars as pl

from benchmarks.features.figure import Figure, Section, at_least, count_of
from benchmarks.features.history import END
from benchmarks.features.purchases import twenty, warm_up
from benchmarks.features.setting import Setting
from benchmarks.features.stores import (
    BATCH,
    EMBEDDED,
    append_batches,
    fold,
    new_records,
    open_log,
    open_online,
)
from benchmarks.features.update_peers import (
    LmdbTiles,
    Said,
    SqliteTiles,
    Tiles,
    batches_of,
    said_by,
)
from mainspring.features.online.read import read_online

__all__ = ["measure", "require_agreement"]

_EVENTS, _KEYS = 500_000, 20_000
_COMPARED = 200
_RATE_BAR, _RATIO_BAR = 100_000, 4.0
_PEERS: dict[str, Callable[[Path], Tiles]] = {"SQLite": SqliteTiles, "LMDB": LmdbTiles}


def measure(setting: Setting) -> Section:
    """In turns, each into an empty store: the first half of the events fills it, the second half is
    measured.
    """
    records = new_records(setting, events=_EVENTS, keys=_KEYS)
    warm_up()
    customers = records["customer"].unique().sort().head(_COMPARED).to_list()
    rates: dict[str, list[float]] = {name: [] for name in ("ours", *_PEERS)}
    for turn in range(setting.rounds):
        rate, said = _ours(records, setting.room(f"updates-{turn}"), customers)
        rates["ours"].append(rate)
        for name, peer in _PEERS.items():
            rate, also_said = _theirs(
                records, peer(setting.room(f"updates-{name}-{turn}")), customers
            )
            rates[name].append(rate)
            require_agreement(said, also_said)
    median = {name: statistics.median(found) for name, found in rates.items()}
    return Section("updates", "Online updates", list(_figures(median)), [_described(setting)])


def _figures(rates: dict[str, float]) -> list[Figure]:
    ours = rates["ours"]
    others = [name for name in _PEERS if name != EMBEDDED]
    return [
        Figure(
            f"events a second, {EMBEDDED}, one process",
            f"{ours:,.0f}",
            f"≥ {_RATE_BAR:,}",
            ours >= _RATE_BAR,
        ),
        at_least(
            f"ours ÷ msgpack tiles in {EMBEDDED}",
            ours / rates[EMBEDDED],
            _RATIO_BAR,
            told=f"{rates[EMBEDDED]:,.0f} a second",
        ),
        *(
            Figure(
                f"ours ÷ msgpack tiles in {name}",
                f"{ours / rates[name]:.1f} × ({rates[name]:,.0f} a second)",
            )
            for name in others
        ),
    ]


def _described(setting: Setting) -> str:
    return (
        f"{count_of(setting.scaled(_EVENTS))} events of "
        f"{count_of(setting.scaled(_KEYS))} customers in 30 days, in micro-batches of "
        f"{count_of(BATCH)}, each "
        "committed; ours reads them from the log.  The peer is given them decoded, and "
        "keeps for each customer a MessagePack row of twelve tiles for each "
        "window, whose edges are therefore not exact; what both say about the full 30 "
        "days was compared first.  A commit survives the death of the process "
        "in all of them (SQLite in WAL with synchronous=NORMAL, LMDB with metasync=False)."
    )


def require_agreement(ours: Sequence[Said], theirs: Sequence[Said]) -> None:
    """Stop unless both say the same about each customer; sums to nine digits."""
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine.count, mine.largest, mine.newest) == (
            other.count,
            other.largest,
            other.newest,
        ), f"{mine} against {other}"
        assert isclose(mine.total, other.total, rel_tol=1e-9), f"{mine} against {other}"


def _ours(records: pl.DataFrame, room: Path, customers: Sequence[int]) -> tuple[float, list[Said]]:
    half = records.height // 2
    log, online = open_log(room / "log.db"), open_online(room / "online.db")
    append_batches(log, records[:half])
    fold(log, online)
    taken = 0.0
    for batch in records[half:].iter_slices(BATCH):
        append_batches(log, batch)
        began = time.perf_counter()
        fold(log, online)
        taken += time.perf_counter() - began
    found = read_online(
        [twenty()],
        online,
        {"customer": customers},
        at=[END] * len(customers),
    ).columns
    said = [
        Said(*values)
        for values in zip(
            *(found[f"customer__{name}__30d"] for name in ("count", "sum", "max", "last")),
            strict=True,
        )
    ]
    online.close()
    log.close()
    return (records.height - half) / taken, said


def _theirs(
    records: pl.DataFrame, tiles: Tiles, customers: Sequence[int]
) -> tuple[float, list[Said]]:
    half = records.height // 2
    for batch in batches_of(records[:half]):
        tiles.update(batch)
    batches = batches_of(records[half:])
    began = time.perf_counter()
    for batch in batches:
        tiles.update(batch)
    rate = (records.height - half) / (time.perf_counter() - began)
    said = [said_by(tiles.row(customer)) for customer in customers]
    tiles.close()
    return rate, said
