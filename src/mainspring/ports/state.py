"""The port of state: small documents with versions, the journal of events, and leases, written in
one transaction.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from mainspring.elements.events import Event, Recorded
from mainspring.elements.time import Micros

__all__ = ["Change", "Document", "Lease", "Leases", "StateReader", "StateStore", "StateWriter"]


class Document(NamedTuple):
    """One document: its bytes (JSON) and its version, 1 when new, one more with each change."""

    key: str
    version: int
    payload: bytes


class Change(NamedTuple):
    """A document to put (payload None removes it).  `expected` is the version it must have now: 0
    means absent, None means any.
    """

    kind: str
    key: str
    payload: bytes | None
    expected: int | None = None


class Lease(NamedTuple):
    """The exclusive right to change a resource.  `token` grows with every holder (a fencing token),
    so that a holder whose time is over can be detected.
    """

    resource: str
    holder: str
    token: int
    until: Micros


class StateReader(Protocol):
    """Reads documents and the journal of one project.

    Kinds are nouns: `environment`, `build`, `version`, `attestation`, `run`, `step`, `incident`.
    Keys sort as text.
    """

    def get(self, kind: str, key: str) -> Document | None:
        """One document, or None."""
        ...

    def iter_documents(self, kind: str, prefix: str = "") -> Iterator[Document]:
        """All documents of a kind whose key starts with the prefix, by key."""
        ...

    def kinds(self) -> Sequence[str]:
        """Every kind of which there is a document, sorted."""
        ...

    def iter_events(self, *, after: int = 0, kind: str = "") -> Iterator[Recorded]:
        """The journal from after a sequence number on, all kinds or those that start with
        `kind`.
        """
        ...

    def journal_head(self) -> int:
        """The sequence number of the newest event; 0 for an empty journal.  Cheap enough to poll
        every 20 ms.
        """
        ...


class StateWriter(StateReader, Protocol):
    """Changes documents and writes the journal.

    Guarantees: all changes and events of one call happen, or none; durable when it returns; each
        event's chain digests all before it.
    Errors: ENG-004 when a document does not have the expected version; ENG-005 when the lease given
        has passed to another holder.
    """

    def commit(
        self, changes: Sequence[Change], events: Sequence[Event], *, lease: Lease | None = None
    ) -> int:
        """Apply and record; the new head of the journal."""
        ...


class Leases(Protocol):
    """Gives exclusive leases.

    Guarantees: at most one holder at a time; the lease of a process that died on this machine is
        free at once, of one elsewhere when its time is up.
    Errors: FLO-001 when another holder is alive.
    """

    def acquire(self, resource: str, holder: str, *, ttl: Micros) -> Lease:
        """Acquire the lease, or raise."""
        ...

    def renew(self, lease: Lease, *, ttl: Micros) -> Lease:
        """Extend the lease."""
        ...

    def release(self, lease: Lease) -> None:
        """Release it; releasing one that passed to another holder is no error."""
        ...


class StateStore(StateWriter, Leases, Protocol):
    """State and leases of one engine, since a fencing token is checked in the transaction that it
    guards.
    """
