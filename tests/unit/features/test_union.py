"""Several sources read as one history."""

import pytest

from mainspring.elements.expression import col, count
from mainspring.features.history.gather import gather_facts
from mainspring.features.spec import Entity, latest
from mainspring.sources.facts import read_source_rows
from tests.unit.features.harbour import ARRIVALS, DEPARTURES, call, compiled, log_of, taught, told

BOTH = pytest.mark.parametrize("answer", [taught, told])
SHIP = Entity("ship")
CALLS = compiled(
    "calls",
    source=[DEPARTURES, ARRIVALS],
    entities=[SHIP],
    windows=["10m"],
    features={"n": count(), "cargo": col("cargo").last_k(4), "now": col("cargo").last()},
)
NEWEST = compiled(
    "newest", source=[DEPARTURES, ARRIVALS], entities=[SHIP], features=latest("cargo")
)
FACTS = {
    "arrivals": [
        call(1, ship="Ada", cargo=1),
        call(4, ship="Ada", cargo=4),
        call(4, ship="Bea", cargo=9),
    ],
    "departures": [call(2, ship="Ada", cargo=2), call(4, id="at 0000", ship="Ada", cargo=5)],
}
ASK = [{"ship": "Ada"}, {"ship": "Bea"}, {"ship": "???"}]


@BOTH
def test_facts_of_all_sources_count(answer):
    assert [row["ship__n__10m"] for row in answer(CALLS, FACTS, ASK, 5)] == [4, 1, 0]


@BOTH
def test_a_tie_in_time_is_resolved_by_the_name_of_the_source_before_the_id(answer):
    [row, *_] = answer(CALLS, FACTS, ASK, 5)
    assert (row["ship__cargo__10m"], row["ship__now__10m"]) == ([1, 2, 4, 5], 5)
    assert answer(NEWEST, FACTS, ASK, 5) == [
        {"ship__cargo": 5},
        {"ship__cargo": 9},
        {"ship__cargo": None},
    ]


@BOTH
def test_facts_of_two_sources_with_one_id_are_two_facts(answer):
    facts = {
        name: [call(3, id="same", ship="Ada", cargo=place)]
        for place, name in enumerate(("arrivals", "departures"))
    }
    [row] = answer(CALLS, facts, ASK[:1], 5)
    assert row["ship__cargo__10m"] == [0, 1]


def test_the_order_in_which_sources_are_listed_changes_nothing():
    assert (
        CALLS.view
        == compiled(
            "calls",
            source=[ARRIVALS, DEPARTURES],
            entities=[SHIP],
            windows=["10m"],
            features=dict(CALLS.view.features),
        ).view
    )


def test_a_column_that_no_fact_has_had_is_null():
    log = log_of(FACTS)
    gathered = gather_facts(CALLS, lambda source: read_source_rows(source, log=log).drop("cargo"))
    assert gathered["cargo"].null_count() == gathered.height == 5
