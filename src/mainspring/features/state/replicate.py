"""Copy a shard's state into an object, and an object into a store that lacks the shard: a new
replica applies the tail of the log and not all of it.

The newest snapshot of each shard has a document, kind `snapshot`, key the shard's name, so that
whoever opens the shard finds it and `gc` keeps the object.
"""

from collections.abc import Iterator

from mainspring.elements.identity import Digest
from mainspring.elements.stored import StoredRecord, parse_document, render_stored
from mainspring.elements.time import Micros
from mainspring.features.state.names import STATE_LAYOUT
from mainspring.features.state.snapshot import Snapshot, parse_snapshot, render_snapshot
from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import LogReader
from mainspring.ports.objects import ObjectReader, ObjectWriter
from mainspring.ports.online import OnlineReader, OnlineWriter, Position
from mainspring.ports.state import Change, StateReader, StateWriter

__all__ = [
    "SNAPSHOT",
    "StoredSnapshot",
    "forget_snapshot",
    "read_shard",
    "restore_shard",
    "snapshot_shard",
]

SNAPSHOT = "snapshot"
_ATTEMPTS = 100


class StoredSnapshot(StoredRecord, frozen=True, kw_only=True):
    """The newest snapshot of a shard.

    Args:
        digest: of the object; made_at: the clock's instant.
    """

    title = "the record of a snapshot"
    document = SNAPSHOT

    shard: str
    digest: Digest
    position: Position
    rows: int
    size_bytes: int
    made_at: Micros

    def is_filed_under(self, key: str) -> bool:
        """Whether the key is its shard."""
        return key == self.shard


def snapshot_shard(
    shard: str, *, online: OnlineReader, objects: ObjectWriter, state: StateWriter, at: Micros
) -> StoredSnapshot | None:
    """Write a snapshot of a shard as it stands, whoever writes it meanwhile; None when there is no
    such shard.

    Raises: ENG-004 when the shard moves on all the time.
    Cost: the shard's rows in memory, twice; what the store takes to read and the object store to
        write them.
    """
    taken = read_shard(shard, online)
    if taken is None:
        return None
    payload = render_snapshot(taken)
    digest = objects.write(payload)
    kept = StoredSnapshot(
        shard=shard,
        digest=digest,
        position=taken.position,
        rows=len(taken.rows),
        size_bytes=len(payload),
        made_at=at,
    )
    # The object is there before the document that names it; a crash in between leaves an object
    # that `gc` removes.
    state.commit([Change(SNAPSHOT, shard, render_stored(kept))], [])
    return kept


def restore_shard(
    shard: str,
    *,
    online: OnlineWriter,
    objects: ObjectReader,
    state: StateReader,
    log: LogReader,
    kept_from: Micros,
) -> Position | None:
    """Put the newest snapshot of a shard into a store that lacks it; None where there is none that
    would do.

    Args:
        log: the one that the shard is materialized from; a snapshot that is ahead of it belongs to
            another.
        kept_from: the event time from which on nothing may have been left out.

    Raises: ENG-004 when the shard exists; ENG-003 or FEA-005 for a damaged snapshot.
    Cost: one commit of all its rows.
    """
    document = state.get(SNAPSHOT, shard)
    kept = parse_document(document, StoredSnapshot) if document else None
    if (
        kept is None
        or kept.position.kept_from > kept_from
        or kept.position.layout != STATE_LAYOUT
        # Ahead of the log: made from another one, for instance before a restore from a backup.
        or any(offset > log.head(topic) for topic, offset in kept.position.offsets)
    ):
        return None
    snapshot = parse_snapshot(objects.read(kept.digest))
    # Only where there is no shard: who lost the race goes on from what the winner wrote.
    online.commit(shard, dict(snapshot.rows), expected=None, position=snapshot.position)
    return snapshot.position


def forget_snapshot(shard: str, state: StateWriter) -> None:
    """Let go of the snapshot of a shard; the next `gc` but one removes its object."""
    if state.get(SNAPSHOT, shard) is not None:
        state.commit([Change(SNAPSHOT, shard, None)], [])


def read_shard(shard: str, online: OnlineReader) -> Snapshot | None:
    """A shard's rows and position, of one commit; None when there is no such shard.  Raises:
    ENG-004 when it moves on all the time.
    """
    for _ in range(_ATTEMPTS):
        before, _ = online.read(shard, [])
        if before is None:
            return None
        rows = online.iter_rows(shard)
        first = next(rows, None)
        # All rows are of the commit that the first is of: had another come between, the position
        # would have moved.
        if online.read(shard, [])[0] == before:
            return Snapshot(shard=shard, position=before, rows=tuple(_with_first(first, rows)))
    raise StaleWrite(
        what=f"shard {shard}",
        expected=f"to stand still for one of {_ATTEMPTS} looks",
        found="another position at each",
    )


def _with_first(
    first: tuple[bytes, bytes] | None, rows: Iterator[tuple[bytes, bytes]]
) -> Iterator[tuple[bytes, bytes]]:
    if first is not None:
        yield first
        yield from rows
