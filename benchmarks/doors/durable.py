"""Row 8: facts a second that `ws.materialize` folds into durable online state, beside the grouped
MessagePack peer.
"""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from benchmarks.doors.online import at_the_end
from benchmarks.doors.project import FEATURES, TOPIC, applied, draw_purchases, write_project
from benchmarks.doors.size import Size
from benchmarks.doors.timed import cpu_s
from benchmarks.features.figure import Figure, Section, at_least, count_of, time_of
from benchmarks.features.history import END, History
from benchmarks.features.stores import BATCH
from benchmarks.features.update_peers import LmdbTiles, Said, batches_of, said_by
from benchmarks.features.updates import require_agreement
from mainspring.elements.time import DAY

__all__ = ["measure"]

_EVENTS, _KEYS = 500_000, 20_000
_COMPARED = 200
_GOAL = 3.0


def measure(size: Size) -> Section:
    """In turns, each into an empty store: the first half of the facts fills it, the second half is
    measured.
    """
    facts = draw_purchases(History(0, size.scaled(_EVENTS), size.scaled(_KEYS), span=30 * DAY))
    customers = facts["customer"].unique().sort().head(_COMPARED).to_list()
    ours, theirs = [], []
    for turn in range(size.rounds):
        ours.append(_ours(facts, size.room(f"durable-{turn}"), customers))
        theirs.append(_theirs(facts, size.room(f"durable-peer-{turn}"), customers))
        require_agreement(ours[-1][2], theirs[-1][2])
    (rate, cpu), (peer_rate, peer_cpu) = (
        [statistics.median(column) for column in list(zip(*turns, strict=True))[:2]]
        for turns in (ours, theirs)
    )
    return Section(
        "durable",
        "Durable online updates through `ws.materialize`",
        [
            Figure("facts a second", f"{rate:,.0f}"),
            at_least(
                "ours ÷ grouped MessagePack tiles in LMDB",
                rate / peer_rate,
                _GOAL,
                told=f"{peer_rate:,.0f} a second",
            ),
        ],
        [
            f"{count_of(facts.height)} facts, ingested and folded in micro-batches of "
            f"{count_of(BATCH)} into the state of one view; ours is timed from the call of "
            "`ws.materialize` to its return, the peer is given decoded facts.  What both say about "
            f"the full 30 days was compared first.  CPU a fact: ours {time_of(cpu)}, the peer "
            f"{time_of(peer_cpu)}."
        ],
    )


def _ours(
    facts: pl.DataFrame, room: Path, customers: Sequence[int]
) -> tuple[float, float, list[Said]]:
    """Facts a second, CPU of each, and what is answered at the end."""
    workspace = at_the_end(applied(write_project(room, has_newest=False)))
    half = facts.height // 2
    workspace.ingest(TOPIC, facts[:half], history=True)
    workspace.materialize()
    taken = cpu = 0.0
    for batch in facts[half:].iter_slices(BATCH):
        workspace.ingest(TOPIC, batch, history=True)
        began, used = time.perf_counter(), cpu_s()
        workspace.materialize()
        taken, cpu = taken + time.perf_counter() - began, cpu + cpu_s() - used
    keys = [{"customer": each} for each in customers]
    found = workspace.get_online_features(FEATURES["twenty"], keys=keys, at=END).columns
    said = [
        Said(*values)
        for values in zip(
            *(found[f"customer__{name}__30d"] for name in ("count", "sum", "max", "last")),
            strict=True,
        )
    ]
    count = facts.height - half
    return count / taken, cpu / count, said


def _theirs(
    facts: pl.DataFrame, room: Path, customers: Sequence[int]
) -> tuple[float, float, list[Said]]:
    tiles, half = LmdbTiles(room), facts.height // 2
    records = facts.with_columns(_event_time=pl.col("bought_at").to_physical())
    for batch in batches_of(records[:half]):
        tiles.update(batch)
    batches = batches_of(records[half:])
    began, used = time.perf_counter(), cpu_s()
    for batch in batches:
        tiles.update(batch)
    taken, cpu = time.perf_counter() - began, cpu_s() - used
    said = [said_by(tiles.row(customer)) for customer in customers]
    tiles.close()
    count = facts.height - half
    return count / taken, cpu / count, said
