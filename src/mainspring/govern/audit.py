"""The audit of the journal: who did what and when, and whether an event was changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mainspring.elements.errors import RecordUnreadable
from mainspring.elements.events import Recorded, current_kind
from mainspring.elements.journal import verify_journal
from mainspring.elements.stored import parse_stored
from mainspring.govern.checkpoint import JournalCheckpoint, iter_checkpoint_faults
from mainspring.govern.errors import CheckpointUnreadable, JournalRewritten
from mainspring.govern.sign_journal import read_checkpoints
from mainspring.ports.signer import PublicKey, Verifier
from mainspring.ports.state import StateReader

__all__ = [
    "AuditReport",
    "AuditTrust",
    "NotedJournal",
    "audit_journal",
    "compare_journal",
    "iter_journal_faults",
    "read_comparison",
]


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """The journal, checked.

    Args:
        events: how many there are.
        broken_at: the first sequence number whose chain does not fit; None when all fit.
        newest: the chain of the newest event; noted elsewhere, it reveals a truncated journal.
        shown: the requested events, oldest first.
        signed_until: the newest event that a checkpoint which fits was signed at; 0 for none.
        faults: what is not as the checkpoints say, or as what it was compared with.
    """

    events: int
    broken_at: int | None
    newest: str
    shown: tuple[Recorded, ...]
    signed_until: int = 0
    faults: tuple[str, ...] = ()

    @property
    def intact(self) -> bool:
        """Whether every event fits the ones before it and what was signed of it."""
        return self.broken_at is None and not self.faults


@dataclass(frozen=True, eq=False)
class AuditTrust:
    """Whose checkpoints count."""

    keys: Sequence[PublicKey]
    verifier: Verifier


class NotedJournal(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal is to be compared with.

    Args:
        chains: by sequence number, the chain that it had.
        checkpoints: that were kept elsewhere; whoever kept them vouches for their keys.
    """

    chains: dict[int, str]
    checkpoints: tuple[JournalCheckpoint, ...] = ()


def audit_journal(
    state: StateReader, *, kind: str = "", last: int = 50, trust: AuditTrust | None = None
) -> AuditReport:
    """Check the whole journal, and show the last events of a kind, whatever an older release called
    it.  Cost: about 10 µs an event.

    Args:
        trust: whose checkpoints count; None checks the chain alone.
    """
    records = list(state.iter_events())
    shown = [record for record in records if _is_of_kind(record.event.kind, kind)]
    checkpoints = read_checkpoints(state) if trust else []
    chains = {record.sequence: record.chain for record in records}
    fitting = [each.sequence for each in checkpoints if chains.get(each.sequence) == each.chain]
    faults = (
        iter_checkpoint_faults(checkpoints, chains, trusted=trust.keys, verifier=trust.verifier)
        if trust
        else ()
    )
    return AuditReport(
        events=len(records),
        broken_at=verify_journal(records),
        newest=records[-1].chain if records else "",
        shown=tuple(shown[-last:] if last else shown),
        signed_until=max(fitting, default=0),
        faults=tuple(faults),
    )


def iter_journal_faults(state: StateReader, trust: AuditTrust) -> Iterator[JournalRewritten]:
    """What is wrong with the journal, each as an error."""
    report = audit_journal(state, last=1, trust=trust)
    if report.broken_at is not None:
        yield JournalRewritten(fault=f"its chain breaks at event {report.broken_at}")
    yield from (JournalRewritten(fault=fault) for fault in report.faults)


def compare_journal(state: StateReader, against: NotedJournal, *, trust: AuditTrust) -> AuditReport:
    """Check the journal as `audit_journal` does, and against what is kept elsewhere."""
    report = audit_journal(state, last=1, trust=trust)
    chains = {record.sequence: record.chain for record in state.iter_events()}
    # A file that is kept elsewhere is believed as it lies, its key too.
    keys = [checkpoint.public_key for checkpoint in against.checkpoints]
    faults = [
        *report.faults,
        *iter_checkpoint_faults(against.checkpoints, chains, trusted=keys, verifier=trust.verifier),
        *_iter_differences(chains, against.chains),
    ]
    return msgspec.structs.replace(report, faults=tuple(dict.fromkeys(faults)))


def read_comparison(path: Path) -> NotedJournal:
    """A checkpoint, a folder of checkpoints, or what `mainspring audit --json` printed.  Raises:
    CheckpointUnreadable FLO-051.
    """
    try:
        files = _files_of(path)
        payloads = [file.read_bytes() for file in files]
    except OSError as error:
        raise CheckpointUnreadable(path=str(path), reason=str(error)) from error
    if not payloads:
        raise CheckpointUnreadable(path=str(path), reason="it holds no checkpoint")
    parsed = [_parsed(payload, path) for payload in payloads]
    return NotedJournal(
        chains={place: chain for each in parsed for place, chain in each.chains.items()},
        checkpoints=tuple(checkpoint for each in parsed for checkpoint in each.checkpoints),
    )


def _files_of(path: Path) -> list[Path]:
    """The checkpoints of a folder; in the copy of a bucket every file is one, named by its
    digest.
    """
    if not path.is_dir():
        return [path]
    named = sorted(path.glob("checkpoint-*.json"))
    return named or sorted(file for file in path.rglob("*") if file.is_file())


def _parsed(payload: bytes, path: Path) -> NotedJournal:
    try:
        return NotedJournal(chains={}, checkpoints=(parse_stored(payload, JournalCheckpoint),))
    except RecordUnreadable:
        pass
    try:
        report = msgspec.json.decode(payload, type=AuditReport)
    except msgspec.MsgspecError as error:
        raise CheckpointUnreadable(path=str(path), reason=str(error)) from error
    chains = {record.sequence: record.chain for record in report.shown}
    return NotedJournal(chains=chains | ({report.events: report.newest} if report.events else {}))


def _iter_differences(chains: dict[int, str], noted: dict[int, str]) -> Iterator[str]:
    for place, chain in sorted(noted.items()):
        if place not in chains:
            yield f"it ends at event {len(chains)}, and had an event {place}"
        elif chains[place] != chain:
            yield f"event {place}, or one before it, is another than the one that was noted"


def _is_of_kind(found: str, kind: str) -> bool:
    return current_kind(found).startswith(kind) or found.startswith(kind)
