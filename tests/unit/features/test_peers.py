"""What other feature stores were seen to do wrong, and this one must not: five defects of Feast
0.67, each as it was reproduced.
"""

import polars as pl
import pytest

from mainspring.elements.expression import col
from mainspring.elements.time import MINUTE
from mainspring.features.history.backfill import backfill_view
from tests.unit.features.history import facts_of, landing, newest, taught, told, windowed

BOTH = pytest.mark.parametrize("answer", [taught, told])


def test_rows_of_a_spine_that_match_nothing_are_not_dropped():
    cities = ["JFK", "nowhere", None, "LGA", "JFK"]
    spine = pl.DataFrame(
        {
            "city": cities,
            "_prediction_time": [9 * MINUTE, 9 * MINUTE, 9 * MINUTE, 9 * MINUTE, 1 * MINUTE],
        }
    )
    facts = facts_of([landing(5, delay=1.0), landing(6, city="LGA", delay=2.0)])
    for view, column, values in (
        (newest("delay"), "city__delay", [1.0, None, None, 2.0, None]),
        (windowed(total=col("delay").sum()), "city__total__10m", [1.0, 0.0, 0.0, 2.0, 0.0]),
    ):
        assert backfill_view(view, facts, spine)[column].to_list() == values


@BOTH
def test_a_value_that_was_created_after_the_question_does_not_leak_into_it(answer):
    history = [
        landing(5, id="a", until=30, delay=1.0),
        landing(5, id="a", seen=30, delay=99.0),
        landing(6, id="b", seen=20, delay=7.0),
    ]
    assert [row["city__delay"] for row in answer(newest("delay"), history, 10, 19, 20, 30)] == [
        1.0,
        1.0,
        7.0,
        7.0,
    ]
    assert [
        row["city__total__1h"]
        for row in answer(windowed(windows=("1h",), total=col("delay").sum()), history, 10, 20, 30)
    ] == [1.0, 8.0, 106.0]


def test_a_time_to_live_is_applied_to_online_reads():
    view, history = newest("delay", ttl="10m"), [landing(5, delay=1.0)]
    assert (
        told(view, history, 14, 15, 10_000)
        == taught(view, history, 14, 15, 10_000)
        == [{"city__delay": 1.0}, {"city__delay": None}, {"city__delay": None}]
    )


def test_an_older_event_that_is_written_later_does_not_overwrite_a_newer_one_online():
    history = [landing(6, id="new", delay=2.0), landing(1, id="old", seen=7, delay=1.0)]
    assert told(newest("delay"), history, 8) == [{"city__delay": 2.0}]
    assert told(windowed(last=col("delay").last()), history, 8) == [{"city__last__10m": 2.0}]


@BOTH
@pytest.mark.parametrize("others", [0, 60])
def test_what_left_a_window_leaves_no_trace_in_sums_and_deviations(answer, others):
    """Tiles that are subtracted from running sums said 4.0, and 0.0 for the deviation."""
    history = [
        landing(0, delay=1e16),
        landing(8, delay=1.0),
        landing(9, delay=2.5),
        *(landing(1 + n % 9, id=f"{n}") for n in range(others)),
    ]
    for features, values in (
        ({"total": col("delay").sum()}, [3.5]),
        ({"spread": col("delay").std(), "total": col("delay").sum()}, [1.0606601717798212, 3.5]),
    ):
        [row] = answer(windowed(**features), history, 10 + 1 / MINUTE)
        assert list(row.values()) == values
