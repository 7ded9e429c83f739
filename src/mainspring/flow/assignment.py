"""Assign partitions to the members of a consumer group: a pure function of both.

Every member computes the same assignment from the same list of members, so no coordinator is
needed.  A partition goes to the member that scores best for it, by a hash of both names, unless
that member has its fair share already (rendezvous hashing); so when a member joins or leaves, few
other partitions move.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import blake2b

__all__ = ["assign_partitions", "fair_share"]


def fair_share(parts: int, members: int) -> int:
    """The most partitions that one member needs to have, so that each partition has a member.

    >>> fair_share(7, 3), fair_share(0, 3)
    (3, 0)
    """
    return -(-parts // max(members, 1))


def assign_partitions(takers: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    """For each member the partitions assigned to it.

    Args:
        takers: for each partition the members that may take it; one without members is left out.

    Cost: about 1 µs for each part and each member that may take it.

    Example:
        >>> allotted = assign_partitions({part: ["ada", "bob"] for part in "abcdef"})
        >>> {member: len(parts) for member, parts in allotted.items()}
        {'ada': 3, 'bob': 3}
    """
    members = sorted({member for names in takers.values() for member in names})
    most, loads = fair_share(len(takers), len(members)), Counter[str]()
    owner: dict[str, str] = {}
    for _, part, member in sorted(
        (_score(part, member), part, member) for part, names in takers.items() for member in names
    ):
        if part not in owner and loads[member] < most:
            owner[part] = member
            loads[member] += 1
    # Whoever may take a part has its share already: members that take everything took what only
    # some may take less of.
    for part in sorted(part for part, names in takers.items() if names and part not in owner):
        owner[part] = min(takers[part], key=lambda member: (loads[member], member))
        loads[owner[part]] += 1
    return {
        member: frozenset(part for part, name in owner.items() if name == member)
        for member in members
    }


def _score(part: str, member: str) -> bytes:
    """Lower is better; the same in every process."""
    return blake2b(f"{part}\0{member}".encode(), digest_size=8).digest()
