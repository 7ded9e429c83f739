"""How much state there is, and what it says of a sample of keys."""

from dataclasses import replace

import pytest

from mainspring.elements.expression import col
from mainspring.elements.schema import DType
from mainspring.elements.time import MINUTE
from mainspring.engines.local.online import SqliteOnline
from mainspring.features.distribution import BINS, distribution_of
from mainspring.features.errors import HorizonPassed
from mainspring.features.online.measure import measure_state, sample_answers
from mainspring.features.online.read import read_online
from mainspring.features.spec import Entity
from tests.unit.features.history import CITY, folded, landing, log_of, newest, windowed

CITIES = [f"C{number:02}" for number in range(40)]
HISTORY = [
    landing(minute, city=CITIES[minute % 40], delay=float(minute), gate="AB"[minute % 2])
    for minute in range(2_000)
]
VIEW = windowed(
    entities=(Entity("all", join_keys=[]), CITY),
    windows=("1h",),
    total=col("delay").sum(),
    gates=col("gate").last_k(2),
)
PARTITIONED = replace(VIEW, partitions=3)


@pytest.mark.parametrize("view", [VIEW, PARTITIONED], ids=["whole", "in parts"])
def test_keys_are_counted_once_whatever_pages_they_have(view):
    measure = measure_state(view, folded(view, log_of(HISTORY)))
    assert (measure.keys, measure.newest_event) == (41, 1_999 * MINUTE)
    assert measure.rows > measure.keys
    assert measure.size_bytes > 2_000 * 2 * 8


def test_no_state_is_nothing():
    assert measure_state(VIEW, SqliteOnline(None)) == (0, 0, 0, None)


@pytest.mark.parametrize("keys", [5, 1_000])
def test_a_sample_is_what_a_read_says_of_these_keys_whatever_the_partitions(keys):
    samples = [
        sample_answers(view, folded(view, log_of(HISTORY)), at=2_000 * MINUTE, keys=keys)
        for view in (VIEW, PARTITIONED)
    ]
    assert {len(values) for name, values in samples[0].items() if name.startswith("city")} == {
        min(keys, 40)
    }
    assert all(
        sorted(map(str, samples[0][name])) == sorted(map(str, samples[1][name]))
        for name in VIEW.column_names
    )
    if keys == 1_000:
        told = read_online(
            [VIEW],
            folded(VIEW, log_of(HISTORY)),
            {"city": CITIES},
            at=[2_000 * MINUTE] * 40,
        )
        assert sorted(told.columns["city__total__1h"]) == sorted(samples[0]["city__total__1h"])


def test_a_sample_of_no_state_is_empty_and_one_of_a_forgotten_past_is_refused():
    assert set(map(tuple, sample_answers(VIEW, SqliteOnline(None), at=0, keys=5).values())) == {()}
    with pytest.raises(HorizonPassed):
        sample_answers(VIEW, folded(VIEW, log_of(HISTORY), now=1_000), at=900 * MINUTE, keys=5)


def test_texts_of_lookups_come_with_the_sample():
    view = newest("gate")
    assert (
        sorted(
            sample_answers(view, folded(view, log_of(HISTORY)), at=2_000 * MINUTE, keys=1_000)[
                "city__gate"
            ]
        )
        == ["A"] * 20 + ["B"] * 20
    )


def test_a_distribution_of_numbers_has_ranks_and_equal_parts_without_nulls_and_infinities():
    spread = distribution_of(
        "x", DType.FLOAT64, [*map(float, range(101)), None, float("nan"), float("inf")]
    )
    assert (spread.asked, spread.nulls, spread.p5, spread.p50, spread.p95) == (
        104,
        1,
        5.0,
        50.0,
        95.0,
    )
    assert (len(spread.bins), sum(spread.bins), max(spread.bins) - min(spread.bins)) == (
        BINS,
        101,
        2,
    )


def test_what_lies_beyond_the_outermost_percentiles_widens_no_part():
    spread = distribution_of("x", DType.INT64, [*range(1_000), 10**12])
    assert max(spread.bins) < 80


@pytest.mark.parametrize("values", [[], [None], [3, 3, 3]])
def test_where_all_are_equal_there_is_nothing_to_draw(values):
    assert distribution_of("x", DType.INT64, values).bins == ()


def test_texts_and_booleans_are_counted_and_lists_measured():
    texts, truths = (
        distribution_of("x", DType.STRING, list("aabcdefg")),
        distribution_of("x", DType.BOOLEAN, [True, None, False, True]),
    )
    assert (texts.common[0], len(texts.common), texts.bins) == (("a", 2), 5, ())
    assert truths.common == (("true", 2), ("false", 1))
    lists = distribution_of("x", DType.LIST_STRING, [["a"], [], ["a", "b", "c"]])
    assert (lists.of, lists.p50, lists.p95) == ("lengths", 1.0, 3.0)
