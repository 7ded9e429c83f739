"""Row 4: events a second that one process folds into durable online state."""

import statistics
import time
from collections.abc import Callable, Sequence
from math import isclose
from pathlib import Path
from typing import NamedTuple

import polars as pl

from benchmarks.features.figure import Figure, Section, at_least, count_of
from benchmarks.features.history import END
from benchmarks.features.purchases import twenty, warm_up
from benchmarks.features.setting import Setting
from benchmarks.features.stores import (
    BATCH,
    EMBEDDED,
    append_batches,
    new_records,
    open_log,
    open_online,
    open_stream,
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
_RATE_BAR, _RATIO_BAR = 100_000, 3.0
_IO = Path("/proc/self/io")
_PEERS: dict[str, Callable[[Path], Tiles]] = {"SQLite": SqliteTiles, "LMDB": LmdbTiles}


def measure(setting: Setting) -> Section:
    """In turns, each into an empty store: the first half of the events fills it, the second half is
    measured.
    """
    records = new_records(setting, events=_EVENTS, keys=_KEYS)
    warm_up()
    customers = records["customer"].unique().sort().head(_COMPARED).to_list()
    costs: dict[str, list[Cost]] = {name: [] for name in ("ours", *_PEERS)}
    for turn in range(setting.rounds):
        cost, said = _ours(records, setting.room(f"updates-{turn}"), customers)
        costs["ours"].append(cost)
        for name, peer in _PEERS.items():
            cost, also_said = _theirs(
                records, peer(setting.room(f"updates-{name}-{turn}")), customers
            )
            costs[name].append(cost)
            require_agreement(said, also_said)
    median = {
        name: Cost(*map(statistics.median, zip(*found, strict=True)))
        for name, found in costs.items()
    }
    return Section("updates", "Online updates", list(_figures(median)), [_described(setting)])


class Cost(NamedTuple):
    """What an event costs.  Microseconds of the clock and of the processor, and bytes that went to
    the disk.
    """

    wall: float
    cpu: float
    written: float


def _now() -> Cost:
    """What this process has spent by now, in seconds and bytes."""
    written = _IO.read_text().partition("\nwrite_bytes: ")[2].partition("\n")[0]
    return Cost(time.perf_counter(), time.process_time(), float(written))


def _since(before: Cost) -> Cost:
    return Cost(*(now - then for now, then in zip(_now(), before, strict=True)))


def _each(spent: Sequence[Cost], events: int) -> Cost:
    wall, cpu, written = (sum(parts) / events for parts in zip(*spent, strict=True))
    return Cost(1e6 * wall, 1e6 * cpu, written)


def _figures(costs: dict[str, Cost]) -> list[Figure]:
    ours, peer = costs["ours"], costs[EMBEDDED]
    rate = 1e6 / ours.wall
    others = [name for name in _PEERS if name != EMBEDDED]
    return [
        Figure(
            f"events a second, {EMBEDDED}, one process",
            f"{rate:,.0f}",
            f"≥ {_RATE_BAR:,}",
            rate >= _RATE_BAR,
        ),
        at_least(
            f"ours ÷ msgpack tiles in {EMBEDDED}",
            peer.wall / ours.wall,
            _RATIO_BAR,
            told=f"{1e6 / peer.wall:,.0f} a second",
        ),
        *(
            Figure(
                f"ours ÷ msgpack tiles in {name}",
                f"{costs[name].wall / ours.wall:.1f} × ({1e6 / costs[name].wall:,.0f} a second)",
            )
            for name in others
        ),
        Figure(
            f"time of the processor, msgpack tiles in {EMBEDDED} ÷ ours",
            f"{peer.cpu / ours.cpu:.1f} × ({peer.cpu:.1f} µs and {ours.cpu:.1f} µs an event)",
        ),
        Figure(
            f"bytes written, msgpack tiles in {EMBEDDED} ÷ ours",
            f"{peer.written / max(ours.written, 1):.1f} × ({peer.written:,.0f} and "
            f"{ours.written:,.0f} an event)",
        ),
    ]


def _described(setting: Setting) -> str:
    return (
        f"{count_of(setting.scaled(_EVENTS))} events of "
        f"{count_of(setting.scaled(_KEYS))} customers in 30 days, in micro-batches of "
        f"{count_of(BATCH)}, each "
        "committed; ours reads them from the log, as a stream does.  The peer is given them "
        "decoded, and "
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


def _ours(records: pl.DataFrame, room: Path, customers: Sequence[int]) -> tuple[Cost, list[Said]]:
    half = records.height // 2
    log, online = open_log(room / "log.db"), open_online(room / "online.db")
    append_batches(log, records[:half])
    follow = open_stream(log, online)
    follow()
    spent: list[Cost] = []
    for batch in records[half:].iter_slices(BATCH):
        append_batches(log, batch)
        before = _now()
        follow()
        spent.append(_since(before))
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
    return _each(spent, records.height - half), said


def _theirs(
    records: pl.DataFrame, tiles: Tiles, customers: Sequence[int]
) -> tuple[Cost, list[Said]]:
    half = records.height // 2
    for batch in batches_of(records[:half]):
        tiles.update(batch)
    batches = batches_of(records[half:])
    before = _now()
    for batch in batches:
        tiles.update(batch)
    cost = _each([_since(before)], records.height - half)
    said = [said_by(tiles.row(customer)) for customer in customers]
    tiles.close()
    return cost, said
