"""State and journal in SQLite: documents with versions, a chained record of what happened, and
leases, each key led by the project.

What a journal row shows beside its event (kind, actor) is computed from the event, so the two
cannot disagree.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from mainspring.elements.events import Event, ProjectName, Recorded
from mainspring.elements.identity import canonical_json
from mainspring.elements.journal import GENESIS, chain_of
from mainspring.elements.stored import parse_stored, render_stored
from mainspring.elements.time import Micros, format_instant
from mainspring.engines.local.clock import SystemClock
from mainspring.engines.local.process import ProcessName, is_dead, this_process
from mainspring.engines.local.sqlite import SqliteDatabase, require_types
from mainspring.ports.backup import BackupPart, CopiedPart
from mainspring.ports.clock import Clock
from mainspring.ports.errors import LeaseHeld, LeaseLost, StaleWrite, StoreDamaged
from mainspring.ports.state import Change, Document, Lease

__all__ = ["SqliteState"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    project TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (project, kind, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journal (
    project TEXT NOT NULL, sequence INTEGER NOT NULL, event TEXT NOT NULL, chain TEXT NOT NULL,
    kind TEXT NOT NULL AS (json_extract(event, '$.kind')),
    actor TEXT NOT NULL AS (json_extract(event, '$.actor')),
    PRIMARY KEY (project, sequence)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases (
    project TEXT NOT NULL, resource TEXT NOT NULL, token INTEGER NOT NULL, holder TEXT NOT NULL,
    until INTEGER NOT NULL, process BLOB NOT NULL,
    PRIMARY KEY (project, resource)
) WITHOUT ROWID;
"""
_NAME = "the state database"
_NOBODY = ""
_PAGE = 500
_ABOVE_ALL_TEXT = "\U0010ffff"

_decode_process = msgspec.json.Decoder(ProcessName).decode


