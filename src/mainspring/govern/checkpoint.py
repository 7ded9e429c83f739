"""Signed checkpoints of the journal: at this length it had this chain.

The chain of digests shows an event that was changed, but whoever can write the state database can
compute the rest of the chain anew.  A checkpoint is signed by a key that does not lie in it, so up
to the newest one a journal that was recomputed is told from the one that was signed.  Whoever
deletes checkpoints as well is found by a copy that is kept elsewhere, and by that alone.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from mainspring.elements.events import ProjectName, Recorded
from mainspring.elements.identity import digest_of_value
from mainspring.elements.stored import StoredRecord
from mainspring.elements.time import Micros
from mainspring.ports.signer import PublicKey, Signature, Signer, Verifier

__all__ = [
    "CHECKPOINT_EVERY",
    "JournalCheckpoint",
    "checkpoint_key",
    "iter_checkpoint_faults",
    "sign_checkpoint",
]

CHECKPOINT_EVERY = 100
"""Events from one checkpoint to the next, at most, while somebody works or serves."""

_TYPE = "mainspring/journal-checkpoint/v1"


class JournalCheckpoint(StoredRecord, frozen=True, kw_only=True):
    """The head of a journal, signed.  Document kind `checkpoint`, key: the sequence number.

    Args:
        sequence: of the newest event; `chain`: the chain after it.
        signature: base64, of `message`, by `public_key`.
    """

    title = "a checkpoint of the journal"
    document = "checkpoint"

    project: ProjectName
    sequence: int
    chain: str
    at: Micros
    public_key: PublicKey
    signature: str = ""

    def is_filed_under(self, key: str) -> bool:
        """Whether the key is its sequence number."""
        return key == checkpoint_key(self.sequence)

    @property
    def message(self) -> bytes:
        """What is signed."""
        content = {
            "type": _TYPE,
            "project": self.project,
            "sequence": self.sequence,
            "chain": self.chain,
            "at": self.at,
        }
        return f"{_TYPE} {digest_of_value(content)}".encode()

    def is_signed_by(self, trusted: Sequence[PublicKey], verifier: Verifier) -> bool:
        """Whether one of these keys has signed it."""
        try:
            value = base64.b64decode(self.signature, validate=True)
        except ValueError:
            return False
        return verifier.is_valid(self.message, Signature(self.public_key, value), trusted)


def sign_checkpoint(
    newest: Recorded, *, project: ProjectName, at: Micros, signer: Signer
) -> JournalCheckpoint:
    """The checkpoint of a journal that ends with this record."""
    bare = JournalCheckpoint(
        project=project,
        sequence=newest.sequence,
        chain=newest.chain,
        at=at,
        public_key=signer.public_key,
    )
    value = signer.sign(bare.message).value
    return msgspec.structs.replace(bare, signature=base64.b64encode(value).decode())


def checkpoint_key(sequence: int) -> str:
    """The key of the document; keys sort as sequence numbers do.

    >>> checkpoint_key(100)
    '000000000100'
    """
    return f"{sequence:012d}"


def iter_checkpoint_faults(
    checkpoints: Iterable[JournalCheckpoint],
    chains: Mapping[int, str],
    *,
    trusted: Sequence[PublicKey],
    verifier: Verifier,
) -> Iterator[str]:
    """What of a journal is not as these checkpoints say.

    Args:
        chains: of the journal, by sequence number.
        trusted: the keys that are accepted.
    """
    length, signed_until = len(chains), 0
    for checkpoint in checkpoints:
        place = checkpoint.sequence
        if not checkpoint.is_signed_by(trusted, verifier):
            yield f"the checkpoint at event {place} is not signed by a key that is accepted here"
        elif place > length:
            yield f"it ends at event {length}, and was signed up to event {place}"
        elif chains[place] != checkpoint.chain:
            yield f"event {place}, or one before it, is another than the one that was signed"
        else:
            signed_until = max(signed_until, place)
    if signed_until and length - signed_until > 2 * CHECKPOINT_EVERY:
        yield f"no checkpoint is left of events {signed_until + 1} to {length}"
