"""Row 1: twenty windowed features of a million questions against ten million facts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from benchmarks.features import duckdb_peers, polars_peers
from benchmarks.features.contest import Contender, Result, contest, require_equal
from benchmarks.features.figure import Figure, Section, at_least, at_most, count_of
from benchmarks.features.history import (
    FACTS,
    FEATURES,
    SPINE,
    WINDOWS,
    History,
    clustered,
    draw_facts,
    draw_spine,
)
from benchmarks.features.purchases import prepare_windows, warm_up
from benchmarks.features.setting import Setting

__all__ = ["measure"]

OURS = Contender("ours", prepare_windows, warm=warm_up)
JOINS = (
    Contender("Polars join", polars_peers.prepare_join),
    Contender("DuckDB range join", duckdb_peers.prepare_join),
)
FRAMES = Contender("DuckDB RANGE frames", duckdb_peers.prepare_frames)
CUT_JOIN = Contender("Polars join cut by hand", polars_peers.prepare_cut_join)
ROLLING = Contender("Polars rolling", polars_peers.prepare_rolling)
FURTHER = {CUT_JOIN: "", ROLLING: " (inexact sums)"}
"""Peers that the bar does not name."""
_MEMORY_BAR = 2.0


@dataclass(frozen=True)
class Variant:
    """One kind of input, who answers it, and the bar.

    At weights of 1/rank a join looks at 112 billion pairs, which would take hours, and at weights
    of 1/√rank at 300 million.
    """

    name: str
    peers: tuple[Contender, ...]
    bar: float
    is_lagging: bool = False
    is_clustered: bool = False
    skew: float = 0.5


VARIANTS = (
    Variant("in no order", (*JOINS, FRAMES, CUT_JOIN, ROLLING), 12),
    Variant(
        "clustered by key and time", (*JOINS, FRAMES, CUT_JOIN, ROLLING), 20, is_clustered=True
    ),
    Variant("seen 0–3 h late, 1 % replaced", (*JOINS, CUT_JOIN), 8, is_lagging=True),
    Variant("customers of weight 1/rank", (FRAMES, ROLLING), 12, skew=1.0),
)


def measure(setting: Setting) -> Section:
    """All variants, one after the other."""
    figures: list[Figure] = []
    notes = [_described(setting)]
    for variant in (VARIANTS[0], VARIANTS[2]) if setting.is_quick else VARIANTS:
        results, bytes_held = _contest(variant, setting)
        figures += _figures(variant, results, bytes_held=bytes_held)
        notes.append(
            f"{variant.name[:1].upper()}{variant.name[1:]}: "
            + " · ".join(f"{name} {result}" for name, result in results.items())
            + "."
        )
    return Section("windows", "Backfill of windows", figures, notes)


def _described(setting: Setting) -> str:
    rows, events, keys = (
        count_of(setting.scaled(size)) for size in (1_000_000, 10_000_000, 100_000)
    )
    return (
        f"{rows} questions × {events} facts of {keys} customers of weight 1/√rank over "
        f"90 days; count, sum, mean, max and last of a float over 1 h, 24 h, 7 d "
        "and 30 d.  Ours goes the whole way from the frame of facts to the frame of "
        "answers, with exact sums.  Peers are as `polars_peers.py` and "
        "`duckdb_peers.py` say; all answers were compared first.  With customers of "
        "weight 1/rank a "
        "join has 112 billion pairs to look at and is left out.  Memory is that of the "
        "process above its imports, input and answer included."
    )


def _contest(variant: Variant, setting: Setting) -> tuple[Mapping[str, Result], int]:
    folder = setting.room(f"windows-{VARIANTS.index(variant)}")
    rows, events, keys = (setting.scaled(size) for size in (1_000_000, 10_000_000, 100_000))
    history = History(rows, events, keys, is_lagging=variant.is_lagging, skew=variant.skew)
    facts, spine = draw_facts(history), draw_spine(history)
    if variant.is_clustered:
        facts, spine = clustered(facts), clustered(spine)
    facts.write_parquet(folder / FACTS)
    spine.write_parquet(folder / SPINE)
    held = int(facts.drop("item").estimated_size() + spine.estimated_size())
    del facts, spine
    results = contest([OURS, *variant.peers], folder, rounds=setting.rounds)
    for peer in variant.peers:
        require_equal(
            results["ours"],
            results[peer.name],
            exact=_columns("count", "max", "last"),
            close=_columns("sum", "mean"),
        )
    return results, held + int(pl.read_ipc(results["ours"].answer).estimated_size())


def _columns(*features: str) -> list[str]:
    return [
        f"{feature}__{window}" for feature in FEATURES if feature in features for window in WINDOWS
    ]


def _figures(
    variant: Variant, results: Mapping[str, Result], *, bytes_held: int
) -> Iterator[Figure]:
    """Against the peers that the bar names, against those that nobody named, and memory."""
    ours = results["ours"]
    named = min(
        (peer for peer in variant.peers if peer not in FURTHER),
        key=lambda peer: results[peer.name].median_s,
    )
    told = f"{ours.median_s:.3g} s, {named.name} {results[named.name].median_s:.3g} s"
    yield at_least(
        f"{variant.name}: best of join, range join and frames ÷ ours",
        results[named.name].median_s / ours.median_s,
        variant.bar,
        told=told,
    )
    for peer in variant.peers:
        if peer in FURTHER:
            ratio = results[peer.name].median_s / ours.median_s
            yield Figure(
                f"{variant.name}: {peer.name}{FURTHER[peer]} ÷ ours",
                f"{ratio:.1f} × ({results[peer.name].median_s:.3g} s)",
            )
    told = (
        f"{ours.peak_bytes / 1e6:,.0f} MB, {ours.extra_bytes / 1e6:,.0f} of it beyond the "
        f"loaded input"
    )
    yield at_most(
        f"{variant.name}: peak memory ÷ bytes of input and output",
        ours.peak_bytes / bytes_held,
        _MEMORY_BAR,
        told=told,
    )
