"""The tokens of a project, managed by their ids: made, listed, revoked and exchanged."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec

from mainspring.access.errors import ScopeInvalid, TokenNotFound
from mainspring.access.record import (
    TokenId,
    TokenRecord,
    TokenUse,
    id_of,
    new_token,
    read_usable,
    token_key,
)
from mainspring.access.scope import PERMISSIONS, Permission, TokenScope
from mainspring.elements.actor import parse_actor
from mainspring.elements.declaration import shown_briefly
from mainspring.elements.events import Actor, Event, EventValue, ProjectName
from mainspring.elements.stored import parse_document, render_stored
from mainspring.elements.time import DAY, Micros
from mainspring.ports.clock import Clock
from mainspring.ports.state import Change, Document, StateWriter

__all__ = ["DEFAULT_LIFETIME", "CreatedToken", "TokenListing", "TokenState", "Tokens"]

DEFAULT_LIFETIME: Micros = 90 * DAY
"""How long a token is valid unless somebody says otherwise; as long as a verdict is."""

_LONGEST_LIFETIME: Micros = 3_660 * DAY
_KEY_PREFIX = "sha256:"
_ID = re.compile(r"[0-9a-f]{12}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,199}")

TokenState = Literal["valid", "expired", "revoked", "unreadable"]


class TokenListing(msgspec.Struct, frozen=True, kw_only=True):
    """A token as its project knows it: all but the token.

    Args:
        environments, endpoints, sources: None for all.
        expires_at: None for never.
        last_used_at: to the minute; None for not yet.
        state: an `unreadable` record was changed by somebody, or is of a later release; it is worth
            nothing here, and nothing else of it is shown.
    """

    id: TokenId
    actor: Actor = Actor("")
    permissions: tuple[Permission, ...] = ()
    environments: tuple[str, ...] | None = ()
    endpoints: tuple[str, ...] | None = ()
    sources: tuple[str, ...] | None = ()
    created_at: Micros = 0
    expires_at: Micros | None = None
    last_used_at: Micros | None = None
    revoked_at: Micros | None = None
    state: TokenState = "unreadable"


@dataclass(frozen=True)
class CreatedToken:
    """A token that was just made.

    Args:
        token: the secret, which nothing stores; it does not show in a representation or a log.
    """

    token: str = field(repr=False)
    listing: TokenListing


class Tokens:
    """The tokens of a project, in one actor's name.

    Args:
        environment: what a token is for where nothing else is said.
    """

    def __init__(
        self,
        state: StateWriter,
        *,
        actor: Actor,
        project: ProjectName,
        environment: str,
        clock: Clock,
    ) -> None:
        self._state, self._actor, self._project, self._clock = state, actor, project, clock
        self._environment = environment

    def create(
        self,
        actor: str,
        permissions: Iterable[str],
        *,
        environments: Iterable[str] | None = None,
        all_environments: bool = False,
        endpoints: Iterable[str] | None = None,
        sources: Iterable[str] | None = None,
        lifetime: Micros | None = DEFAULT_LIFETIME,
    ) -> CreatedToken:
        """A new token for an actor; only its digest is stored.

        Args:
            actor: who will use it, such as `service:till`.
            environments: what it is for; default: the environment of this workspace.
            all_environments: whether it is for all, those of the future too.
            endpoints, sources: what it is limited to; None for all of them.
            lifetime: in microseconds; None for a token that never expires.

        Raises: NotAnActor ACC-030, ScopeInvalid ACC-033.
        """
        chosen = [self._environment] if environments is None else environments
        scope = TokenScope(
            _permissions(permissions),
            None if all_environments else _names(chosen, "environment"),
            _names(endpoints, "endpoint"),
            _names(sources, "source"),
        )
        made = self._made(parse_actor(actor), scope, _checked(lifetime))
        self._state.commit([made.change], [made.event])
        return made.created

    def list(self) -> list[TokenListing]:
        """All tokens, the oldest first, those that are expired or revoked too."""
        found = [self._listing(document) for document in self._state.iter_documents("token")]
        return sorted(found, key=lambda listing: (listing.created_at, listing.id))

    def find(self, token: str) -> TokenListing:
        """What the project knows of a token that somebody holds.  Raises: TokenNotFound ACC-032."""
        document = self._state.get("token", token_key(token))
        if document is None:
            raise TokenNotFound(what="this digest")
        return self._listing(document)

    def revoke(self, id: TokenId) -> TokenListing:
        """Revoke a token, effective at its next request; once more changes nothing.

        Raises: TokenNotFound ACC-032.
        """
        document, now = self._document(id), self._clock.now()
        record = read_usable(document)
        if record is None:
            change = Change("token", document.key, None, document.version)
        elif isinstance(record.revoked_at, msgspec.UnsetType):
            change = _ending(document, record, revoked_at=now)
        else:
            return self._listing(document)
        self._state.commit([change], [self._event("token.revoked", id, {})])
        return self._listing(document._replace(payload=change.payload or b""))

    def rotate(self, id: TokenId, *, overlap: Micros = 0) -> CreatedToken:
        """A new token of the same actor, scope and lifetime in the place of one, which is revoked.

        Args:
            overlap: how long the old one goes on, in microseconds; 0 revokes it now.

        Raises: TokenNotFound ACC-032; ScopeInvalid ACC-033 for one that is expired or revoked.
        """
        document, now = self._document(id), self._clock.now()
        record = read_usable(document)
        if record is None or not record.is_valid(now):
            raise ScopeInvalid(reason=f"{id} is expired or revoked, and has no successor")
        _checked(overlap or None)
        made = self._made(parse_actor(record.actor), record.scope, _lifetime(record))
        successor: dict[str, EventValue] = {"successor": made.created.listing.id}
        if overlap:
            change = _ending(document, record, expires_at=now + overlap)
            event = self._event("token.rotated", id, successor | {"expires_at": now + overlap})
        else:
            change = _ending(document, record, revoked_at=now)
            event = self._event("token.revoked", id, successor)
        self._state.commit([made.change, change], [made.event, event])
        return made.created

    def _made(self, owner: Actor, scope: TokenScope, lifetime: Micros | None) -> "_Made":
        drawn, now = new_token(), self._clock.now()
        record = TokenRecord(
            record_format=2,
            id=id_of(drawn.key),
            actor=owner,
            permissions=scope.permissions,
            created_at=now,
            environments=_or_unset(scope.environments),
            endpoints=_or_unset(scope.endpoints),
            sources=_or_unset(scope.sources),
            expires_at=msgspec.UNSET if lifetime is None else now + lifetime,
        )
        document = Document(drawn.key, 1, render_stored(record))
        listing = self._listing(document)
        return _Made(
            CreatedToken(drawn.token, listing),
            Change("token", drawn.key, document.payload, 0),
            self._event("token.created", listing.id, _facts(listing)),
        )

    def _document(self, id: TokenId) -> Document:
        if _ID.fullmatch(id):
            for document in self._state.iter_documents("token", _KEY_PREFIX + id):
                return document
            raise TokenNotFound(what=f"the id {id}")
        # Not repeated: it may be a token, and errors end in logs.
        raise TokenNotFound(what="an id that is no twelve hexadecimal digits")

    def _event(self, kind: str, id: TokenId, facts: dict[str, EventValue]) -> Event:
        return Event(
            kind=kind,
            project=self._project,
            actor=self._actor,
            at=self._clock.now(),
            subject=id,
            facts=facts,
        )

    def _listing(self, document: Document) -> TokenListing:
        record = read_usable(document)
        if record is None:
            return TokenListing(id=id_of(document.key))
        used = self._state.get("token_use", document.key)
        return TokenListing(
            id=id_of(document.key),
            actor=record.actor,
            permissions=record.permissions,
            environments=record.scope.environments,
            endpoints=record.scope.endpoints,
            sources=record.scope.sources,
            created_at=record.created_at,
            expires_at=_or_none(record.expires_at),
            last_used_at=parse_document(used, TokenUse).last_used_at if used else None,
            revoked_at=_or_none(record.revoked_at),
            state=_state_of(record, self._clock.now()),
        )


class _Made(NamedTuple):
    """A new token, and what records it."""

    created: CreatedToken
    change: Change
    event: Event


def _ending(
    document: Document,
    record: TokenRecord,
    *,
    expires_at: Micros | msgspec.UnsetType = msgspec.UNSET,
    revoked_at: Micros | msgspec.UnsetType = msgspec.UNSET,
) -> Change:
    """The record with an earlier end."""
    ends = [end for end in (record.expires_at, expires_at) if isinstance(end, int)]
    ended = msgspec.structs.replace(
        record,
        record_format=2,
        expires_at=min(ends) if ends else msgspec.UNSET,
        revoked_at=revoked_at,
    )
    return Change("token", document.key, render_stored(ended), document.version)


def _state_of(record: TokenRecord, at: Micros) -> TokenState:
    if isinstance(record.revoked_at, int):
        return "revoked"
    return "valid" if record.is_valid(at) else "expired"


def _lifetime(record: TokenRecord) -> Micros | None:
    """How long a successor is valid; one of a token of release 0.1, which had no end, has one."""
    if record.format_number == 1:
        return DEFAULT_LIFETIME
    return record.expires_at - record.created_at if isinstance(record.expires_at, int) else None


def _facts(listing: TokenListing) -> dict[str, EventValue]:
    """What the journal says of a new token; None stands for all, and for never."""
    return {
        "owner": listing.actor,
        "permissions": list(listing.permissions),
        "environments": _list_or_none(listing.environments),
        "endpoints": _list_or_none(listing.endpoints),
        "sources": _list_or_none(listing.sources),
        "expires_at": listing.expires_at,
    }


def _permissions(given: Iterable[str]) -> tuple[Permission, ...]:
    wanted = set(given)
    unknown = sorted(wanted.difference(PERMISSIONS))
    if unknown:
        raise ScopeInvalid(
            reason=f"{shown_briefly(unknown[0])} is no permission; there are "
            f"{', '.join(PERMISSIONS)}"
        )
    if not wanted:
        raise ScopeInvalid(reason="it has no permission")
    return tuple(permission for permission in PERMISSIONS if permission in wanted)


def _names(given: Iterable[str] | None, kind: str) -> tuple[str, ...] | None:
    """Names in order; what is limited to nothing is refused, as a mistake."""
    if given is None:
        return None
    names = sorted(set(given))
    odd = [name for name in names if not _NAME.fullmatch(name)]
    if odd or not names:
        reason = f"{shown_briefly(odd[0])} names no {kind}" if odd else f"no {kind} is named"
        raise ScopeInvalid(reason=reason)
    return tuple(names)


def _checked(lifetime: Micros | None) -> Micros | None:
    if lifetime is not None and not 0 < lifetime <= _LONGEST_LIFETIME:
        raise ScopeInvalid(reason="a token expires within ten years, or never")
    return lifetime


def _or_unset(names: tuple[str, ...] | None) -> tuple[str, ...] | msgspec.UnsetType:
    return msgspec.UNSET if names is None else names


def _or_none(at: Micros | msgspec.UnsetType) -> Micros | None:
    return None if isinstance(at, msgspec.UnsetType) else at


def _list_or_none(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)
