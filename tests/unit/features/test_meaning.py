"""What a feature means (DESIGN §4), asked of the backfill and of the online read alike."""

import polars as pl
import pytest

from mainspring.elements.expression import col, count
from mainspring.elements.time import MINUTE
from mainspring.features.errors import FeatureOverflow
from mainspring.features.history.backfill import backfill_view
from mainspring.features.spec import Entity
from tests.unit.features.history import (
    EVERY_AGGREGATE,
    facts_of,
    landing,
    newest,
    taught,
    told,
    windowed,
)

BOTH = pytest.mark.parametrize("answer", [taught, told])
EPSILON = 1 / MINUTE


def counts(answers):
    return [row["city__n__10m"] for row in answers]


@BOTH
def test_window_includes_its_left_edge_and_excludes_the_prediction_time(answer):
    moments = (5, 5 + EPSILON, 15, 15 + EPSILON)
    assert counts(answer(windowed(), [landing(5)], *moments)) == [0, 1, 1, 0]


@BOTH
def test_a_fact_is_not_seen_before_it_is_known(answer):
    assert counts(answer(windowed(), [landing(5, seen=8)], 7, 8 - EPSILON, 8)) == [0, 0, 1]


@BOTH
def test_a_fact_that_was_taken_back_is_not_seen_from_then_on(answer):
    assert counts(answer(windowed(), [landing(5, until=9)], 6, 9 - EPSILON, 9)) == [1, 1, 0]


@BOTH
def test_an_old_question_still_sees_the_value_that_was_known_then(answer):
    history = [landing(5, id="a", until=9, delay=1.0), landing(5, id="a", seen=9, delay=2.0)]
    view = windowed(total=col("delay").sum())
    assert [row["city__total__10m"] for row in answer(view, history, 8, 9)] == [1.0, 2.0]


@BOTH
def test_an_idle_key_decays_without_any_event(answer):
    history = [landing(minute) for minute in (0, 4, 8)]
    assert counts(answer(windowed(), history, 9, 12, 16, 30)) == [3, 2, 1, 0]


@BOTH
def test_one_day_is_24_hours_also_when_clocks_change(answer):
    [last, gone] = answer(windowed(windows=("1d",)), [landing(0)], 24 * 60, 24 * 60 + EPSILON)
    assert (last["city__n__24h"], gone["city__n__24h"]) == (1, 0)


@BOTH
def test_a_spine_row_without_a_match_gets_nulls_and_is_kept(answer):
    for city in ("never seen", None):
        [row] = answer(
            newest("delay", "gate", "is_open"), [landing(5, delay=1.0, gate="A")], 6, city=city
        )
        assert row == {"city__delay": None, "city__gate": None, "city__is_open": None}


@BOTH
def test_ttl_is_checked_online_and_offline_alike(answer):
    rows = answer(
        newest("delay", ttl="10m"), [landing(5, delay=1.0)], 5, 5 + EPSILON, 15 - EPSILON, 15
    )
    assert [row["city__delay"] for row in rows] == [None, 1.0, 1.0, None]


@BOTH
def test_latest_is_one_whole_fact_with_its_nulls(answer):
    history = [landing(5, delay=1.0, gate="A"), landing(6, delay=None, gate="B")]
    assert answer(newest("delay", "gate"), history, 7) == [{"city__delay": None, "city__gate": "B"}]


@BOTH
def test_last_passes_over_nulls(answer):
    history = [landing(5, gate="A"), landing(6, gate=None)]
    assert answer(windowed(gate=col("gate").last()), history, 7) == [{"city__gate__10m": "A"}]


@BOTH
def test_an_older_event_that_comes_later_does_not_overwrite_a_newer_one(answer):
    history = [landing(6, delay=2.0), landing(5, seen=8, delay=1.0)]
    assert answer(newest("delay"), history, 9) == [{"city__delay": 2.0}]


@BOTH
def test_a_tie_in_time_is_resolved_by_id_and_not_by_arrival(answer):
    history = [landing(5, id="b", delay=2.0), landing(5, id="a", seen=7, delay=1.0)]
    assert answer(newest("delay"), history, 8) == [{"city__delay": 2.0}]


@BOTH
def test_an_empty_window_counts_and_sums_to_zero_and_has_no_other_value(answer):
    [row] = (
        answer(windowed(**EVERY_AGGREGATE), [], 5)
        if answer is taught
        else answer(windowed(**EVERY_AGGREGATE), [landing(50)], 5)
    )
    assert [row[f"city__{name}__10m"] for name in EVERY_AGGREGATE] == [
        0,
        0.0,
        None,
        None,
        None,
        None,
    ]


