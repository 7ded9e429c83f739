"""Who does which part: the same answer in every process, fair, and steady."""

from hypothesis import given
from hypothesis import strategies as st

from mainspring.flow.assignment import assign_partitions, fair_share

MEMBERS = st.sets(st.sampled_from([f"consumer-{number}" for number in range(12)]), min_size=1)
PARTS = st.integers(0, 200).map(lambda count: [f"fold:view@{part}" for part in range(count)])


def all_take_all(parts, members):
    return assign_partitions({part: sorted(members) for part in parts})


@given(PARTS, MEMBERS)
def test_every_part_has_one_member_and_nobody_more_than_a_fair_share(parts, members) -> None:
    allotted = all_take_all(parts, members)
    assert sorted(part for mine in allotted.values() for part in mine) == sorted(parts)
    assert all(len(mine) <= fair_share(len(parts), len(members)) for mine in allotted.values())


@given(PARTS, MEMBERS)
def test_the_order_in_which_parts_and_members_are_named_changes_nothing(parts, members) -> None:
    assert all_take_all(parts, members) == assign_partitions(
        {part: sorted(members, reverse=True) for part in reversed(parts)}
    )


def test_one_who_comes_takes_its_share_and_little_else_moves() -> None:
    parts = [f"fold:view@{part}" for part in range(120)]
    before, after = all_take_all(parts, {"a", "b", "c"}), all_take_all(parts, {"a", "b", "c", "d"})
    moved = sum(len(mine - before.get(member, frozenset())) for member, mine in after.items())
    assert 30 <= moved <= 45


def test_a_part_goes_only_to_who_may_take_it() -> None:
    allotted = assign_partitions({"one": ["a"], "two": ["a"], "three": ["a", "b"], "four": []})
    assert allotted["a"] >= {"one", "two"}
    assert frozenset({"four"}) not in allotted.values()
    assert sum(map(len, allotted.values())) == 3


def test_who_alone_may_take_much_takes_it_over_a_fair_share() -> None:
    assert assign_partitions({**{str(part): ["a"] for part in range(9)}, "other": ["a", "b"]})[
        "a"
    ] >= {str(part) for part in range(9)}
