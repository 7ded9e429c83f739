"""Ed25519 keys in files: one key for each role, in a private folder, outside the state database.

A key that others could read proves nothing, so such a file is refused rather than repaired.
"""

import base64
import os
import stat
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

from mainspring.elements.plain_file import open_plain
from mainspring.ports.errors import KeyUnusable
from mainspring.ports.signer import PublicKey, Signature

__all__ = ["Ed25519Verifier", "FileSigner"]

_PREFIX = "ed25519:"
_LONGEST_KEY_BYTES = 1 << 16
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


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
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A link is never followed to a place where a key would be made.
            if not path.exists() and not path.is_symlink():
                _create(path)
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
    """Write a fresh key beside its place and link it there: of two processes that start at once,
    one makes the key and both use it.
    """
    payload = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(unfinished, path)
    unfinished.unlink()


def _load(path: Path) -> Ed25519PrivateKey:
    try:
        with open_plain(path) as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            payload = file.read(_LONGEST_KEY_BYTES)
        if mode & _OTHERS:
            raise KeyUnusable(
                path=str(path),
                reason=f"its mode is {mode:04o}, so others than its owner can use it",
            )
        if path.parent.stat().st_mode & _OTHERS_WRITE:
            raise KeyUnusable(
                path=str(path),
                reason=f"others than its owner can write to {path.parent}, and so replace it",
            )
        key = load_pem_private_key(payload, password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnusable(path=str(path), reason=str(error)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(path=str(path), reason="it is a key of another kind")
    return key
