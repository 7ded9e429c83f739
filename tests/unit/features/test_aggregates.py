"""What each aggregate says of a small window, of nothing and under a condition, asked of the
backfill and of the online read alike.
"""

from datetime import timedelta

import pytest

from mainspring.elements.expression import col, count
from mainspring.elements.time import MINUTE
from tests.unit.features.history import landing, taught, told, windowed

BOTH = pytest.mark.parametrize("answer", [taught, told])
DELAY, BAGS, GATE, OPEN = col("delay"), col("bags"), col("gate"), col("is_open")
HISTORY = [
    landing(1, delay=3.0, bags=2, gate="b", is_open=True, opened=1),
    landing(2, delay=1.0, bags=None, gate="a", is_open=False, opened=2),
    landing(3, delay=None, bags=4, gate=None, is_open=None),
    landing(4, delay=8.0, bags=2, gate="é", is_open=True, opened=3),
    landing(5, delay=4.0, bags=7, gate="b", is_open=None),
]
LATER = [landing(50)]

SAYS = {
    "count of values": (DELAY.count(), 4, 0),
    "count of rows": (count(), 5, 0),
    "count of rows that satisfy a condition": (count(where=DELAY > 2), 3, 0),
    "count_if": ((DELAY > 2).count_if(), 3, 0),
    "sum": (BAGS.sum(), 15, 0),
    "sum of booleans": (OPEN.sum(), 2, 0),
    "mean": (DELAY.mean(), 4.0, None),
    "share": ((DELAY > 3).mean(), 0.5, None),
    "var": (DELAY.var(), 26 / 3, None),
    "std": (BAGS.std(), 2.3629078131263043, None),
    "min": (DELAY.min(), 1.0, None),
    "max of text": (GATE.max(), "é", None),
    "min of text": (GATE.min(), "a", None),
    "first": (DELAY.first(), 3.0, None),
    "first of text": (GATE.first(), "b", None),
    "last of text": (GATE.last(), "b", None),
    "any": (OPEN.any(), True, False),
    "all": (OPEN.all(), False, True),
    "first_k": (GATE.first_k(2), ["b", "a"], []),
    "last_k": (BAGS.last_k(3), [4, 2, 7], []),
    "last_k of more than there are": (DELAY.last_k(9), [3.0, 1.0, 8.0, 4.0], []),
    "last_k of booleans": (OPEN.last_k(2), [False, True], []),
    "top_k": (BAGS.top_k(2), [7, 4], []),
    "top_k of text": (GATE.top_k(3), ["é", "b", "b"], []),
    "bottom_k": (DELAY.bottom_k(2), [1.0, 3.0], []),
    "count_distinct": (BAGS.count_distinct(), 3, 0),
    "count_distinct of text": (GATE.count_distinct(), 3, 0),
    "count_distinct beyond its limit": (GATE.count_distinct(limit=2), 2, 0),
    "count_distinct beyond its limit, approximate": (
        GATE.count_distinct(limit=2, beyond="approximate"),
        3,
        0,
    ),
    "approx_count_distinct": (BAGS.approx_count_distinct(), 3, 0),
    "approx_count_distinct of text": (GATE.approx_count_distinct(), 3, 0),
    "histogram": (DELAY.histogram([1.0, 4.0]), [0, 2, 2], [0, 0, 0]),
    "histogram of whole numbers": (BAGS.histogram([2, 5]), [0, 3, 1], [0, 0, 0]),
    "value_counts": (BAGS.value_counts([2, 9]), [2, 0, 2], [0, 0, 0]),
    "value_counts of text": (GATE.value_counts(["é", "b"]), [1, 2, 1], [0, 0, 0]),
    "value_counts of booleans": (OPEN.value_counts([True]), [2, 1], [0, 0]),
    "skew": (DELAY.skew(), 0.5430908357672789, None),
    "kurt": (DELAY.kurt(), -1.0, None),
    "mean under a condition": (DELAY.mean(where=GATE == "b"), 3.5, None),
    "all under a condition": (OPEN.all(where=BAGS == 2), True, True),
    "last under a condition": (DELAY.last(where=OPEN), 8.0, None),
    "top_k under a condition": (GATE.top_k(1, where=GATE < "é"), ["b"], []),
}


@BOTH
@pytest.mark.parametrize("name", SAYS)
def test_an_aggregate_says_this_of_five_facts_and_that_of_none(answer, name):
    aggregation, of_five, of_none = SAYS[name]
    view = windowed(it=aggregation)
    [row] = answer(view, HISTORY, 6)
    assert row["city__it__10m"] == (
        pytest.approx(of_five, rel=1e-12) if isinstance(of_five, float) else of_five
    )
    assert answer(view, LATER, 6) == [{"city__it__10m": of_none}]


@BOTH
def test_facts_of_which_a_condition_is_null_do_not_count(answer):
    [row] = answer(windowed(n=count(where=OPEN), rest=count(where=~OPEN)), HISTORY, 6)
    assert (row["city__n__10m"], row["city__rest__10m"]) == (2, 1)


def test_instants_come_in_lists_as_instants():
    [row] = taught(windowed(opened=col("opened").last_k(2)), HISTORY, 6)
    assert [moment.microsecond for moment in row["city__opened__10m"]] == [2, 3]
    assert told(windowed(opened=col("opened").last_k(2)), HISTORY, 6) == [
        {"city__opened__10m": [2, 3]}
    ]


def test_time_since_last_is_a_length_of_time():
    view = windowed(since=DELAY.time_since_last())
    assert taught(view, HISTORY, 6.5) == [{"city__since__10m": timedelta(seconds=90)}]
    assert told(view, HISTORY, 6.5) == [{"city__since__10m": MINUTE * 3 // 2}]
    assert [field.dtype.value for field in view.fields] == ["duration"]


@BOTH
def test_a_quantile_lies_within_a_hundredth_of_a_value(answer):
    [row] = answer(windowed(low=DELAY.quantile(0.0), ranks=DELAY.quantiles([0.0, 1.0])), HISTORY, 6)
    assert row["city__low__10m"] == pytest.approx(1.0, rel=2**-7)
    assert row["city__ranks__10m"] == pytest.approx([1.0, 8.0], rel=2**-7)
    assert answer(windowed(low=DELAY.quantile(0.5), ranks=DELAY.quantiles([0.5])), LATER, 6) == [
        {"city__low__10m": None, "city__ranks__10m": None}
    ]


@BOTH
def test_a_value_one_half_life_older_counts_half(answer):
    history = [landing(0, delay=1.0), landing(5, delay=4.0)]
    [row] = answer(windowed(fading=DELAY.ewma(half_life="5m")), history, 6)
    assert row["city__fading__10m"] == pytest.approx(3.0, rel=1e-12)


@BOTH
def test_two_aggregates_of_one_value_under_two_conditions_do_not_mix(answer):
    [row] = answer(
        windowed(
            when_open=BAGS.sum(where=OPEN), when_closed=BAGS.sum(where=~OPEN), every=BAGS.sum()
        ),
        HISTORY,
        6,
    )
    assert list(row.values()) == [4, 0, 15]
