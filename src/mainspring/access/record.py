"""The stored records of a token: what it is for, and when it was last used.

A token is 256 random bits.  It is filed under the SHA-256 digest of itself, and the digest is all
that is stored: whoever reads the database cannot call with it, and how long a lookup by digest
takes says nothing of a secret.  The first digits of the digest are the token's id, which is shown
and named; it is no secret.
"""

import re
import secrets
from typing import NamedTuple

import msgspec

from mainspring.access.scope import Permission, TokenScope
from mainspring.elements.actor import is_recorded_actor, parse_actor
from mainspring.elements.errors import NewerFormat, NotAnActor, RecordUnreadable
from mainspring.elements.events import Actor
from mainspring.elements.identity import Digest, digest_of
from mainspring.elements.stored import FiledPayload, StoredRecord, parse_document
from mainspring.elements.time import Micros

__all__ = [
    "TokenId",
    "TokenRecord",
    "TokenUse",
    "has_form_of_token",
    "id_of",
    "new_token",
    "read_usable",
    "token_key",
]

TokenId = str
"""Twelve hexadecimal digits."""

_PREFIX = "msp_"
_SECRET_BYTES = 32
_FORM = re.compile(r"[A-Za-z0-9_-]{1,200}")
_ID = slice(len("sha256:"), len("sha256:") + 12)

_Names = tuple[str, ...] | msgspec.UnsetType


class TokenRecord(StoredRecord, frozen=True, kw_only=True):
    """The stored record of a token; the token itself is shown once and never stored.

    Args:
        id: which token it is of; unset in what release 0.1 wrote.
        environments, endpoints, sources: what it is for; unset for all.  Release 0.1 limited tokens
            to none of them, so its tokens are for all.
        expires_at: from then on it is worth nothing; unset for never, as in release 0.1.
        revoked_at: since then it is worth nothing.
    """

    title = "a token"
    document = "token"
    newest_format = 2

    actor: Actor
    permissions: tuple[Permission, ...]
    created_at: Micros
    environments: _Names = msgspec.UNSET
    endpoints: _Names = msgspec.UNSET
    sources: _Names = msgspec.UNSET
    expires_at: Micros | msgspec.UnsetType = msgspec.UNSET
    revoked_at: Micros | msgspec.UnsetType = msgspec.UNSET
    id: TokenId | msgspec.UnsetType = msgspec.UNSET

    def is_filed_under(self, key: str) -> bool:
        """Whether the key is that of its token."""
        return isinstance(self.id, msgspec.UnsetType) or self.id == id_of(key)

    @property
    def scope(self) -> TokenScope:
        """What it is for."""
        return TokenScope(
            self.permissions,
            _or_all(self.environments),
            _or_all(self.endpoints),
            _or_all(self.sources),
        )

    def is_valid(self, at: Micros) -> bool:
        """Whether it is worth something then: neither expired nor revoked."""
        if not isinstance(self.revoked_at, msgspec.UnsetType):
            return False
        return isinstance(self.expires_at, msgspec.UnsetType) or at < self.expires_at


class TokenUse(StoredRecord, frozen=True, kw_only=True):
    """When a token was last used, to the minute.

    Apart from the token's record, so that noting a use can never undo a revocation.
    """

    title = "the last use of a token"
    document = "token_use"

    last_used_at: Micros


class NewToken(NamedTuple):
    """A token that was just drawn, and the key that its record is filed under."""

    token: str
    key: Digest


def new_token() -> NewToken:
    """A token that nobody knows yet: 256 random bits as text."""
    token = _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
    return NewToken(token, token_key(token))


def has_form_of_token(text: str) -> bool:
    """Whether a text could be a token, by its letters and length."""
    return _FORM.fullmatch(text) is not None


def token_key(token: str) -> Digest:
    """What the record of a token is filed under: the digest of the token."""
    return digest_of(token.encode())


def id_of(key: str) -> TokenId:
    """The id of the token that is filed under a key."""
    return key[_ID]


def read_usable(document: FiledPayload) -> TokenRecord | None:
    """The record, or None where nobody may act by it: it is no such record, that of another
    token, one of a later release, or the actor in it has no name.
    """
    try:
        record = parse_document(document, TokenRecord)
        if record.format_number > 1:
            parse_actor(record.actor)
        return record if is_recorded_actor(record.actor) else None
    except (RecordUnreadable, NewerFormat, NotAnActor):
        return None


def _or_all(names: _Names) -> tuple[str, ...] | None:
    return None if isinstance(names, msgspec.UnsetType) else names
