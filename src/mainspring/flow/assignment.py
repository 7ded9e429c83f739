"""Who does which part of some work that several processes share: a pure function of the parts and
of who is there.

Every process computes the same answer from the same roster, so nobody has to be asked and nobody
decides for others.  A part goes to the process that scores highest for it, by a hash of both names,
unless that one has its fair share already; so when one comes or goes, few parts move that need not.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import blake2b

__all__ = ["assign_partitions", "fair_share"]


def fair_share(parts: int, members: int) -> int:
    """The most parts that one member has while each part has somebody.

    >>> fair_share(7, 3), fair_share(0, 3)
    (3, 0)
    """
    return -(-parts // max(members, 1))


def assign_partitions(takers: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    """For each member the parts that are its own.

    Args:
        takers: for each part the members that may take it; one that nobody may take is left out.

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
    """Low is best; the same in every process."""
    return blake2b(f"{part}\0{member}".encode(), digest_size=8).digest()
