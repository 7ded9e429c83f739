"""A column of a window, judged by the same column of the baseline."""

import numpy as np
import pytest

from mainspring.elements.time import DAY, HOUR
from mainspring.monitoring.limits.column import (
    ColumnBaseline,
    WindowsOfRows,
    baseline_of_column,
    judge_column,
)
from mainspring.monitoring.limits.judgement import Judgement
from mainspring.monitoring.limits.share import Strictness

DAYS, A_DAY = 30, 200
ROWS = DAYS * A_DAY
TIMES = np.arange(ROWS) * (DAY // A_DAY)
STRICT = Strictness.of(10, sensitivity=1.4)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def baseline(values) -> ColumnBaseline:
    return baseline_of_column(np.asarray(values, dtype=np.float64), WindowsOfRows(TIMES))


def judged(column: ColumnBaseline, values, *, hours: bool = False) -> Judgement:
    window = np.asarray(values, dtype=np.float64)
    return judge_column(column, window, ("feature_drift", "x"), hours=hours, strictness=STRICT)


def sentence(column: ColumnBaseline, values) -> str:
    [finding] = judged(column, values).found
    return finding.sentence


def test_sixty_rows_of_the_same_distribution_are_quiet(rng):
    assert judged(baseline(rng.normal(size=ROWS)), rng.normal(size=60)) == Judgement(
        "feature_drift", "x"
    )


def test_a_shift_of_half_a_standard_deviation_shows_in_a_thousand_rows(rng):
    column = baseline(rng.normal(size=ROWS))
    assert judged(column, rng.normal(0.5, size=1_000)).found
    assert judged(column, rng.normal(0.5, size=1_000), hours=True).found


def test_a_shift_of_half_a_standard_deviation_shows_not_in_thirty_rows(rng):
    assert not judged(baseline(rng.normal(size=ROWS)), rng.normal(0.5, size=30)).found


def test_a_finding_says_which_rows_are_more_than_usual(rng):
    column = baseline(rng.integers(0, 100, ROWS))
    assert sentence(column, rng.integers(0, 100, 500) * 60) == (
        "x: 97.8% of 500 rows are above 99, the most of the baseline, "
        "0.0% of the baseline's 6,000; the limit for so many rows is 1.1%"
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([np.nan] * 100, "are missing"),
        ([-1.0] * 100, "are below 0, the least of the baseline"),
        ([0.0, 1.0] * 50, "are below 2"),
        ([8.0, 9.0] * 50, "are 8 or more"),
        ([4.0] * 100, "are from 4 to 6"),
    ],
)
def test_what_is_found_is_said_in_words(values, words, rng):
    assert words in sentence(baseline(rng.integers(0, 10, ROWS)), values)


def test_a_constant_that_changes_is_found_and_one_odd_row_is_not():
    column = baseline(np.zeros(ROWS))
    assert not judged(column, np.zeros(60)).found
    assert not judged(column, [1.0] + [0.0] * 59).found
    assert "100.0% of 60 rows are above 0" in sentence(column, np.ones(60))


def test_a_column_that_was_never_there_is_found_when_it_comes():
    column = baseline(np.full(ROWS, np.nan))
    assert not judged(column, [np.nan] * 60).found
    assert "100.0% of 60 rows are not missing" in sentence(column, np.ones(60))


def test_values_that_go_missing_are_found(rng):
    column, values = baseline(rng.normal(size=ROWS)), rng.normal(size=200)
    values[:40] = np.nan
    assert "20.0% of 200 rows are missing" in sentence(column, values)


def test_few_rows_are_not_judged_and_it_is_said_how_many_would_be():
    unjudged = judged(baseline(np.zeros(ROWS)), np.ones(12)).unjudged
    assert unjudged is not None
    assert (unjudged.seen, unjudged.needed, unjudged.reason) == (12, 20, "12 rows, 20 needed")


def test_a_baseline_whose_days_differ_judges_days_by_that(rng):
    level = np.repeat(rng.normal(scale=0.3, size=DAYS), A_DAY)
    calm, wobbling = baseline(rng.normal(size=ROWS)), baseline(rng.normal(size=ROWS) + level)
    another_day = rng.normal(0.5, size=1_000)
    assert judged(calm, another_day).found
    assert not judged(wobbling, another_day).found


def test_what_the_hour_decides_cannot_be_judged_by_the_hour(rng):
    hour_of_day = TIMES % DAY // HOUR
    unjudged = judged(baseline(hour_of_day), np.full(60, 3.0), hours=True).unjudged
    assert unjudged is not None
    assert unjudged.reason == "the baseline's own hours differ as much"
    assert judged(baseline(hour_of_day), rng.integers(0, 24, 500)).unjudged is None


def test_a_column_of_format_1_is_judged_by_its_histogram_and_its_limit(rng):
    made = baseline(rng.normal(size=ROWS))
    before = ColumnBaseline(made.edges, made.counts, 0.06)
    assert judged(before, rng.normal(size=60)) == Judgement("feature_drift", "x")
    assert judged(before, rng.normal(1.5, size=500)).found
    constant = ColumnBaseline((0.0, 5e-324), (0, ROWS, 0, 0), 0.0)
    assert not judged(constant, [1.0] + [0.0] * 59).found


def test_a_column_says_nothing_of_days_where_it_has_one(rng):
    one_day = baseline_of_column(rng.normal(size=500), WindowsOfRows(np.arange(500)))
    assert (one_day.between_days, one_day.between_hours) == (0.0, 0.0)


def test_hours_differ_at_least_as_days_do():
    column = ColumnBaseline((0.0, 1.0), (0, 9, 0, 0), between_days=0.02, between_hours=0.01)
    assert (column.spread(hours=True), column.spread(hours=False)) == (0.02, 0.02)
