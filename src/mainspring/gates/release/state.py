"""The state as a server of a protected environment reads it: what is not proven is not there.

Views, sources, monitors and definitions are read in many places.  Each would have to check what it
reads against the release; here they are handed what was checked: of the environment its newest
proven version, definitions with the digest that was signed, and of builds the stored objects that
were signed, whatever the documents say by now.

Where nothing was ever signed, because an earlier release of Mainspring has moved the environment
ever since, rows are taken in and views are kept current as they are on record; no model is opened.
A server that has seen a release does not believe that there is none.
"""

from collections.abc import Iterator, Sequence

import msgspec

from mainspring.elements.errors import MainspringError, RecordUnreadable
from mainspring.elements.events import Event, Recorded
from mainspring.elements.identity import Digest
from mainspring.elements.stored import parse_document, render_stored
from mainspring.elements.time import Micros
from mainspring.gates.release.sign import BOUND_FACTS, digest_of_definition
from mainspring.gates.release.statement import ReleasedAsset
from mainspring.gates.release.verify import CheckedVersion, ReleaseCheck
from mainspring.ports.state import Change, Document, Lease, StateStore
from mainspring.registry.environment import (
    AssetDefinition,
    AssetPointer,
    Build,
    EnvironmentVersion,
    build_key,
    definition_key,
)
from mainspring.registry.errors import DefinitionTampered

__all__ = ["ProvenState"]

_Bound = tuple[AssetPointer, ReleasedAsset]


class ProvenState:
    """A state of which only what is proven of one environment can be read; all else goes through
    unchanged.

    Args:
        state: what it reads from and writes to.
        check: says what is proven; it reads from that state itself.
        holds: a version to read the assets of, which need not be the newest.
    """

    def __init__(
        self, state: StateStore, check: ReleaseCheck, *, holds: EnvironmentVersion | None = None
    ) -> None:
        self._state, self._check = state, check
        self._raw: bytes | None = None
        self._proven: Document | None = None
        self._bound: dict[tuple[str, str], _Bound] = {}
        if holds is not None:
            self._bind(check.released(holds))

    def get(self, kind: str, key: str) -> Document | None:
        """One document, or None where it is absent or not proven.  Raises: DefinitionTampered
        REG-008.
        """
        found = self._state.get(kind, key)
        if kind == "environment" and key.partition("/")[0] == self._check.environment:
            return self._environment(found, is_newest="/" not in key)
        bound = self._bound.get((kind, key))
        if bound is None:
            return found
        return self._definition(found, bound) if kind == "definition" else _build(found, key, bound)

    def iter_documents(self, kind: str, prefix: str = "") -> Iterator[Document]:
        """All documents of a kind, as they lie."""
        return self._state.iter_documents(kind, prefix)

    def kinds(self) -> Sequence[str]:
        """Every kind of which there is a document, sorted."""
        return self._state.kinds()

    def iter_events(self, *, after: int = 0, kind: str = "") -> Iterator[Recorded]:
        """The journal."""
        return self._state.iter_events(after=after, kind=kind)

    def journal_head(self) -> int:
        """The sequence number of the newest event."""
        return self._state.journal_head()

    def commit(
        self, changes: Sequence[Change], events: Sequence[Event], *, lease: Lease | None = None
    ) -> int:
        """Apply and record; the new head of the journal."""
        return self._state.commit(changes, events, lease=lease)

    def acquire(self, resource: str, holder: str, *, ttl: Micros) -> Lease:
        """Acquire the lease, or raise."""
        return self._state.acquire(resource, holder, ttl=ttl)

    def renew(self, lease: Lease, *, ttl: Micros) -> Lease:
        """Extend the lease."""
        return self._state.renew(lease, ttl=ttl)

    def release(self, lease: Lease) -> None:
        """Release it."""
        self._state.release(lease)

    def _environment(self, found: Document | None, *, is_newest: bool) -> Document | None:
        """The document where its version is proven; in place of the newest that is not, the newest
        that is.
        """
        if found is None:
            return None
        if is_newest and found.payload == self._raw:
            return self._proven
        if not is_newest:
            return self._past(found)
        checked = self._newest(found)
        if not checked.is_proven and self._check.was_never_released:
            return found
        if not checked.is_proven:
            checked = next(self._check.newest_proven(checked.version), checked)
        self._bind(checked)
        if not checked.is_proven:
            return None
        document = found._replace(payload=render_stored(checked.version))
        self._raw, self._proven = found.payload, document
        return document

    def _past(self, found: Document) -> Document | None:
        """An earlier version, where it is proven."""
        never_released = self._check.was_never_released
        try:
            checked = self._check.released(parse_document(found, EnvironmentVersion))
        except RecordUnreadable:
            if never_released:
                raise
            return None
        self._bind(checked)
        return found if checked.release is not None or never_released else None

    def _newest(self, found: Document) -> CheckedVersion:
        try:
            return self._check.check(parse_document(found, EnvironmentVersion))
        except RecordUnreadable as error:
            return self._check.unreadable(error)

    def _bind(self, checked: CheckedVersion) -> None:
        """Have what a release says hold for what is read of its assets."""
        if checked.release is None:
            return
        for name, pointer in checked.version.pointers.items():
            bound = (pointer, checked.release.assets[name])
            fingerprint, policy = pointer.build_fingerprint, pointer.policy_fingerprint
            self._bound["definition", definition_key(name, fingerprint, policy)] = bound
            self._bound["build", build_key(name, fingerprint)] = bound

    def _definition(self, found: Document | None, bound: _Bound) -> Document | None:
        pointer, signed = bound
        try:
            definition = parse_document(found, AssetDefinition) if found else None
            is_same = digest_of_definition(definition) == signed.definition
        except (msgspec.DecodeError, MainspringError):
            is_same = False
        if not is_same:
            raise DefinitionTampered(asset=pointer.asset, environment=self._check.environment)
        return found


def _build(found: Document | None, key: str, bound: _Bound) -> Document:
    """What is on record of a build, with what was signed of it in place of what it says."""
    pointer, signed = bound
    try:
        build = parse_document(found, Build) if found else None
    except (msgspec.DecodeError, MainspringError):
        build = None
    said = build.facts if build else {}
    unbound = {name: fact for name, fact in said.items() if name not in BOUND_FACTS}
    proven = Build(
        asset=pointer.asset,
        fingerprint=pointer.build_fingerprint,
        digest=Digest(pointer.build_digest),
        made_at=build.made_at if build else 0,
        inputs=build.inputs if build else {},
        rows=build.rows if build else 0,
        facts={**unbound, **signed.facts},
    )
    return Document(key, found.version if found else 1, render_stored(proven))
