"""Edges, one microsecond on either side, in the manner of the suites of other engines: of windows,
ties, hops, times to live and visibility.

Every fact carries a power of two, so that a sum says which facts a window holds.  Each case is
asked of a backfill, of online state that fits into one page, and of state in which the same facts
lie in sealed pages under tiles, among others that have no value.
"""

import pytest

from mainspring.elements.expression import col
from mainspring.elements.time import DAY, MINUTE
from tests.unit.features.history import landing, newest, taught, told, windowed

EPSILON = 1 / MINUTE
FAR = 10**7


def crowded(view, landings, *minutes, **keys):
    """As `told`, with facts that have no value before, after and at the instants of the others, on
    both sides of every tie.
    """
    times = sorted({each["at"] for each in landings} | set(range(-50, 100)))
    pads = [
        landing(at, id=f"{name}{at}", city=city)
        for at in times
        for name in "!~"
        for city in {each["city"] for each in landings}
    ]
    return told(view, [*landings, *pads], *minutes, **keys)


def among_unseen(view, landings, *minutes, **keys):
    """As `told`, with facts in between that nobody has seen yet."""
    pads = [
        landing(at, id=f"{name}{at}", seen=FAR, delay=-1.0)
        for at in range(-50, 100)
        for name in "!~"
    ]
    return told(view, [*landings, *pads], *minutes, **keys)


EVERYWHERE = pytest.mark.parametrize("answer", [taught, told, crowded])
SUM = {"held": col("bags").sum()}
THREE = [landing(5, bags=1), landing(10, bags=2), landing(15, bags=4)]


def held(answers, window="10m"):
    """Which facts a window holds."""
    return [row[f"city__held__{window}"] for row in answers]


@EVERYWHERE
@pytest.mark.parametrize(
    ("closed", "minute", "before", "at", "after"),
    [
        ("left", 5, 0, 0, 1), ("left", 10, 1, 1, 3), ("left", 15, 3, 3, 6), ("left", 20, 6, 6, 4),
        ("left", 25, 4, 4, 0),
        ("right", 5, 0, 1, 1), ("right", 10, 1, 3, 3), ("right", 15, 3, 6, 6), ("right", 20, 6, 4,
        4), ("right", 25, 4, 0, 0),
        ("both", 5, 0, 1, 1), ("both", 10, 1, 3, 3), ("both", 15, 3, 7, 6), ("both", 20, 6, 6, 4),
        ("both", 25, 4, 4, 0),
    ],
)  # fmt: skip
def test_an_event_comes_in_and_leaves_at_the_microsecond_that_the_edges_say(
    answer, closed, minute, before, at, after
):
    view = windowed(closed=closed, **SUM)
    assert held(answer(view, THREE, minute - EPSILON, minute, minute + EPSILON)) == [
        before,
        at,
        after,
    ]


@EVERYWHERE
@pytest.mark.parametrize(
    ("closed", "inside"), [("left", [3, 12]), ("right", [12, 0]), ("both", [15, 12])]
)
def test_events_tied_at_an_edge_come_and_leave_together(answer, closed, inside):
    history = [
        landing(0, id="b", bags=2),
        landing(0, id="a", bags=1),
        landing(10, id="d", bags=8),
        landing(10, id="c", bags=4),
    ]
    assert held(answer(windowed(closed=closed, **SUM), history, 10, 20)) == inside


@EVERYWHERE
def test_windows_over_one_another_hold_nested_facts(answer):
    view = windowed(windows=("5m", "10m", "1h", "unbounded"), **SUM)
    history = [*THREE, landing(-40, bags=8), landing(-46, bags=16)]
    [row] = answer(view, history, 15 + EPSILON)
    assert list(row.values()) == [4, 6, 15, 31]


@EVERYWHERE
def test_a_window_of_one_microsecond_holds_the_instant_before(answer):
    view = windowed(windows=("1us",), **SUM)
    assert held(answer(view, THREE, 5, 5 + EPSILON, 5 + 2 * EPSILON), "1us") == [0, 1, 0]


@EVERYWHERE
def test_windows_side_by_side_hold_each_event_once(answer):
    assert sum(held(answer(windowed(**SUM), THREE, 0, 10, 20, 30))) == 7


