"""The hash chain of the journal: each record has a digest of its event and of the chain before it,
so that a change of a past event is detected.

It cannot detect a journal that was truncated at its end, or rewritten from some point on: signed
checkpoints do that (`govern.checkpoint`), and copies of them elsewhere.
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
    """The first sequence number whose chain does not match, or None if every record matches those
    before it.

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
