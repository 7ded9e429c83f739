"""Point-in-time aggregates: the kernel against Polars (join and filter) in the same process; prints ratios, medians of three.

Run: `python benchmarks/features_kernel.py [--rows 200000] [--events 2000000]`.  Ratios hold on a busy machine, seconds do not.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import polars as pl

from mainspring.features.kernel.aggregate import aggregate, warm
from mainspring.features.kernel.arrays import Facts, Spine
from mainspring.features.kernel.program import Kind, Op, Output, Program, compile_program

HOUR = 3_600_000_000
YEAR = 365 * 24 * HOUR
SPANS = (HOUR, 6 * HOUR, 24 * HOUR, 7 * 24 * HOUR)


def program() -> Program:
    """Twenty outputs: five aggregates over four windows."""
    wanted = [(Op.COUNT_ROWS, 0), (Op.SUM, 0), (Op.MEAN, 0), (Op.MIN, 0), (Op.MAX, 0)]
    return compile_program([Output(op, column, span) for span in SPANS for op, column in wanted], kinds=[Kind.FLOAT])


def make_facts(events: int, keys: int, *, lag: int) -> Facts:
    """Events of a year, known up to `lag` microseconds after they happen."""
    random = np.random.default_rng(7)
    key, at = random.integers(0, keys, events), random.integers(0, YEAR, events)
    order = np.lexsort((at, key))
    key, at = key[order], at[order]
    known = at + (random.integers(0, lag, events) if lag else 0)
    return Facts.of(key_start=np.searchsorted(key, np.arange(keys + 1)), event_time=at, visible_from=known, columns=[(random.normal(20.0, 9.0, events), None)])


def make_spine(rows: int, keys: int) -> Spine:
    """Questions in random order."""
    random = np.random.default_rng(8)
    return Spine(random.integers(0, keys, rows), random.integers(0, YEAR, rows))


def with_polars(facts: Facts, spine: Spine) -> pl.DataFrame:
    """The same features (visible at once, inexact sums): one join on the key, filtered to each window."""
    key = np.repeat(np.arange(facts.key_start.size - 1), np.diff(facts.key_start))
    events = pl.DataFrame({"key": key, "at": facts.times[0], "x": facts.values[0].view(np.float64)}).lazy()
    questions = pl.DataFrame({"key": spine.key_code, "q": spine.time}).with_row_index("row").lazy()
    inside = questions.join(events, on="key").filter((pl.col("at") < pl.col("q")) & (pl.col("at") >= pl.col("q") - SPANS[-1]))
    columns = []
    for span in SPANS:
        x = pl.col("x").filter(pl.col("at") >= pl.col("q") - span)
        columns += [stat.alias(f"{name}{span}") for name, stat in zip("csmlh", (x.len(), x.sum(), x.mean(), x.min(), x.max()), strict=True)]
    return inside.group_by("row").agg(columns).collect(engine="streaming")


def seconds(act: Callable[[], object], repeats: int = 3) -> float:
    """The median wall time of an act."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        act()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def online_us(calls: int = 2000) -> float:
    """Median microseconds of one online read: one key, 100 events, 20 outputs."""
    wanted, facts = program(), make_facts(100, 1, lag=60_000_000)
    spine = Spine(np.zeros(1, dtype=np.int64), np.array([YEAR], dtype=np.int64))
    facts.times[0] = YEAR - 7 * 24 * HOUR + facts.times[0] // 53
    facts.times[1] = facts.times[0]
    return 1e6 * seconds(lambda: aggregate(wanted, facts, spine), repeats=calls)


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=200_000)
    options.add_argument("--events", type=int, default=2_000_000)
    options.add_argument("--keys", type=int, default=1_000)
    given = options.parse_args()
    warm()
    wanted, spine = program(), make_spine(given.rows, given.keys)
    prompt, late = (make_facts(given.events, given.keys, lag=lag) for lag in (0, 6 * HOUR))
    ours = seconds(lambda: aggregate(wanted, prompt, spine))
    lagging = seconds(lambda: aggregate(wanted, late, spine))
    theirs = seconds(lambda: with_polars(prompt, spine))
    print(f"{given.rows:,} rows x {given.events:,} events of {given.keys:,} keys, 20 outputs")
    print(f"kernel {ours:.3f} s, facts known up to 6 h late {lagging:.3f} s, Polars {theirs:.2f} s")
    print(f"ratio Polars / kernel: {theirs / ours:.1f}")
    print(f"online, 1 key, 100 events, 20 outputs: {online_us():.1f} us")


if __name__ == "__main__":
    main()
