"""What every online store keeps."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from mainspring.ports.errors import StaleWrite
from mainspring.ports.online import KeySpan, OnlineWriter, Position, RowKey

__all__ = ["OnlineContract"]

FIRST, SECOND = Position((("source:flights", 3),), 30), Position((("source:flights", 5),), 50)


class OnlineContract:
    """Override `online` with an empty store."""

    @pytest.fixture
    def online(self) -> OnlineWriter:
        """An empty store."""
        raise NotImplementedError

    def test_an_absent_shard_has_no_position_and_no_rows(self, online: OnlineWriter) -> None:
        """Nothing is no error."""
        assert online.read("s", [KeySpan(b"k", 0, 9)]) == (None, [[]])
        assert online.shards() == {}

    def test_a_span_gives_its_rows_in_order_of_bucket(self, online: OnlineWriter) -> None:
        """Both ends belong to a span; negative buckets sort before positive ones."""
        rows = {RowKey(b"k", bucket): bytes([bucket + 9]) for bucket in (7, -1, 3, 5, 8)}
        online.commit("s", {**rows, RowKey(b"other", 5): b"x"}, expected=None, position=FIRST)
        assert online.read("s", [KeySpan(b"k", 3, 7), KeySpan(b"k", -5, 3), KeySpan(b"none", 0, 9)]) == (
            FIRST,
            [[bytes([12]), bytes([14]), bytes([16])], [bytes([8]), bytes([12])], []],
        )

    def test_a_commit_replaces_and_removes_rows(self, online: OnlineWriter) -> None:
        """None removes."""
        online.commit("s", {RowKey(b"k", 1): b"a", RowKey(b"k", 2): b"b"}, expected=None, position=FIRST)
        online.commit("s", {RowKey(b"k", 1): None, RowKey(b"k", 2): b"c"}, expected=FIRST, position=SECOND)
        assert online.read("s", [KeySpan(b"k", 0, 9)]) == (SECOND, [[b"c"]])

    def test_a_commit_from_an_old_position_changes_nothing(self, online: OnlineWriter) -> None:
        """ENG-004."""
        online.commit("s", {RowKey(b"k", 1): b"a"}, expected=None, position=FIRST)
        with pytest.raises(StaleWrite):
            online.commit("s", {RowKey(b"k", 1): b"z"}, expected=None, position=SECOND)
        assert online.read("s", [KeySpan(b"k", 1, 1)]) == (FIRST, [[b"a"]])

    def test_a_dropped_shard_is_gone_and_its_neighbour_is_not(self, online: OnlineWriter) -> None:
        """Dropping twice is dropping once."""
        for shard in ("s", "t"):
            online.commit(shard, {RowKey(b"k", 1): shard.encode()}, expected=None, position=FIRST)
        online.drop("s")
        online.drop("s")
        assert (online.shards(), online.read("s", [KeySpan(b"k", 1, 1)])[1]) == ({"t": FIRST}, [[]])
        assert online.read("t", [KeySpan(b"k", 1, 1)]) == (FIRST, [[b"t"]])

    def test_keys_are_bytes_without_exception(self, online: OnlineWriter) -> None:
        """The key of no entity is empty; zeros and high bytes are as good as others."""
        keys = [b"", b"\x00", b"\x00\x00", b"\xff" * 9]
        online.commit("s", {RowKey(key, 0): key + b"!" for key in keys}, expected=None, position=FIRST)
        assert online.read("s", [KeySpan(key, 0, 0) for key in keys])[1] == [[key + b"!"] for key in keys]

    def test_a_reader_never_sees_half_a_commit(self, online: OnlineWriter) -> None:
        """Rows and position of one read belong together, while another thread folds."""
        online.commit("s", {RowKey(b"k", 0): b"0"}, expected=None, position=Position((), 0))

        def fold() -> None:
            for number in range(200):
                row = {RowKey(b"k", 0): str(number + 1).encode()}
                online.commit("s", row, expected=Position((), number), position=Position((), number + 1))

        with ThreadPoolExecutor(1) as pool:
            folding = pool.submit(fold)
            while not folding.done():
                position, [[row]] = online.read("s", [KeySpan(b"k", 0, 0)])
                assert position == Position((), int(row))
            folding.result()
