"""The port of the object store: immutable bytes under the digest of their content."""

from collections.abc import Iterator
from typing import Protocol

from mainspring.elements.identity import Digest

__all__ = ["ObjectReader", "ObjectWriter"]


class ObjectReader(Protocol):
    """Reads artifacts.

    Guarantees: what `read` returns has the given digest; every read checks it.
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
        none; writing the same bytes again changes nothing.
    """

    def write(self, payload: bytes) -> Digest:
        """Store the bytes and return their name."""
        ...

    def remove(self, digest: Digest) -> None:
        """Remove an object; removing an absent one is no error.  The caller has made sure that
        nothing refers to it.
        """
        ...
