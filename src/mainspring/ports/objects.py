"""Immutable bytes under the digest of their content."""

from collections.abc import Iterator
from typing import Protocol

from mainspring.elements.identity import Digest

__all__ = ["ObjectReader", "ObjectWriter"]


class ObjectReader(Protocol):
    """Reads artifacts.

    Guarantees: what `read` returns has the digest asked for; it checks on every read.
    Errors: ENG-002 when absent, ENG-003 when the stored bytes have another digest.
    """

    def read(self, digest: Digest) -> bytes:
        """The bytes of this digest."""
        ...

    def exists(self, digest: Digest) -> bool:
        """Whether an object of this name is stored; its bytes are not checked."""
        ...

    def iter_digests(self) -> Iterator[Digest]:
        """All names, in no order."""
        ...


class ObjectWriter(ObjectReader, Protocol):
    """Writes artifacts.

    Guarantees: durable when `write` returns; killed at any instant it leaves the whole object or
        none; writing twice is writing once.
    """

    def write(self, payload: bytes) -> Digest:
        """Store the bytes and return their name."""
        ...

    def remove(self, digest: Digest) -> None:
        """Forget an object; removing an absent one is no error.  Whoever calls it knows that
        nothing names the object.
        """
        ...
