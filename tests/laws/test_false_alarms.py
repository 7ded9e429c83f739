"""At most one quiet window in a hundred raises an alarm, whatever its number of rows and the number
of columns, and a shift that is there is found.

Sensitivity is 1 where alarms are counted: there the rate is what is promised, with nothing to
spare.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from mainspring.elements.time import DAY
from mainspring.monitoring.limits.column import (
    ColumnBaseline,
    WindowsOfRows,
    baseline_of_column,
    judge_column,
)
from mainspring.monitoring.limits.judgement import Judgement
from mainspring.monitoring.limits.share import FALSE_ALARM_RATE, Strictness
from mainspring.monitoring.limits.source import IngestedRows, judge_source

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]

DAYS = 40
SHAPES: tuple[Draw, ...] = (
    lambda rng, n: rng.normal(size=n),
    lambda rng, n: rng.integers(0, 10, n).astype(np.float64),
    lambda rng, n: (rng.random(n) < 0.3).astype(np.float64),
    lambda rng, n: np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(size=n)),
    lambda rng, n: np.zeros(n),
    lambda rng, n: np.full(n, np.nan),
    lambda rng, n: rng.zipf(1.5, n).clip(max=1e6).astype(np.float64),
    lambda rng, n: np.where(rng.random(n) < 0.95, 0.0, rng.exponential(size=n)),
)


class World(NamedTuple):
    """Columns of these shapes, and what a baseline of so many rows says of them."""

    shapes: tuple[Draw, ...]
    columns: list[ColumnBaseline]
    rng: np.random.Generator

    def judge(self, rows: int, *, sensitivity: float, shift: float = 0.0) -> list[Judgement]:
        """A window; the first column is shifted, the others are as ever."""
        strictness = Strictness.of(len(self.columns), sensitivity=sensitivity)
        return [
            judge_column(
                column,
                shape(self.rng, rows) + shift * (place == 0),
                ("feature_drift", f"x{place}"),
                hours=False,
                strictness=strictness,
            )
            for place, (shape, column) in enumerate(zip(self.shapes, self.columns, strict=True))
        ]


def world(columns: int, baseline_rows: int, seed: int) -> World:
    rng = np.random.default_rng(seed)
    shapes = tuple(SHAPES[place % len(SHAPES)] for place in range(columns))
    windows = WindowsOfRows(np.arange(baseline_rows) * (DAYS * DAY // baseline_rows))
    made = [baseline_of_column(shape(rng, baseline_rows), windows) for shape in shapes]
    return World(shapes, made, rng)


@pytest.mark.parametrize("baseline_rows", [60, 2_000, 40_000])
@pytest.mark.parametrize("columns", [1, 10, 100])
def test_quiet_windows_of_any_size_are_quiet(columns: int, baseline_rows: int) -> None:
    windows, alarms = 0, 0
    for seed, rows in enumerate([20, 60, 300, 1_000, 10_000]):
        quiet = world(columns, baseline_rows, seed)
        for _ in range(max(200_000 // (columns * rows), 4) if columns > 1 else 40):
            judged = quiet.judge(rows, sensitivity=1.0)
            windows, alarms = windows + 1, alarms + any(each.found for each in judged)
    # Two standard errors beyond the rate: the seeds are what they are.
    assert alarms <= windows * FALSE_ALARM_RATE + 2 * (windows * FALSE_ALARM_RATE) ** 0.5


@pytest.mark.parametrize("columns", [1, 10, 100])
def test_half_a_standard_deviation_is_found_in_a_thousand_rows(columns: int) -> None:
    drifted = world(columns, 40_000, seed=5)
    for _ in range(10):
        judged = drifted.judge(1_000, sensitivity=1.4, shift=0.5)
        assert [each.subject for each in judged if each.found] == ["x0"]


def test_two_standard_deviations_are_found_in_thirty_rows() -> None:
    drifted = world(100, 40_000, seed=6)
    assert all(drifted.judge(30, sensitivity=1.4, shift=2.0)[0].found for _ in range(10))


@pytest.mark.parametrize("usual", [0.0, 0.002, 0.05, 0.5])
@pytest.mark.parametrize("rows", [20, 300, 10_000])
def test_a_source_that_is_as_ever_is_quiet_and_one_that_breaks_is_not(
    usual: float, rows: int
) -> None:
    rng, strictness = np.random.default_rng(7), Strictness.of(10, sensitivity=1.0)
    before = rng.binomial(5_000, usual)
    known = IngestedRows(5_000 - before, before)

    def is_found(share: float) -> bool:
        refused = int(rng.binomial(rows, share))
        counts = {"type:x": refused} if refused else {}
        judged = judge_source("s", rows - refused, counts, usual=known, strictness=strictness)
        return bool(judged.found)

    assert sum(is_found(usual) for _ in range(500)) <= 5
    assert all(is_found(1.0) for _ in range(5))
