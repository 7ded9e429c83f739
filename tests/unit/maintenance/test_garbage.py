"""What a plan of `gc` holds, decided from records alone."""

import pytest

from mainspring.elements.identity import Digest
from mainspring.elements.time import DAY, HOUR
from mainspring.maintenance.garbage import (
    CompactTopic,
    DropShard,
    GarbageInventory,
    MarkObject,
    RemoveLeftover,
    RemoveObject,
    RemoveUpload,
    TopicUsage,
    TrimTopic,
    VacuumTable,
    make_gc_plan,
    render_gc_plan,
)

A, B, C = (Digest(f"sha256:{letter * 64}") for letter in "abc")


def plan_of(**found: object):
    return make_gc_plan(
        GarbageInventory(project="shop", at=10 * DAY, data_at=10 * DAY, grace=DAY, **found)
    )


def topic(**bounds: object) -> TopicUsage:
    return TopicUsage(
        **{
            "name": "source:sales",
            "first": 10,
            "head": 100,
            "aged": 80,
            "retention": 30 * DAY,
            "folded": 90,
            "needed": 95,
        }
        | bounds
    )


@pytest.mark.parametrize(
    ("bounds", "before"),
    [
        ({}, 80),
        ({"folded": 70}, 70),
        ({"needed": 60}, 60),
        ({"folded": None, "needed": None}, 80),
        ({"aged": 100, "folded": 100, "needed": None}, 100),
    ],
)
def test_a_topic_is_trimmed_as_far_as_age_table_and_online_state_allow(
    bounds: dict[str, object], before: int
) -> None:
    [trim] = [
        step for step in plan_of(topics=(topic(**bounds),)).steps if isinstance(step, TrimTopic)
    ]
    assert (trim.first, trim.before) == (10, before)


@pytest.mark.parametrize(
    "bounds", [{"retention": None}, {"aged": 10}, {"folded": 0}, {"needed": 10}]
)
def test_a_topic_that_must_stay_whole_is_not_trimmed(bounds: dict[str, object]) -> None:
    assert plan_of(topics=(topic(**bounds),)).steps == (CompactTopic(topic="source:sales"),)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("source:sales", "cannot rebuild online state"),
        ("quarantine:sales", "gone for good"),
        ("inference:dev:late", "not available: retention"),
    ],
)
def test_a_trim_says_what_can_no_longer_be_done(name: str, words: str) -> None:
    told = render_gc_plan(plan_of(topics=(topic(name=name),)))
    assert told[0] == f"trim {name} from record 10 up to 80: appended more than 30d ago"
    assert words in told[1]


def test_an_object_goes_in_two_passes_with_a_grace_period_between() -> None:
    plan = plan_of(objects=(A, B, C), referenced=frozenset({C}), marked={A: 9 * DAY, C: 0})
    assert plan.steps == (RemoveObject(digest=A, marked_at=9 * DAY), MarkObject(digest=B))
    assert plan_of(objects=(A,), marked={A: 9 * DAY + HOUR}).steps == ()


def test_online_state_that_no_recent_version_uses_is_dropped() -> None:
    assert plan_of(shards=("new@1", "old@0"), live=frozenset({"new@1", "gone@2"})).steps == (
        DropShard(shard="old@0"),
    )


def test_online_state_is_kept_where_nobody_can_tell_what_needs_it() -> None:
    plan = plan_of(shards=("old@0",), live=None, trouble="REG-004 changed")
    assert (plan.steps, render_gc_plan(plan)) == ((), ["keep all online state: REG-004 changed"])


def test_steps_of_which_there_are_many_are_told_together() -> None:
    digests = [Digest(f"sha256:{number:064}") for number in range(2_000)]
    plan = plan_of(
        objects=tuple(digests),
        marked=dict.fromkeys(digests[:1_500], 8 * DAY),
        tables=("source:a", "source:b"),
        leftovers=("/there/.x",),
        uploads=("a", "b"),
    )
    assert render_gc_plan(plan) == [
        "remove /there/.x, which a process that died left half done",
        "remove 1,500 objects that nothing has referenced since 1970-01-09T00:00:00Z at the latest",
        "remove 2 uploads that nobody has gone on with for a day",
        "mark 500 objects that nothing references: a gc in 24h or later removes them",
        "join small files in 2 tables, and delete those that were replaced more than 7d ago",
    ]
    assert RemoveLeftover(path="/there/.x") in plan.steps
    assert RemoveUpload(upload="b") in plan.steps
    assert VacuumTable(table="source:b") in plan.steps


def test_a_step_holds_while_nothing_has_come_to_need_what_it_removes() -> None:
    before = plan_of(topics=(topic(),), objects=(A,), marked={A: 0}, shards=("old@0",))
    further = plan_of(
        topics=(topic(aged=85),),
        objects=(A,),
        referenced=frozenset({A}),
        shards=("old@0",),
        live=frozenset({"old@0"}),
    )
    assert [before.holds(step) for step in before.steps] == [True] * 4
    assert [further.holds(step) for step in before.steps] == [True, True, False, False]
    assert not plan_of(topics=(topic(needed=40),)).holds(before.steps[0])
