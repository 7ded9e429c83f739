"""The guarantees of every online store."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise

import pytest

from mainspring.ports.errors import StaleWrite, StoreFailed
from mainspring.ports.online import KEY_LIMIT_BYTES, OnlineWriter, Position, ShardCommit

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
        assert online.read("s", [b"k", b"l"]) == (None, [None, None])
        assert (online.shards(), list(online.iter_rows("s"))) == ({}, [])

    def test_rows_come_in_the_order_that_they_were_asked_for(self, online: OnlineWriter) -> None:
        """An absent one is None; who asks twice is answered twice."""
        online.commit("s", {b"a": b"1", b"b": b"2", b"c": b""}, expected=None, position=FIRST)
        assert online.read("s", [b"c", b"none", b"a", b"b", b"a"]) == (
            FIRST,
            [b"", None, b"1", b"2", b"1"],
        )

    def test_rows_are_read_into_memory_one_behind_the_other(self, online: OnlineWriter) -> None:
        """Also those that nobody has, and the same one twice."""
        assert _read_into(online, [b"k", b"l"]) == (None, [b"", b""])
        rows, appended = {b"a": b"1", b"b": b"222", b"c": b""}, {b"d": b"4", b"e": b"55"}
        online.commit("s", rows, expected=None, position=FIRST, appended=appended)
        asked = [b"c", b"b", b"none", b"e", b"b", b"d"]
        expected = [b"", b"222", b"", b"55", b"222", b"4"]
        assert _read_into(online, asked) == (FIRST, expected)
        assert _read_into(online, []) == (FIRST, [])

    def test_who_has_too_little_memory_hears_how_much_there_is(self, online: OnlineWriter) -> None:
        """And what they have is not written past."""
        rows = {b"a": b"1" * 10, b"b": b"2" * 10}
        online.commit("s", rows, expected=None, position=FIRST, appended={b"c": b"3" * 5})
        memory = bytearray(20)
        for size in (0, 5, 15):
            found = online.read_into("s", [b"a", b"b", b"c"], memoryview(memory)[:size])
            assert found == (FIRST, [10, 10, 5])
            assert memory[size:] == bytearray(20 - size)

    def test_a_position_is_read_without_any_row(self, online: OnlineWriter) -> None:
        """Offsets as large as a log can have, and times before 1970."""
        position = Position((("source:a", 2**62), ("source:ü", 0)), -(2**62))
        online.commit("s", {}, expected=None, position=position)
        assert (online.read("s", []), online.shards()) == ((position, []), {"s": position})

    def test_a_commit_replaces_and_removes_rows(self, online: OnlineWriter) -> None:
        """None removes, and removing what is absent is no error."""
        online.commit("s", {b"a": b"1", b"b": b"2"}, expected=None, position=FIRST)
        online.commit("s", {b"a": None, b"b": b"3", b"none": None}, expected=FIRST, position=SECOND)
        assert online.read("s", [b"a", b"b", b"none"]) == (SECOND, [None, b"3", None])

    def test_what_is_appended_stands_behind_its_row(self, online: OnlineWriter) -> None:
        """In the order of the commits, and by itself where there is no row."""
        online.commit("s", {b"a": b"1", b"b": b"2"}, expected=None, position=FIRST)
        online.commit("s", {}, expected=FIRST, position=FIRST, appended={b"a": b"x", b"new": b"n"})
        online.commit("s", {b"c": b"3"}, expected=FIRST, position=SECOND, appended={b"a": b"yz"})
        assert online.read("s", [b"a", b"b", b"new", b"c", b"none"]) == (
            SECOND,
            [b"1xyz", b"2", b"n", b"3", None],
        )
        assert list(online.iter_rows("s")) == [
            (b"a", b"1xyz"),
            (b"b", b"2"),
            (b"c", b"3"),
            (b"new", b"n"),
        ]
        assert online.appended("s") == {b"a": 3, b"new": 1}

    def test_a_row_that_is_put_or_removed_loses_what_was_appended(
        self, online: OnlineWriter
    ) -> None:
        """And what is appended to it afterwards counts again."""
        online.commit(
            "s",
            {b"a": b"1", b"b": b"2"},
            expected=None,
            position=FIRST,
            appended={b"c": b"z", b"d": b"4"},
        )
        online.commit("s", {}, expected=FIRST, position=FIRST, appended={b"a": b"x", b"b": b"y"})
        online.commit("s", {b"a": b"9", b"b": None, b"c": None}, expected=FIRST, position=SECOND)
        assert online.read("s", [b"a", b"b", b"c", b"d"])[1] == [b"9", None, None, b"4"]
        assert online.appended("s") == {b"d": 1}
        online.commit("s", {}, expected=SECOND, position=SECOND, appended={b"a": b"!", b"b": b"?"})
        assert online.read("s", [b"a", b"b", b"c", b"d"])[1] == [b"9!", b"?", None, b"4"]
        assert online.appended("s") == {b"a": 1, b"b": 1, b"d": 1}

    def test_a_refused_commit_appends_nothing(self, online: OnlineWriter) -> None:
        """ENG-004, or a key that is too long."""
        online.commit("s", {}, expected=None, position=FIRST, appended={b"a": b"1"})
        with pytest.raises(StaleWrite):
            online.commit("s", {}, expected=SECOND, position=SECOND, appended={b"a": b"2"})
        with pytest.raises(StoreFailed, match="401 bytes"):
            online.commit(
                "s",
                {},
                expected=FIRST,
                position=SECOND,
                appended={b"a": b"2", b"k" * (KEY_LIMIT_BYTES + 1): b"3"},
            )
        assert online.read("s", [b"a"]) == (FIRST, [b"1"])

    def test_a_shard_made_again_has_nothing_appended(self, online: OnlineWriter) -> None:
        """Neither has one that never was."""
        online.commit("s", {}, expected=None, position=FIRST, appended={b"a": b"1"})
        online.drop("s")
        assert online.appended("s") == {}
        online.commit("s", {b"b": b"2"}, expected=None, position=FIRST)
        assert (online.appended("s"), online.read("s", [b"a"])[1]) == ({}, [None])
        assert online.appended("never") == {}

    def test_many_commits_append_and_put_in_turns(self, online: OnlineWriter) -> None:
        """As a model of a dictionary says."""
        keys = [bytes([number]) for number in range(12)]
        model: dict[bytes, bytes] = {}
        counted: dict[bytes, int] = {}
        position: Position | None = None
        for step in range(60):
            puts = {key: bytes([step]) for key in keys if (step * 7 + key[0]) % 11 == 0}
            appended = {
                key: bytes([step]) * 2
                for key in keys
                if key not in puts and (step + key[0]) % 3 == 0
            }
            following = Position((("source:a", step),), 0)
            online.commit("s", puts, expected=position, position=following, appended=appended)
            position = following
            for key, row in puts.items():
                model[key] = row
                counted.pop(key, None)
            for key, piece in appended.items():
                model[key] = model.get(key, b"") + piece
                counted[key] = counted.get(key, 0) + len(piece)
            assert online.read("s", keys) == (position, [model.get(key) for key in keys])
            assert _read_into(online, keys) == (position, [model.get(key, b"") for key in keys])
        assert (dict(online.iter_rows("s")), online.appended("s")) == (model, counted)

    def test_a_commit_from_an_old_position_changes_nothing(self, online: OnlineWriter) -> None:
        """ENG-004, whether the shard should be absent or elsewhere."""
        online.commit("s", {b"k": b"a"}, expected=None, position=FIRST)
        for expected in (None, SECOND):
            with pytest.raises(StaleWrite):
                online.commit("s", {b"k": b"z", b"new": b"z"}, expected=expected, position=SECOND)
        assert online.read("s", [b"k", b"new"]) == (FIRST, [b"a", None])

    def test_an_absent_shard_is_at_no_position(self, online: OnlineWriter) -> None:
        """ENG-004: it was dropped while somebody folded it."""
        with pytest.raises(StaleWrite):
            online.commit("s", {b"k": b"z"}, expected=FIRST, position=SECOND)
        assert online.shards() == {}

    def test_of_many_that_fold_the_same_records_one_wins(self, online: OnlineWriter) -> None:
        """Optimistic concurrency, from several threads."""

        def compete(number: int) -> bool:
            try:
                online.commit(
                    "s", {b"k": str(number).encode()}, expected=None, position=Position((), number)
                )
            except StaleWrite:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            winners = [number for number, won in enumerate(pool.map(compete, range(32))) if won]
        assert online.read("s", [b"k"]) == (Position((), winners[0]), [str(winners[0]).encode()])
        assert len(winners) == 1

    def test_a_dropped_shard_is_gone_and_its_neighbour_is_not(self, online: OnlineWriter) -> None:
        """Dropping twice is dropping once, and one name may begin with the other."""
        for shard in ("s", "st"):
            online.commit(shard, {b"k": shard.encode(), b"t": b""}, expected=None, position=FIRST)
        online.drop("s")
        online.drop("s")
        assert (online.shards(), online.read("s", [b"k"])) == ({"st": FIRST}, (None, [None]))
        assert online.read("st", [b"k"]) == (FIRST, [b"st"])

    def test_a_shard_made_again_has_none_of_the_rows_that_it_had(
        self, online: OnlineWriter
    ) -> None:
        """Dropped means dropped."""
        online.commit("s", {b"old": b"1"}, expected=None, position=SECOND)
        online.drop("s")
        online.commit("s", {b"new": b"2"}, expected=None, position=FIRST)
        assert online.read("s", [b"old", b"new"]) == (FIRST, [None, b"2"])
        assert list(online.iter_rows("s")) == [(b"new", b"2")]

    def test_keys_are_bytes_without_exception(self, online: OnlineWriter) -> None:
        """Empty, zeros, high bytes, what looks like a wildcard, and as long as a key may be."""
        keys = [
            b"",
            b"\x00",
            b"\x00\x00",
            b"\xff" * 9,
            b"*",
            b"a[b]?\\{}",
            b"\r\n",
            b"k" * KEY_LIMIT_BYTES,
        ]
        online.commit("s", {key: key + b"!" for key in keys}, expected=None, position=FIRST)
        assert online.read("s", keys)[1] == [key + b"!" for key in keys]
        assert [key for key, _ in online.iter_rows("s")] == sorted(keys)

    def test_a_key_over_the_limit_is_refused_with_all_that_comes_with_it(
        self, online: OnlineWriter
    ) -> None:
        """ENG-001 in every engine, or a project would break on the day that it changes engines."""
        with pytest.raises(StoreFailed, match="401 bytes"):
            online.commit(
                "s", {b"a": b"1", b"k" * (KEY_LIMIT_BYTES + 1): b"2"}, expected=None, position=FIRST
            )
        assert online.read("s", [b"a"]) == (None, [None])

    def test_rows_may_be_long_and_many(self, online: OnlineWriter) -> None:
        """A megabyte in one row, and ten thousand rows in one commit."""
        rows = {str(number).encode(): bytes([number % 256]) * 20 for number in range(10_000)} | {
            b"long": b"\x01" * 1_000_000
        }
        online.commit("s", rows, expected=None, position=FIRST)
        assert online.read("s", list(rows)) == (FIRST, list(rows.values()))
        assert list(online.iter_rows("s")) == sorted(rows.items())

    def test_all_rows_of_an_iteration_are_of_one_commit(self, online: OnlineWriter) -> None:
        """Also those that it gives after the shard has moved on."""
        keys = [str(number).encode() for number in range(2_000)]
        online.commit("s", dict.fromkeys(keys, b"1"), expected=None, position=FIRST)
        rows = online.iter_rows("s")
        first = next(rows)
        online.commit(
            "s", {**dict.fromkeys(keys, b"2"), b"more": b"2"}, expected=FIRST, position=SECOND
        )
        assert {row for _, row in [first, *rows]} == {b"1"}
        assert {row for _, row in online.iter_rows("s")} == {b"2"}

    def test_a_reader_never_sees_half_a_commit(self, online: OnlineWriter) -> None:
        """Rows and position of one read belong together, while another thread folds."""
        keys = [b"a", b"b"]
        online.commit("s", dict.fromkeys(keys, b"000"), expected=None, position=Position((), 0))

        def fold() -> None:
            for number in range(200):
                # Each says its number at the end, in a row or behind one.
                rows = dict.fromkeys(keys, b"%03d" % (number + 1))
                is_put = number % 3 == 0
                online.commit(
                    "s",
                    rows if is_put else {},
                    expected=Position((), number),
                    position=Position((), number + 1),
                    appended={} if is_put else rows,
                )

        with ThreadPoolExecutor(1) as pool:
            folding = pool.submit(fold)
            while not folding.done():
                for read in (online.read("s", keys), _read_into(online, keys)):
                    position, rows = read
                    assert position is not None
                    assert [row and row[-3:] for row in rows] == [
                        b"%03d" % position.visible_until
                    ] * 2
            folding.result()

    def test_several_shards_are_committed_in_one_call(self, online: OnlineWriter) -> None:
        """Each moves to its own position; nothing to commit is no error."""
        online.commit("old", {b"k": b"1"}, expected=None, position=FIRST)
        online.commit_all(
            [
                ShardCommit("old", {b"k": None}, FIRST, SECOND, {b"l": b"3"}),
                ShardCommit("new", {b"k": b"2"}, None, FIRST),
            ]
        )
        online.commit_all([])
        assert (online.read("old", [b"k", b"l"]), online.read("new", [b"k"])) == (
            (SECOND, [None, b"3"]),
            (FIRST, [b"2"]),
        )

    def test_a_shard_that_is_refused_holds_up_no_other(self, online: OnlineWriter) -> None:
        """ENG-004 comes once all were tried: what another process folds is its business, the rest
        is ours.
        """
        online.commit("taken", {b"k": b"1"}, expected=None, position=SECOND)
        commits = [
            ShardCommit(shard, {b"k": b"2"}, None, FIRST) for shard in ("one", "taken", "two")
        ]
        with pytest.raises(StaleWrite, match="taken"):
            online.commit_all(commits)
        assert [online.read(shard, [b"k"]) for shard in ("one", "taken", "two")] == [
            (FIRST, [b"2"]),
            (SECOND, [b"1"]),
            (FIRST, [b"2"]),
        ]


def _read_into(
    online: OnlineWriter, keys: Sequence[bytes]
) -> tuple[Position | None, list[bytes | None]]:
    """What is read into memory that has enough room, taken apart."""
    memory = bytearray(1 << 16)
    position, sizes = online.read_into("s", keys, memoryview(memory))
    bounds = pairwise(accumulate(sizes, initial=0))
    return position, [bytes(memory[begin:end]) for begin, end in bounds]
