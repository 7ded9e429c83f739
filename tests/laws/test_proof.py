"""One definition, one answer: oracle, backfill, streams, partitions and reads in the past give the
same bytes, for any history.

`make prove` runs the same comparisons over a million values; here are some thousand histories that
hypothesis or a seed makes, and what the proof itself must be able to do: reach every kind of page,
see one wrong bit, and show it in the smallest history that has it.
"""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.features.kernel.arrays import NEVER
from tests.proof.declared import LATENESS, VIEWS
from tests.proof.drawn import histories
from tests.proof.history import History, history_of, pushes_of
from tests.proof.landmark import LANDMARKS, landmarks_of
from tests.proof.minimal import minimal, render
from tests.proof.pairing import Count, compare_history, compare_told, pattern, true_answers
from tests.proof.prove import PROBE, Outcome, check_seed, render_outcome
from tests.proof.reading import folded, logged, told
from tests.proof.truth import revisions_of


@pytest.mark.parametrize("name", VIEWS)
@settings(max_examples=12, deadline=None)
@given(history=histories(), seed=st.integers(0, 9))
def test_any_history_is_answered_the_same_in_every_way(
    name: str, history: History, seed: int
) -> None:
    assert next(compare_history(VIEWS[name], history, count=Count(), seed=seed), None) is None


@pytest.mark.parametrize("name", VIEWS)
@settings(max_examples=60, deadline=None)
@given(history=histories())
def test_any_history_is_told_as_the_oracle_says(name: str, history: History) -> None:
    assert next(compare_told(VIEWS[name], history, count=Count()), None) is None


@pytest.mark.parametrize("seed", [5, 7, 10, 17])
def test_long_histories_are_answered_the_same_in_every_way(seed: int) -> None:
    outcome = check_seed(seed)
    assert outcome.failed == []
    assert all(
        outcome.compared[pairing]
        for pairing in (PROBE, "stream in batches = backfill", "state: partitions leave no trace")
    )


def test_the_histories_reach_every_kind_of_page() -> None:
    found = Counter[str]()
    for name, seed, size in (("sums", 3, 1_500), ("sums_ever", 4, 12_000), ("newest", 3, 1_500)):
        view = VIEWS[name].compiled
        found += landmarks_of(view, folded(view, logged(history_of(seed, size=size).deliveries)))
    assert [landmark for landmark in LANDMARKS if not found[landmark]] == []


def test_the_histories_are_late_tied_contradicted_replaced_and_deleted() -> None:
    histories = [history_of(seed, size=300).deliveries for seed in range(1, 13)]
    pushes = [pushes_of(deliveries, "landings") for deliveries in histories]
    accepted = [revisions_of(each, lateness=LATENESS) for each in pushes]
    times = [
        Counter((revision.push.event_time, revision.push.row["city"]) for revision in each)
        for each in accepted
    ]
    assert (
        sum(map(len, accepted))
        < sum(len(revisions_of(each)) for each in pushes)
        < sum(map(len, pushes))
    )
    assert {push.op for each in pushes for push in each} == {"insert", "replace", "delete"}
    assert any(revision.visible_to < NEVER for each in accepted for revision in each)
    assert max(max(each.values()) for each in times) > 1
    assert {delivery.is_history for deliveries in histories for delivery in deliveries} == {
        True,
        False,
    }


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (0.0, -0.0),
        (1, 1.0),
        (1.0, 1.0 + 2**-52),
        (True, 1),
        ([0.0], [-0.0]),
        (None, 0),
        ("é", "e"),
        ([], None),
    ],
)
def test_values_that_look_alike_have_patterns_of_their_own(left: object, right: object) -> None:
    assert pattern(left) == pattern(left)
    assert pattern(left) != pattern(right)


def test_a_wrong_value_is_shown_in_the_smallest_history_that_has_it() -> None:
    def differs(part: History) -> bool:
        view = VIEWS["sums_both"]
        heard = told(
            view.compiled, folded(view.compiled, logged(part.deliveries)), part.questions, since=0
        ).table
        one_too_many = [count + (count > 0) for count in heard["everywhere__n__5h"]]
        return one_too_many != true_answers(view, part)["everywhere__n__5h"]

    smallest = minimal(history_of(4, size=40), differs)
    assert [len(delivery.rows) for delivery in smallest.deliveries] == [1]
    assert len(smallest.questions) == 1
    assert len(render(smallest).splitlines()) == 3


def test_the_table_of_the_proof_counts_what_differs() -> None:
    outcome = Outcome(Count(a=1_000, b=7), Count(b=2), []) + Outcome(
        Count(a=500), Count(b=1), [(7, "sums")]
    )
    assert outcome.failed == [(7, "sums")]
    assert render_outcome(outcome).splitlines()[1:] == [
        "a         1,500          0",
        "b             7          3",
    ]
