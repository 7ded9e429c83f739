"""Row 2: one question, and a thousand about a thousand customers, among ten million facts."""

from functools import partial

import polars as pl

from benchmarks.doors import peers
from benchmarks.doors.ours import CLOSE, EXACT, prepare_twenty
from benchmarks.doors.project import QUESTIONS, shop_of
from benchmarks.doors.size import Size
from benchmarks.features.contest import Contender, Result, contest, require_equal
from benchmarks.features.figure import Figure, Section, count_of, time_of
from benchmarks.features.purchases import warm_up

__all__ = ["measure"]

_GOALS_S = {1: 0.3, 1_000: 0.6}
_MOST_MB = 400


def measure(size: Size) -> Section:
    """Each beside DuckDB on the same Parquet, which reads all of it."""
    folder = shop_of(size)
    asked = pl.read_parquet(folder / QUESTIONS).unique(
        "customer", keep="first", maintain_order=True
    )
    figures: list[Figure] = []
    notes = [f"Among {count_of(size.facts)} facts.  Answers were compared with DuckDB's first."]
    for count, goal in _GOALS_S.items():
        questions = f"few-{count}.parquet"
        asked.head(count).write_parquet(folder / questions)
        contenders = [
            Contender("ours", partial(prepare_twenty, questions=questions), warm=warm_up),
            Contender("DuckDB range join", partial(peers.prepare_duckdb, questions=questions)),
        ]
        results = contest(contenders, folder, rounds=size.rounds)
        require_equal(*results.values(), exact=EXACT, close=CLOSE)
        which = f"{count_of(count)} question{'s' * (count > 1)}"
        figures += _figures(which, results["ours"], goal)
        told = " · ".join(f"{name} {result}" for name, result in results.items())
        notes.append(f"{which[:1].upper()}{which[1:]}: {told}.")
    return Section("few", "Few questions through `ws.get_historical_features`", figures, notes)


def _figures(which: str, ours: Result, goal_s: float) -> list[Figure]:
    taken, peak_mb = ours.median_s, ours.peak_bytes / 1e6
    return [
        Figure(which, time_of(taken), f"≤ {goal_s:g} s", taken <= goal_s),
        Figure(
            f"{which}: peak memory", f"{peak_mb:,.0f} MB", f"≤ {_MOST_MB} MB", peak_mb <= _MOST_MB
        ),
    ]
