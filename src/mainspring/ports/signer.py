"""The port of signatures.  Private keys are behind this port, never in the state database."""

from collections.abc import Sequence
from typing import NamedTuple, NewType, Protocol

__all__ = ["PublicKey", "Signature", "Signer", "Verifier"]

PublicKey = NewType("PublicKey", str)
"""`ed25519:` and the base64 of 32 bytes, as written in `project.toml`."""


class Signature(NamedTuple):
    """A signature and the public key to verify it with."""

    public_key: PublicKey
    value: bytes


class Signer(Protocol):
    """Signs for one role, such as `tester` or `approver`."""

    @property
    def public_key(self) -> PublicKey:
        """The public key to verify its signatures with."""
        ...

    def sign(self, message: bytes) -> Signature:
        """Sign the message.  Errors: ENG-008 when the key cannot be used."""
        ...


class Verifier(Protocol):
    """Checks signatures; needs no secret."""

    def is_valid(self, message: bytes, signature: Signature, trusted: Sequence[PublicKey]) -> bool:
        """Whether the signature is valid and made by one of the trusted keys."""
        ...