class SqliteState:
    """The documents, journal and leases of one project; several projects may share a file.

    Args:
        path: the database file; None keeps everything in memory.
        clock: what leases run out by; default: the machine's.
    """

    def __init__(
        self, path: Path | None, project: ProjectName, *, clock: Clock | None = None
    ) -> None:
        self._project = project
        self._clock = clock or SystemClock()
        self._process = this_process()
        self._counter = count(1)
        self.writes = 0
        """How often this process has committed: see `CountsWrites`."""
        self._database = SqliteDatabase(path, schema=_SCHEMA, synchronous="FULL", name=_NAME)

    def get(self, kind: str, key: str) -> Document | None:
        """One document, or None."""
        with self._database.snapshot() as connection:
            row = connection.execute(
                "SELECT key, version, payload FROM documents WHERE project = ? AND "
                "kind = ? AND key = ?",
                (self._project, kind, key),
            ).fetchone()
        return _document(row) if row else None

    def iter_documents(self, kind: str, prefix: str = "") -> Iterator[Document]:
        """All documents of a kind whose key starts with the prefix, by key."""
        query = (
            "SELECT key, version, payload FROM documents WHERE project = ? AND kind = ? "
            "AND key {} ? AND key < ? ORDER BY key LIMIT ?"
        )
        first, comparison, page = prefix, ">=", [Document("", 0, b"")]
        while page:
            with self._database.snapshot() as connection:
                found = connection.execute(
                    query.format(comparison),
                    (self._project, kind, first, prefix + _ABOVE_ALL_TEXT, _PAGE),
                ).fetchall()
            page = [_document(row) for row in found]
            yield from page
            if page:
                first, comparison = page[-1].key, ">"

    def kinds(self) -> Sequence[str]:
        """Every kind of which there is a document, sorted."""
        with self._database.snapshot() as connection:
            rows = connection.execute(
                "SELECT DISTINCT kind FROM documents WHERE project = ? ORDER BY kind",
                (self._project,),
            ).fetchall()
        return [kind for (kind,) in rows]

    def iter_events(self, *, after: int = 0, kind: str = "") -> Iterator[Recorded]:
        """The journal from after a sequence number on, all kinds or those that start with
        `kind`.
        """
        query = (
            "SELECT sequence, event, chain FROM journal WHERE project = ? AND sequence > ? "
            "AND kind >= ? AND kind < ? ORDER BY sequence LIMIT ?"
        )
        while True:
            with self._database.snapshot() as connection:
                page = connection.execute(
                    query, (self._project, after, kind, kind + _ABOVE_ALL_TEXT, _PAGE)
                ).fetchall()
            if not page:
                return
            for sequence, event, chain in page:
                yield Recorded(sequence=sequence, event=parse_stored(event, Event), chain=chain)
            after = page[-1][0]

    def journal_head(self) -> int:
        """The sequence number of the newest event; 0 for an empty journal."""
        with self._database.snapshot() as connection:
            return self._head(connection)[0]

    def commit(
        self, changes: Sequence[Change], events: Sequence[Event], *, lease: Lease | None = None
    ) -> int:
        """Apply and record; the new head of the journal."""
        assert all(event.project == self._project for event in events), (
            "an event of another project"
        )
        try:
            return self._database.transact(
                partial(self._commit, changes=changes, events=events, lease=lease)
            )
        finally:
            self.writes = next(self._counter)

    def acquire(self, resource: str, holder: str, *, ttl: Micros) -> Lease:
        """Take the lease, or raise FLO-001."""
        return self._database.transact(
            partial(self._acquire, resource=resource, holder=holder, ttl=ttl)
        )

    def renew(self, lease: Lease, *, ttl: Micros) -> Lease:
        """Hold it longer; ENG-005 when it has passed to another."""
        renewed = lease._replace(until=self._clock.now() + ttl)
        self._database.transact(partial(self._renew, lease=lease, until=renewed.until))
        return renewed

    def release(self, lease: Lease) -> None:
        """Give it back; releasing one that passed to another is no error."""
        # The row stays: its token must grow with the next holder.
        self._database.transact(
            lambda connection: connection.execute(
                "UPDATE leases SET holder = ? "
                "WHERE project = ? AND resource = ? AND token = ? AND holder = ?",
                (_NOBODY, self._project, lease.resource, lease.token, lease.holder),
            )
        )

    def backup_parts(self) -> Sequence[BackupPart]:
        """The parts that it can copy; none while everything is in memory."""
        return () if self._database.is_in_memory else ("state",)

    def copy_part(self, part: BackupPart, folder: Path) -> CopiedPart:
        """Write the state of one instant into a folder, all projects in the file; what was
        written.  In the copy nobody holds a lease: who held one here holds none there.
        """
        assert part == "state", part
        finish = f"UPDATE leases SET holder = '{_NOBODY}'"
        return CopiedPart((self._database.copy_into(folder, finish=finish),))

    def close(self) -> None:
        """Close the database; using the state afterwards is a fault."""
        self._database.close()

    def _commit(
        self,
        connection: sqlite3.Connection,
        *,
        changes: Sequence[Change],
        events: Sequence[Event],
        lease: Lease | None,
    ) -> int:
        if lease is not None:
            self._check_lease(connection, lease)
        for change in changes:
            self._change(connection, change)
        return self._record(connection, events)

    def _check_lease(self, connection: sqlite3.Connection, lease: Lease) -> None:
        row = connection.execute(
            "SELECT token, holder FROM leases WHERE project = ? AND resource = ?",
            (self._project, lease.resource),
        ).fetchone()
        if row != (lease.token, lease.holder):
            raise LeaseLost(resource=lease.resource, holder=lease.holder)

    def _change(self, connection: sqlite3.Connection, change: Change) -> None:
        place = (self._project, change.kind, change.key)
        row = connection.execute(
            "SELECT version FROM documents WHERE project = ? AND kind = ? AND key = ?", place
        ).fetchone()
        version = row[0] if row else 0
        require_types((version,), int, store=_NAME)
        if change.expected is not None and change.expected != version:
            raise StaleWrite(
                what=f"{change.kind} {change.key}",
                expected=f"version {change.expected}",
                found=f"version {version}",
            )
        if change.payload is None:
            connection.execute(
                "DELETE FROM documents WHERE project = ? AND kind = ? AND key = ?", place
            )
        else:
            connection.execute(
                "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)",
                (*place, version + 1, change.payload),
            )

    def _record(self, connection: sqlite3.Connection, events: Sequence[Event]) -> int:
        head, chain = self._head(connection)
        for event in events:
            head, chain = head + 1, chain_of(event, chain)
            row = (self._project, head, render_stored(event).decode(), chain)
            connection.execute(
                "INSERT INTO journal (project, sequence, event, chain) VALUES (?, ?, ?, ?)", row
            )
        return head

    def _head(self, connection: sqlite3.Connection) -> tuple[int, str]:
        """The newest sequence number and its chain."""
        row = connection.execute(
            "SELECT sequence, chain FROM journal WHERE project = ? ORDER BY sequence DESC LIMIT 1",
            (self._project,),
        ).fetchone()
        head, chain = row or (0, GENESIS)
        require_types((head, chain), int, str, store=_NAME)
        return head, chain

    def _acquire(
        self, connection: sqlite3.Connection, *, resource: str, holder: str, ttl: Micros
    ) -> Lease:
        now = self._clock.now()
        row = connection.execute(
            "SELECT token, holder, until, process FROM leases WHERE project = ? AND resource = ?",
            (self._project, resource),
        ).fetchone()
        token, current, until, process = row or (0, _NOBODY, 0, b"")
        require_types((token, current, until), int, str, int, store=_NAME)
        if current != _NOBODY and until > now and not is_dead(_process_of(process)):
            raise LeaseHeld(resource=resource, holder=current, until=format_instant(until))
        lease = Lease(resource, holder, token + 1, now + ttl)
        connection.execute(
            "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?)",
            (
                self._project,
                resource,
                lease.token,
                holder,
                lease.until,
                canonical_json(self._process),
            ),
        )
        return lease

    def _renew(self, connection: sqlite3.Connection, *, lease: Lease, until: Micros) -> None:
        self._check_lease(connection, lease)
        connection.execute(
            "UPDATE leases SET until = ? WHERE project = ? AND resource = ?",
            (until, self._project, lease.resource),
        )


def _process_of(payload: bytes) -> ProcessName:
    """Who holds a lease.  Raises: StoreDamaged ENG-010."""
    try:
        return _decode_process(payload)
    except (msgspec.MsgspecError, UnicodeError, TypeError) as error:
        raise StoreDamaged(store=_NAME, reason=f"a lease cannot be read: {error}") from error


def _document(row: Sequence[Any]) -> Document:
    """A row as it was written.  Raises: StoreDamaged ENG-010."""
    require_types(row[:2], str, int, store=_NAME)
    return Document(*row)
