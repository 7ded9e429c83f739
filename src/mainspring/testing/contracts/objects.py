"""The guarantees of every object store."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from mainspring.elements.identity import digest_of
from mainspring.ports.errors import ObjectMissing
from mainspring.ports.objects import ObjectWriter

__all__ = ["ObjectsContract"]


class ObjectsContract:
    """Override `objects` with an empty store."""

    @pytest.fixture
    def objects(self) -> ObjectWriter:
        """An empty store."""
        raise NotImplementedError

    def test_an_object_is_read_back_under_the_digest_of_its_bytes(
        self, objects: ObjectWriter
    ) -> None:
        """Names are content."""
        digest = objects.write(b"payload")
        assert (digest, objects.read(digest)) == (digest_of(b"payload"), b"payload")

    def test_writing_twice_is_writing_once(self, objects: ObjectWriter) -> None:
        """Idempotence."""
        assert objects.write(b"same") == objects.write(b"same")
        assert list(objects.iter_digests()) == [digest_of(b"same")]

    def test_an_absent_object_is_named_in_the_error(self, objects: ObjectWriter) -> None:
        """ENG-002."""
        absent = digest_of(b"never written")
        assert not objects.exists(absent)
        with pytest.raises(ObjectMissing, match=absent):
            objects.read(absent)

    def test_an_empty_object_is_an_object(self, objects: ObjectWriter) -> None:
        """No special case for nothing."""
        assert objects.read(objects.write(b"")) == b""

    def test_every_name_is_listed_once(self, objects: ObjectWriter) -> None:
        """Listing."""
        written = {objects.write(bytes([number])) for number in range(20)}
        listed = list(objects.iter_digests())
        assert (len(listed), set(listed)) == (20, written)
        assert all(map(objects.exists, written))

    def test_a_removed_object_is_absent_and_its_neighbours_are_not(
        self, objects: ObjectWriter
    ) -> None:
        """Removing twice is removing once, and what is written again is there again."""
        gone, kept = objects.write(b"gone"), objects.write(b"kept")
        objects.remove(gone)
        objects.remove(gone)
        assert (objects.exists(gone), objects.read(kept), list(objects.iter_digests())) == (
            False,
            b"kept",
            [kept],
        )
        assert objects.read(objects.write(b"gone")) == b"gone"

    def test_threads_may_write_the_same_object_at_once(self, objects: ObjectWriter) -> None:
        """Concurrent writers of one content."""
        payload = bytes(100_000)
        with ThreadPoolExecutor(8) as pool:
            digests = set(pool.map(lambda _: objects.write(payload), range(32)))
        assert [objects.read(digest) for digest in digests] == [payload]
