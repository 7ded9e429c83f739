"""Objects in a bucket, named by their digest: `ab/cd/abcd…`, as on files, so that a copy of the one
is the other.

An object is there whole or not at all, because S3 shows a write when it has all of it; and since
the name says what the bytes are, writers cannot disagree.
"""

from collections.abc import Iterator
from contextlib import suppress

import obstore

from mainspring.elements.identity import Digest, digest_of
from mainspring.engines.s3.bucket import S3Location, translate_s3_errors
from mainspring.ports.errors import ObjectDamaged, ObjectMissing

__all__ = ["S3Objects"]

_PREFIX = "sha256:"


class S3Objects:
    """Objects in a bucket; any number of processes anywhere may write to it at once."""

    def __init__(self, bucket: S3Location) -> None:
        self._name = f"the object store in {bucket.url}"
        self._store = bucket.open()

    def read(self, digest: Digest) -> bytes:
        """The bytes of this digest, checked: ENG-002 when absent, ENG-003 when they are not what
        was written.
        """
        with translate_s3_errors(self._name, "read"):
            try:
                payload = bytes(obstore.get(self._store, _path_of(digest)).bytes())
            except FileNotFoundError as error:
                raise ObjectMissing(digest=digest) from error
        found = digest_of(payload)
        if found != digest:
            raise ObjectDamaged(digest=digest, found=found)
        return payload

    def exists(self, digest: Digest) -> bool:
        """Whether an object of this name is stored; its bytes are not checked."""
        with translate_s3_errors(self._name, "look"):
            try:
                obstore.head(self._store, _path_of(digest))
            except FileNotFoundError:
                return False
        return True

    def iter_digests(self) -> Iterator[Digest]:
        """All names, in no order."""
        with translate_s3_errors(self._name, "list"):
            for page in obstore.list(self._store):
                names = (meta["path"].split("/") for meta in page)
                yield from (
                    Digest(_PREFIX + parts[-1])
                    for parts in names
                    if len(parts) == 3 and parts[-1].startswith("".join(parts[:2]))
                )

    def write(self, payload: bytes) -> Digest:
        """Store the bytes and return their name.  Cost: one request, and the bytes travel also when
        they are stored already.
        """
        digest = digest_of(payload)
        with translate_s3_errors(self._name, "write"):
            obstore.put(self._store, _path_of(digest), payload)
        return digest

    def remove(self, digest: Digest) -> None:
        """Forget an object; removing an absent one is no error."""
        with translate_s3_errors(self._name, "remove"), suppress(FileNotFoundError):
            obstore.delete(self._store, _path_of(digest))


def _path_of(digest: Digest) -> str:
    name = digest.removeprefix(_PREFIX)
    return f"{name[:2]}/{name[2:4]}/{name}"
