"""The chain that runs through the journal: each record digests its event and the chain before it,
so that an edit in the past shows.

What it cannot show is a journal cut off at its end, or rewritten from some point on by one who owns
the disk: keep the newest chain elsewhere for that.
"""

from collections.abc import Iterable

from mainspring.elements.events import Event, Recorded
from mainspring.elements.identity import digest_of_value
from mainspring.elements.stored import content_of

__all__ = ["GENESIS", "chain_of", "verify_journal"]

GENESIS = ""
"""The chain before the first event."""


def chain_of(event: Event, previous: str) -> str:
    """The chain after this event.

    Example:
        >>> from mainspring.elements.events import Actor, ProjectName
        >>> project, ada = ProjectName("p"), Actor("person:ada")
        >>> event = Event(kind="run.started", project=project, actor=ada, at=0, subject="run-1")
        >>> chain_of(event, GENESIS) == chain_of(event, chain_of(event, GENESIS))
        False
    """
    return digest_of_value({"event": content_of(event), "previous": previous})


def verify_journal(
    records: Iterable[Recorded], *, sequence: int = 0, chain: str = GENESIS
) -> int | None:
    """The sequence number at which the journal stops being whole, or None when every record fits
    the ones before.

    Args:
        records: the journal from after `sequence` on, in order.
        chain: the chain of the record before the first.
    """
    for record in records:
        sequence += 1
        chain = chain_of(record.event, chain)
        if record.sequence != sequence or record.chain != chain:
            return sequence
    return None
