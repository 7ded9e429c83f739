"""Ed25519 keys in files: one key for each role, in a private folder, outside the state database.

A key that others could read proves nothing, so such a file is refused rather than repaired.
"""

import base64
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from mainspring.engines.local.private import (
    make_private_folders,
    read_secret,
    require_private,
    write_secret,
)
from mainspring.ports.errors import FileRefused, FolderShared, KeyUnusable
from mainspring.ports.signer import PublicKey, Signature

__all__ = ["Ed25519Verifier", "FileSigner"]

_PREFIX = "ed25519:"


class FileSigner:
    """Signs with one private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def load_or_create(cls, path: Path) -> "FileSigner":
        """The key in this file (PKCS #8, PEM), made when there is none.

        Raises: KeyUnusable ENG-008 when it is no such key, or when others can read it or replace
            it.
        """
        try:
            make_private_folders(path.parent)
            require_private(path.parent)
            # A link is never followed to a place where a key would be made.
            if not path.is_symlink() and not path.exists():
                _create(path)
        except FolderShared as error:
            raise KeyUnusable(path=str(path), reason=error.reason) from error
        except OSError as error:
            raise KeyUnusable(path=str(path), reason=str(error)) from error
        return cls(_load(path))

    @classmethod
    def in_memory(cls) -> "FileSigner":
        """A fresh key that is never written down."""
        return cls(Ed25519PrivateKey.generate())

    @property
    def public_key(self) -> PublicKey:
        """The key that others check with."""
        return PublicKey(
            _PREFIX + base64.b64encode(self._key.public_key().public_bytes_raw()).decode()
        )

    def sign(self, message: bytes) -> Signature:
        """Sign the message."""
        return Signature(self.public_key, self._key.sign(message))


class Ed25519Verifier:
    """Checks Ed25519 signatures."""

    def is_valid(self, message: bytes, signature: Signature, trusted: Sequence[PublicKey]) -> bool:
        """Whether the signature is right and made by one of the trusted keys; a key or signature
        that cannot be read is not.
        """
        if signature.public_key not in trusted or not signature.public_key.startswith(_PREFIX):
            return False
        try:
            key = Ed25519PublicKey.from_public_bytes(
                base64.b64decode(signature.public_key.removeprefix(_PREFIX), validate=True)
            )
            key.verify(signature.value, message)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            return False
        return True


def _create(path: Path) -> None:
    """Write a fresh key to its place: of two processes that start at once, one makes the key and
    both use it.
    """
    payload = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    with suppress(FileExistsError):
        write_secret(path, payload)


def _load(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(read_secret(path), password=None)
    except FileRefused as error:
        raise KeyUnusable(path=str(path), reason=error.reason) from error
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnusable(path=str(path), reason=str(error)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(path=str(path), reason="it is a key of another kind")
    return key
