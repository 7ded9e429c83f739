"""Row 4: whether the cost of a fact stays what it is when there are ten times as many, by
`mainspring backfill`.
"""

from pathlib import Path

import polars as pl

from benchmarks.doors import peers
from benchmarks.doors.ours import CLOSE, EXACT
from benchmarks.doors.project import (
    FEATURES,
    PURCHASES,
    QUESTIONS,
    applied,
    draw_purchases,
    draw_questions,
    take_in,
    write_project,
)
from benchmarks.doors.size import FULL, Size
from benchmarks.doors.timed import Spent, run_command
from benchmarks.features.contest import Result, require_equal
from benchmarks.features.figure import Figure, Section, at_most, count_of
from benchmarks.features.history import History, feature_names

__all__ = ["measure"]

_TIMES = 10
_PIECE = FULL
_COMPARED = 1_000
_GROWTH_GOAL, _MOST_GB = 1.3, 6.0


def measure(size: Size) -> Section:
    """The usual number of facts, and ten times as many; once each."""
    sizes = (size.facts, _TIMES * size.facts)
    spent = {facts: _of_size(size, facts) for facts in sizes}
    small, large = (spent[facts].seconds / facts for facts in sizes)
    peak_gb = max(each.peak_bytes for each in spent.values()) / 1e9
    per_fact = [
        Figure(
            f"{count_of(facts)} facts, {count_of(facts // 10)} questions",
            f"{1e9 * spent[facts].seconds / facts:.0f} ns a fact",
        )
        for facts in sizes
    ]
    return Section(
        "backfill",
        "`mainspring backfill`",
        [
            *per_fact,
            at_most("ten times as many, time per fact", large / small, _GROWTH_GOAL),
            Figure("peak memory", f"{peak_gb:.2f} GB", f"≤ {_MOST_GB:g} GB", peak_gb <= _MOST_GB),
        ],
        [
            "Ten facts to a question and a hundred to a customer, twenty features; Parquet in and "
            f"out, start of the process included.  The first {_COMPARED:,} rows were compared with "
            "DuckDB's at the smaller size.",
            " · ".join(f"{count_of(facts)} facts {spent[facts]}" for facts in sizes) + ".",
        ],
    )


def _of_size(size: Size, facts: int) -> Spent:
    folder = size.room(f"backfill-{facts}")
    keys = max(facts // 100, 10)
    project = applied(write_project(folder / "project"))
    for first in range(0, facts, _PIECE):
        piece = draw_purchases(
            History(0, min(_PIECE, facts - first), keys), seed=1 + first, first_id=first
        )
        piece.write_parquet(folder / PURCHASES)
        take_in(project, folder / PURCHASES)
    draw_questions(History(facts // 10, 0, keys)).write_parquet(folder / QUESTIONS)
    words = ["--spine", str(folder / QUESTIONS), "--out", str(folder / "answers.parquet")]
    spent = run_command("backfill", FEATURES["twenty"], *words, "--project", str(project))
    if facts == size.facts and facts <= _PIECE:
        _compare(folder)
    return spent


def _compare(folder: Path) -> None:
    """With DuckDB, about the first questions."""
    asked = pl.read_parquet(folder / QUESTIONS)
    asked.head(_COMPARED).write_parquet(folder / "first.parquet")
    found = pl.read_parquet(folder / "answers.parquet", n_rows=_COMPARED).drop(asked.columns)
    ours, theirs = Result(folder / "ours.arrow"), Result(folder / "theirs.arrow")
    found.rename(dict(zip(found.columns, feature_names(), strict=True))).write_ipc(ours.answer)
    peers.prepare_duckdb(folder, questions="first.parquet")().write_ipc(theirs.answer)
    require_equal(ours, theirs, exact=EXACT, close=CLOSE)
