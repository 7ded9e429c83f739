"""Identity by content: whatever Mainspring makes is named by the digest of its canonical bytes.

SHA-256 rather than a faster hash, because OCI, in-toto and SLSA name artifacts by it and a digest
here can be checked with `sha256sum`.
"""

import hashlib
from typing import NewType

import msgspec

from mainspring.elements.plain_json import encode_json

__all__ = ["Digest", "canonical_json", "digest_of", "digest_of_value", "short"]

Digest = NewType("Digest", str)
"""`sha256:` and 64 hexadecimal digits."""

_ENCODER = msgspec.json.Encoder(order="sorted")


def digest_of(payload: bytes) -> Digest:
    """The digest of these bytes.

    >>> digest_of(b"")[:19]
    'sha256:e3b0c44298fc'
    """
    return Digest("sha256:" + hashlib.sha256(payload).hexdigest())


def canonical_json(value: object) -> bytes:
    """JSON with sorted keys and no white space: equal values give equal bytes.  Numbers that JSON
    lacks are text.

    >>> canonical_json({"b": 1, "a": [1.5, None]})
    b'{"a":[1.5,null],"b":1}'
    """
    return encode_json(value, encoder=_ENCODER)


def digest_of_value(value: object) -> Digest:
    """The digest of the canonical JSON of a value."""
    return digest_of(canonical_json(value))


def short(digest: str) -> str:
    """Twelve digits for people: enough to tell builds apart, never used as a key.

    >>> short("sha256:e3b0c44298fc1c149afb")
    'e3b0c44298fc'
    """
    return digest.removeprefix("sha256:")[:12]
