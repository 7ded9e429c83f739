"""Why a read has the values that it has."""

import pytest

from mainspring.elements.expression import col
from mainspring.elements.time import MINUTE
from mainspring.features.online.read import read_online
from mainspring.features.state.stream import materialize_view
from tests.unit.features import harbour
from tests.unit.features.history import folded, landing, log_of, newest, windowed
from tests.unit.features.test_entities import BY_MODEL, KNOWN, MODELS

MANY = [landing(minute, delay=float(minute)) for minute in range(0, 400, 4)]


def reason(view, landings, minute, *, city="JFK"):
    told = read_online(
        [view],
        folded(view, log_of(landings)),
        {"city": [city]},
        at=[round(minute * MINUTE)],
        reasons=True,
    )
    return told.reasons[f"{view.view.name}.city"][0]


def test_a_fact_in_the_longest_window_makes_a_key_known_though_its_value_is_null():
    view = windowed(windows=("5m", "1h"), total=col("delay").mean())
    assert reason(view, [landing(5, delay=None)], 30) == "known"


@pytest.mark.parametrize(("city", "said"), [("LGA", "unknown key"), (None, "null key")])
def test_a_key_that_no_fact_names_and_one_that_is_null_are_told_apart(city, said):
    assert reason(windowed(), [landing(5)], 6, city=city) == said


@pytest.mark.parametrize(
    ("minute", "said"),
    [
        (5, "no fact in the window"),
        (5.001, "known"),
        (15, "known"),
        (15.001, "no fact in the window"),
        (7.999, "known"),
    ],
)
def test_the_edges_are_those_of_the_window(minute, said):
    assert reason(windowed(), [landing(5)], minute) == said


@pytest.mark.parametrize(
    ("closed", "minute", "said"),
    [("right", 5, "known"), ("right", 15, "no fact in the window"), ("both", 15, "known")],
)
def test_the_edges_are_those_that_the_view_declares(closed, minute, said):
    assert reason(windowed(closed=closed), [landing(5)], minute) == said


def test_a_fact_that_is_not_visible_yet_or_was_taken_back_is_none():
    late = [landing(5, seen=8, until=9)]
    assert [reason(windowed(), late, minute) for minute in (7, 8, 9)] == [
        "no fact in the window",
        "known",
        "no fact in the window",
    ]


@pytest.mark.parametrize(
    ("minute", "said"),
    [
        (4, "no fact in the window"),
        (14.999, "known"),
        (15, "older than ttl"),
        (4_000, "older than ttl"),
    ],
)
def test_a_lookup_tells_what_is_too_old_from_what_was_never_there(minute, said):
    assert reason(newest("delay", ttl="10m"), [landing(5, delay=1.0)], minute) == said


def test_a_lookup_without_a_ttl_knows_for_ever():
    assert reason(newest("delay"), [landing(5, delay=1.0)], 1_000_000) == "known"


def test_pages_that_are_not_beside_the_head_are_fetched():
    assert [reason(windowed(), MANY, minute) for minute in (396.5, 210, 420)] == [
        "known",
        "known",
        "no fact in the window",
    ]
    assert reason(newest("delay", ttl="1m"), MANY, 202) == "older than ttl"


def test_an_entity_reached_through_another_view_has_a_reason_of_its_own():
    log, keys = harbour.log_of(KNOWN), {"ship": ["Ada", "Eve", None]}
    online = harbour.SqliteOnline(None)
    for view in (MODELS, BY_MODEL):
        materialize_view(view, log=log, online=online, now=0)
    told = read_online([BY_MODEL], online, keys, at=[5 * MINUTE] * 3, reasons=True)
    assert told.reasons == {
        "by_model.ship": ["no fact in the window", "known", "null key"],
        "by_model.model": ["known", "null key", "null key"],
    }
