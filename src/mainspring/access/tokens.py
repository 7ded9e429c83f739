"""Tokens, stored as digests, each with an actor and its permissions; everything else is denied."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Literal as OneOf
from typing import get_args

from mainspring.access.errors import NotPermitted, TokenMissing, TokenUnknown
from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.identity import digest_of
from mainspring.elements.plain_file import fault_of_file, read_plain
from mainspring.elements.stored import StoredRecord, parse_stored, render_stored
from mainspring.elements.time import Micros
from mainspring.ports.clock import Clock
from mainspring.ports.errors import FileRefused
from mainspring.ports.state import Change, StateReader, StateWriter

__all__ = [
    "PERMISSIONS",
    "Permission",
    "TokenRecord",
    "Tokens",
    "authorise",
    "bearer_token",
    "create_token",
    "load_or_create_token",
    "revoke_token",
]

Permission = OneOf["predict", "ingest", "read", "operate"]
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
_PREFIX = "msp_"


class TokenRecord(StoredRecord, frozen=True, kw_only=True):
    """The stored record of a token; the token itself is shown once and never stored."""

    title = "a token"
    document = "token"

    actor: Actor
    permissions: tuple[Permission, ...]
    created_at: Micros


def create_token(
    state: StateWriter,
    *,
    owner: Actor,
    permissions: Sequence[Permission],
    project: ProjectName,
    actor: Actor,
    at: Micros,
) -> str:
    """A new token for its owner, made by the actor; only its digest is stored."""
    token = _PREFIX + secrets.token_urlsafe(32)
    record = TokenRecord(actor=owner, permissions=tuple(permissions), created_at=at)
    event = Event(
        kind="token.created",
        project=project,
        actor=actor,
        at=at,
        subject=_key(token)[7:19],
        facts={"owner": owner, "permissions": list(permissions)},
    )
    state.commit([Change("token", _key(token), render_stored(record), 0)], [event])
    return token


def revoke_token(
    state: StateWriter, token: str, *, actor: Actor, project: ProjectName, at: Micros
) -> None:
    """Revoke a token; the next request with it is refused."""
    event = Event(
        kind="token.revoked", project=project, actor=actor, at=at, subject=_key(token)[7:19]
    )
    state.commit([Change("token", _key(token), None)], [event])


def authorise(state: StateReader, header: str | None, permission: str) -> Actor:
    """The actor of an Authorization header, if they have the permission.

    Raises: TokenMissing ACC-001 without a token, TokenUnknown ACC-002 for an unknown one,
        NotPermitted ACC-003 without the permission.
    """
    document = state.get("token", _key(bearer_token(header)))
    if document is None:
        raise TokenUnknown
    record = parse_stored(document.payload, TokenRecord)
    if permission not in record.permissions:
        raise NotPermitted(actor=record.actor, permission=permission)
    return record.actor


def bearer_token(header: str | None) -> str:
    """The token in an Authorization header.  Raises: TokenMissing ACC-001."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissing
    return token.strip()


def load_or_create_token(
    path: Path, state: StateWriter, *, actor: Actor, project: ProjectName, at: Micros
) -> str:
    """The workspace owner's token, in a file that only they can read, so that printed commands can
    use it.
    """
    token = _token_in(path)
    if token and state.get("token", _key(token)) is not None:
        return token
    token = create_token(
        state, owner=actor, actor=actor, permissions=PERMISSIONS, project=project, at=at
    )
    _write_private(path, token)
    return token


def _write_private(path: Path, token: str) -> None:
    """Write the token to a file of its owner alone, under a name that nobody can foresee first, so
    that no link is followed.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(fresh, flags, 0o600), "w") as file:
        file.write(token + "\n")
    fresh.replace(path)


class Tokens:
    """The tokens of a project."""

    def __init__(
        self, state: StateWriter, *, actor: Actor, project: ProjectName, clock: Clock
    ) -> None:
        self._state, self._actor, self._project, self._clock = state, actor, project, clock

    def create(self, actor: str, permissions: Sequence[str]) -> str:
        """A new token for an actor; shown once."""
        granted = [permission for permission in PERMISSIONS if permission in permissions]
        return create_token(
            self._state,
            owner=Actor(actor),
            actor=self._actor,
            permissions=granted,
            project=self._project,
            at=self._clock.now(),
        )

    def list(self) -> list[TokenRecord]:
        """All tokens, the oldest first."""
        found = [
            parse_stored(document.payload, TokenRecord)
            for document in self._state.iter_documents("token")
        ]
        return sorted(found, key=lambda record: (record.created_at, record.actor))

    def revoke(self, token: str) -> None:
        """Revoke a token, effective at once.  Raises: TokenUnknown ACC-002 for one that is not
        known.
        """
        if self._state.get("token", _key(token)) is None:
            raise TokenUnknown
        revoke_token(
            self._state, token, actor=self._actor, project=self._project, at=self._clock.now()
        )


def _token_in(path: Path) -> str:
    """The token in a file; empty where there is none.  Raises: FileRefused ENG-031."""
    if fault := fault_of_file(path):
        raise FileRefused(file=str(path), reason=fault)
    try:
        return read_plain(path, most=4_096).decode(errors="replace").strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise FileRefused(file=str(path), reason=str(error)) from error


def _key(token: str) -> str:
    return digest_of(token.encode())
