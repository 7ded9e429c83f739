"""Edges, hops and windows without an end, asked of the backfill and of the online read alike."""

import pytest

from mainspring.elements.expression import col
from mainspring.elements.time import HOUR, MINUTE
from mainspring.features.kernel.program import UNBOUNDED_SPAN
from mainspring.features.spec import FeatureView, latest
from mainspring.features.view import compile_view
from tests.unit.features.history import (
    CITY,
    SCHEMA,
    SOURCE,
    folded,
    landing,
    log_of,
    taught,
    told,
    windowed,
)

BOTH = pytest.mark.parametrize("answer", [taught, told])
EPSILON = 1 / MINUTE
MOMENTS = (5 - EPSILON, 5, 5 + EPSILON, 15 - EPSILON, 15, 15 + EPSILON)


def counts(answers):
    return [row["city__n__10m"] for row in answers]


@BOTH
@pytest.mark.parametrize(
    ("closed", "seen"),
    [("left", [0, 0, 1, 1, 1, 0]), ("right", [0, 1, 1, 1, 0, 0]), ("both", [0, 1, 1, 1, 1, 0])],
)
def test_the_edges_of_a_window_are_those_declared(answer, closed, seen):
    assert counts(answer(windowed(closed=closed), [landing(5)], *MOMENTS)) == seen


@BOTH
def test_a_fact_at_the_closed_edge_still_has_to_be_visible(answer):
    assert counts(answer(windowed(closed="both"), [landing(5, seen=7)], 5, 7 - EPSILON, 7)) == [
        0,
        0,
        1,
    ]


@BOTH
def test_an_unbounded_window_forgets_nothing(answer):
    view = windowed(windows=("10m", "unbounded"))
    [row] = answer(view, [landing(0), landing(995), landing(999)], 1000)
    assert row == {"city__n__10m": 2, "city__n__unbounded": 3}
    assert view.reach >= UNBOUNDED_SPAN


@BOTH
def test_a_hopped_view_answers_as_at_the_last_multiple_of_its_hop(answer):
    history = [landing(4), landing(6, seen=6), landing(7, seen=12)]
    assert counts(answer(windowed(hop="5m"), history, 4.9, 5, 9.9, 10, 14.9, 15, 20)) == [
        0,
        1,
        1,
        2,
        2,
        2,
        0,
    ]


@BOTH
def test_a_hop_dates_what_is_visible_as_well_as_what_happened(answer):
    assert counts(
        answer(windowed(hop="5m"), [landing(1, seen=7, until=12)], 9.9, 10, 14.9, 15)
    ) == [0, 1, 1, 0]


@BOTH
def test_a_looked_up_fact_is_dated_by_a_hop_too(answer):
    view = compile_view(
        FeatureView(
            "newest", source=SOURCE, entities=[CITY], ttl="10m", hop="5m", features=latest("delay")
        ),
        SCHEMA,
        shard="newest",
    )
    assert [
        row["city__delay"] for row in answer(view, [landing(3, delay=1.0)], 4, 5, 14.9, 15)
    ] == [None, 1.0, 1.0, None]


def test_a_hop_before_1970_is_the_last_one_too():
    assert counts(taught(windowed(hop="5m"), [landing(-8)], -5.1, -5, -0.1)) == [0, 1, 1]


def test_a_hopped_view_keeps_a_hop_more_of_the_past():
    assert windowed(windows=("1h",), hop="5m").reach == HOUR + 5 * MINUTE - 1
    view = windowed(hop="5m", total=col("delay").sum())
    online = folded(view, log_of([landing(1, delay=2.0)]), now=14)
    assert online.shards()["delays"].visible_until == MINUTE
    assert told(view, [landing(1, delay=2.0)], 14) == taught(view, [landing(1, delay=2.0)], 14)