@EVERYWHERE
def test_a_window_of_years_ends_to_the_microsecond(answer):
    years = 1095 * DAY // MINUTE
    view = windowed(windows=("1095d",), **SUM)
    moments = (years + 5, years + 5 + EPSILON, years + 10, years + 10 + EPSILON)
    assert held(answer(view, [*THREE, landing(years, bags=8)], *moments), "1095d") == [
        15,
        14,
        14,
        12,
    ]


@EVERYWHERE
def test_an_unbounded_window_begins_before_1970(answer):
    view = windowed(windows=("unbounded",), **SUM)
    assert held(
        answer(view, [landing(-100 * 365 * 24 * 60, bags=1), *THREE[1:]], 9, 10, 16), "unbounded"
    ) == [1, 1, 7]


@EVERYWHERE
def test_a_gap_between_events_is_an_empty_window(answer):
    view = windowed(
        n=col("bags").count(),
        held=col("bags").sum(),
        mean=col("bags").mean(),
        last=col("bags").last(),
    )
    [row] = answer(view, [landing(0, bags=1), landing(50, bags=2)], 30)
    assert list(row.values()) == [0, 0, None, None]


@EVERYWHERE
@pytest.mark.parametrize(("city", "inside"), [("JFK", 1), ("LGA", 4), (None, 0)])
def test_a_null_key_is_in_nobodys_window(answer, city, inside):
    history = [
        landing(5, city="JFK", bags=1),
        landing(5, city=None, id="none", bags=2),
        landing(5, city="LGA", id="other", bags=4),
    ]
    assert held(answer(windowed(**SUM), history, 6, city=city)) == [inside]


@EVERYWHERE
def test_ties_are_first_and_last_by_id(answer):
    history = [
        landing(5, id=name, seen=5 + place, bags=value)
        for place, (name, value) in enumerate([("m", 1), ("z", 2), ("a", 4)])
    ]
    view = windowed(first=col("bags").first(), last=col("bags").last())
    assert [list(row.values()) for row in answer(view, history, 5 + EPSILON, 6, 7)] == [
        [1, 1],
        [1, 2],
        [4, 2],
    ]


@EVERYWHERE
def test_a_fact_is_seen_from_its_visible_time_on_and_not_at_the_one_that_ends_it(answer):
    history = [landing(5, seen=8, until=12, bags=1)]
    moments = (8 - EPSILON, 8, 12 - EPSILON, 12)
    assert held(answer(windowed(**SUM), history, *moments)) == [0, 1, 1, 0]


@EVERYWHERE
def test_a_fact_that_becomes_visible_after_it_left_the_window_was_never_in_it(answer):
    assert held(answer(windowed(**SUM), [landing(0, seen=11, bags=1)], 9, 10, 11)) == [0, 0, 0]


@EVERYWHERE
def test_a_hop_moves_both_edges_and_the_view_of_what_was_known(answer):
    view = windowed(hop="5m", **SUM)
    history = [*THREE, landing(9, seen=11, bags=8)]
    moments = (9.9, 10, 15 - EPSILON, 15, 20 - EPSILON, 20, 25, 30 - EPSILON)
    assert held(answer(view, history, *moments)) == [0, 1, 1, 11, 11, 6, 4, 4]


@pytest.mark.parametrize("answer", [taught, told, among_unseen])
def test_a_time_to_live_is_open_on_both_sides(answer):
    moments = (5, 5 + EPSILON, 15 - EPSILON, 15)
    assert [
        row["city__delay"]
        for row in answer(newest("delay", ttl="10m"), [landing(5, delay=1.0)], *moments)
    ] == [None, 1.0, 1.0, None]


@pytest.mark.parametrize("answer", [taught, told, among_unseen])
def test_a_newer_fact_hides_an_older_one_only_while_it_is_seen(answer):
    history = [landing(5, delay=1.0), landing(6, seen=7, until=9, delay=2.0)]
    moments = (7 - EPSILON, 7, 9 - EPSILON, 9, 15)
    assert [
        row["city__delay"] for row in answer(newest("delay", ttl="10m"), history, *moments)
    ] == [1.0, 2.0, 2.0, 1.0, None]


@pytest.mark.parametrize("answer", [taught, told, among_unseen])
def test_the_greatest_id_of_a_tie_is_the_newest_whoever_came_first(answer):
    history = [
        landing(5, id=name, seen=5 + place, delay=float(place)) for place, name in enumerate("mza")
    ]
    assert [row["city__delay"] for row in answer(newest("delay"), history, 5 + EPSILON, 6, 7)] == [
        0.0,
        1.0,
        1.0,
    ]