@BOTH
def test_a_window_of_nulls_is_as_an_empty_one_but_for_the_count_of_rows(answer):
    [row] = answer(windowed(rows=count(), **EVERY_AGGREGATE), [landing(3), landing(4)], 5)
    assert list(row.values()) == [2, 0, 0.0, None, None, None, None]


@BOTH
def test_a_variance_needs_two_values_and_divides_by_one_less(answer):
    view = windowed(var=col("delay").var(), std=col("delay").std())
    alone, both = answer(view, [landing(3, delay=1.0), landing(5, delay=5.0)], 4, 6)
    assert (list(alone.values()), list(both.values())) == ([None, None], [8.0, 8.0**0.5])


@BOTH
def test_what_expired_leaves_no_trace_in_a_sum(answer):
    history = [landing(0, delay=1e16), landing(8, delay=1.0), landing(9, delay=2.5)]
    assert answer(windowed(total=col("delay").sum()), history, 10 + EPSILON) == [
        {"city__total__10m": 3.5}
    ]


@BOTH
def test_minus_zero_sums_to_plus_zero(answer):
    [row] = answer(windowed(total=col("delay").sum()), [landing(5, delay=-0.0)], 6)
    assert str(row["city__total__10m"]) == "0.0"


@BOTH
@pytest.mark.parametrize(
    "values", [(2**31, 2**31), (2**62, -(2**32)), (5, -5), (-(2**62), -(2**62)), (0, 0)]
)
def test_whole_numbers_are_summed_whole_when_only_sealed_pages_hold_some(answer, values):
    """Their sum has zeros in its lower half, or is zero; what was summed before it leaves no
    trace.
    """
    history = [
        landing(minute, delay=0.1 * minute, bags=dict(enumerate(values)).get(minute))
        for minute in range(45)
    ]
    view = windowed(
        windows=("1h",), before=col("delay").sum(), total=col("bags").sum(), mean=col("bags").mean()
    )
    [row] = answer(view, history, 50)
    assert (row["city__total__1h"], row["city__mean__1h"]) == (sum(values), sum(values) / 2)


@BOTH
def test_integer_overflow_is_an_error(answer):
    history = [landing(5, bags=2**62), landing(6, bags=2**62)]
    with pytest.raises(FeatureOverflow) as caught:
        answer(windowed(total=col("bags").sum()), history, 7)
    assert caught.value.code == "FEA-001"


@BOTH
def test_booleans_and_instants_come_back_as_they_went_in(answer):
    [row] = answer(newest("is_open", "opened"), [landing(5, is_open=True, opened=7)], 6)
    opened = row["city__opened"]
    assert row["city__is_open"] is True
    assert (opened if isinstance(opened, int) else opened.microsecond) == 7


def test_an_answer_has_one_row_for_each_question_in_its_order():
    assert counts(taught(windowed(), [landing(5)], 30, 6, 30, 6)) == [0, 1, 0, 1]


def test_a_question_without_a_time_keeps_its_row_and_sees_nothing():
    spine = pl.DataFrame({"city": ["JFK", "JFK"], "_prediction_time": [None, 6 * MINUTE]})
    assert backfill_view(windowed(), facts_of([landing(5)]), spine)["city__n__10m"].to_list() == [
        0,
        1,
    ]


def test_a_view_of_everything_needs_no_key():
    view = windowed(entities=[Entity("network", join_keys=[])])
    history = facts_of([landing(5, city="JFK"), landing(6, city=None)])
    spine = pl.DataFrame({"_prediction_time": [7 * MINUTE]})
    assert backfill_view(view, history, spine)["network__n__10m"].to_list() == [2]


def test_columns_carry_the_types_that_the_view_declares():
    view = windowed(
        late=(col("delay") > 1).mean(),
        opened=col("opened").max(),
        waited=(col("at") - col("opened")).max(),
        last=col("gate").last(),
    )
    frame = backfill_view(
        view, facts_of([landing(5)]), pl.DataFrame({"city": ["JFK"], "_prediction_time": [0]})
    )
    assert [field.dtype.value for field in view.fields] == [
        "float64",
        "timestamp",
        "duration",
        "string",
    ]
    assert frame.dtypes == [pl.Float64, pl.Datetime("us", "UTC"), pl.Duration("us"), pl.String]


def test_hindsight_sees_what_stands_in_the_end_at_any_time():
    view = windowed(knowledge="as_corrected")
    assert counts(taught(view, [landing(5, seen=30), landing(6, until=40)], 7)) == [1]
