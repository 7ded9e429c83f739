"""Sign checkpoints of the journal at intervals, and copy them to where its owner cannot write."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain

from mainspring.elements.errors import MainspringError
from mainspring.elements.events import ProjectName, Recorded
from mainspring.elements.journal import GENESIS, verify_journal
from mainspring.elements.stored import parse_document, render_stored
from mainspring.elements.time import HOUR
from mainspring.govern.checkpoint import (
    CHECKPOINT_EVERY,
    JournalCheckpoint,
    checkpoint_key,
    sign_checkpoint,
)
from mainspring.govern.errors import JournalRewritten
from mainspring.ports.clock import Clock
from mainspring.ports.errors import StaleWrite
from mainspring.ports.signer import Signer
from mainspring.ports.state import Change, StateReader, StateWriter

__all__ = ["JournalSigner", "read_checkpoints"]

_LOG = logging.getLogger("mainspring.server")


def read_checkpoints(state: StateReader) -> list[JournalCheckpoint]:
    """All checkpoints on file, oldest first."""
    return [
        parse_document(document, JournalCheckpoint)
        for document in state.iter_documents("checkpoint")
    ]


@dataclass(eq=False, kw_only=True)
class JournalSigner:
    """Signs checkpoints of one journal.

    Args:
        keep_outside: called with each checkpoint's name and bytes, before it is on file here; does
            nothing where no place is configured.
    """

    state: StateWriter
    project: ProjectName
    signer: Signer
    clock: Clock
    keep_outside: Callable[[str, bytes], None] = lambda _, __: None
    _newest: JournalCheckpoint | None = field(default=None)

    def run_due(self) -> JournalCheckpoint | None:
        """Sign where a hundred events came since the last checkpoint, or one and an hour passed;
        the checkpoint, if one was signed.

        Raises: JournalRewritten FLO-050 where the journal is not as the last one says: what was
            recomputed must not be signed.
        Cost: a read; 10 µs an event where one is due.
        """
        head, last = self.state.journal_head(), self._last()
        behind = head - (last.sequence if last else 0)
        is_old = last is not None and self.clock.now() - last.at >= HOUR
        if behind >= 0 and behind < (1 if is_old else CHECKPOINT_EVERY):
            return None
        return self.sign()

    def try_run_due(self) -> None:
        """The same at the end of other work, which a journal that is not as it was signed does not
        undo: it is told, and nothing is signed.
        """
        try:
            self.run_due()
        except JournalRewritten as error:
            _LOG.warning("%s", error)

    def sign(self) -> JournalCheckpoint | None:
        """Sign the journal as it stands; None for an empty one, and where it is signed already.
        Raises: as `run_due`.
        """
        last = self._last()
        newest = self._verified(last)
        if newest is None or (last and newest.sequence == last.sequence):
            return None
        made = sign_checkpoint(
            newest, project=self.project, at=self.clock.now(), signer=self.signer
        )
        key, payload = checkpoint_key(made.sequence), render_stored(made)
        try:
            self.keep_outside(f"checkpoint-{key}.json", payload)
        except (MainspringError, OSError) as error:
            _LOG.warning("the checkpoint at event %s is not kept outside: %s", key, error)
        try:
            self.state.commit([Change("checkpoint", key, payload, 0)], [])
        except StaleWrite:
            # Another process has signed the same event.
            self._newest = None
            return None
        self._newest = made
        return made

    def _last(self) -> JournalCheckpoint | None:
        self._newest = self._newest or next(reversed(read_checkpoints(self.state)), None)
        return self._newest

    def _verified(self, last: JournalCheckpoint | None) -> Recorded | None:
        """The newest record of a journal that goes on from its last checkpoint."""
        start = last.sequence if last else 0
        records = self.state.iter_events(after=max(start - 1, 0))
        signed = next(records, None) if last else None
        if last and (signed is None or (signed.sequence, signed.chain) != (start, last.chain)):
            raise JournalRewritten(fault=f"event {start} is another than the one that was signed")
        found = list(records)
        broken = verify_journal(found, sequence=start, chain=last.chain if last else GENESIS)
        if broken is not None:
            raise JournalRewritten(fault=f"its chain breaks at event {broken}")
        return next(chain(reversed(found), [signed] if signed else []), None)
