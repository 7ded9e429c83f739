"""The guarantees of every log."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from mainspring.elements.content import with_content
from mainspring.ports.errors import RetentionPassed, StaleWrite
from mainspring.ports.log import ENVELOPE, Identity, LogWriter, PackedRecord
from mainspring.ports.packed_frame import records_of_frame

__all__ = ["LogContract", "records"]

FACTS, REFUSED, PREDICTIONS = "source:flights", "quarantine:flights", "inference:dev:delays"


def records(
    ids: Sequence[str], *, at: int = 0, op: str = "insert", **payload: Sequence[object]
) -> pl.DataFrame:
    """Records with these ids, seen from `at` on, with a payload of these columns."""
    envelope = pl.DataFrame(
        {
            "_id": ids,
            "_content": [f"{name}@{at}".encode().ljust(16, b".") for name in ids],
            "_op": op,
        },
        schema={"_id": pl.String, "_content": pl.Binary, "_op": pl.String},
    )
    times = [
        pl.lit(at, pl.Int64).alias(name)
        for name in ("_event_time", "_known_at", "_appended_at", "_visible_at")
    ]
    return envelope.with_columns(*times, _history=pl.lit(False)).with_columns(
        *(pl.Series(name, values) for name, values in payload.items())
    )


class LogContract:
    """Override `log` with an empty log."""

    @pytest.fixture
    def log(self) -> LogWriter:
        """An empty log."""
        raise NotImplementedError

    def test_an_absent_topic_reads_as_an_empty_one(self, log: LogWriter) -> None:
        """Nothing is no error."""
        assert (log.topics(), log.head(FACTS), list(log.read(FACTS)), log.find(FACTS, ["a"])) == (
            [],
            0,
            [],
            {},
        )

    def test_what_is_appended_is_read_back_with_offsets_from_zero(self, log: LogWriter) -> None:
        """The frame comes back as it was, with its offsets."""
        frame = records(["a", "b"], delay=[1.5, None], carrier=["UA", "é"])
        assert log.append({FACTS: frame}, expected={FACTS: 0}) == {FACTS: 2}
        [read] = log.read(FACTS)
        assert read.drop("_offset").equals(frame, null_equal=True)
        assert read["_offset"].equals(pl.Series("_offset", [0, 1], pl.Int64))
        assert set(ENVELOPE) <= set(read.columns)

    def test_a_read_is_cut_at_its_bounds(self, log: LogWriter) -> None:
        """Both bounds may fall inside a batch."""
        for head in (0, 3, 6):
            log.append(
                {FACTS: records([f"{head + row}" for row in range(3)])}, expected={FACTS: head}
            )
        assert pl.concat(log.read(FACTS, start=2, stop=7))["_id"].to_list() == [
            "2",
            "3",
            "4",
            "5",
            "6",
        ]
        assert list(log.read(FACTS, start=9)) == []

    def test_a_large_batch_is_read_in_order_and_whole(self, log: LogWriter) -> None:
        """However an engine splits what it is given."""
        ids = [f"{(row * 7919) % 150_000:06d}" for row in range(150_000)]
        log.append({FACTS: records(ids)}, expected={FACTS: 0})
        read = pl.concat(log.read(FACTS))
        assert (read["_id"].to_list(), read["_offset"].to_list()) == (ids, list(range(150_000)))

    def test_a_topic_may_gain_columns(self, log: LogWriter) -> None:
        """Frames come back as they were written; joining them is the reader's matter."""
        log.append({FACTS: records(["a"])}, expected={FACTS: 0})
        log.append({FACTS: records(["b"], gate=["B7"])}, expected={FACTS: 1})
        assert pl.concat(log.read(FACTS), how="diagonal_relaxed")["gate"].to_list() == [None, "B7"]

    def test_an_append_at_another_head_changes_no_topic(self, log: LogWriter) -> None:
        """ENG-004 for one topic of a call is ENG-004 for the call."""
        log.append({FACTS: records(["a"])}, expected={FACTS: 0})
        with pytest.raises(StaleWrite, match="source:flights is at offset 1"):
            log.append(
                {REFUSED: records(["x"]), FACTS: records(["b"])}, expected={REFUSED: 0, FACTS: 0}
            )
        assert (log.topics(), log.head(FACTS), log.head(REFUSED)) == ([FACTS], 1, 0)

    def test_a_topic_that_is_not_expected_anywhere_is_appended_where_it_ends(
        self, log: LogWriter
    ) -> None:
        """Predictions need no head."""
        for name in "ab":
            log.append({PREDICTIONS: records([name])}, expected={})
        assert log.head(PREDICTIONS) == 2

    def test_the_newest_revision_of_an_id_is_found(self, log: LogWriter) -> None:
        """Across batches and within one."""
        log.append({FACTS: records(["a", "b", "a"], at=1)}, expected={FACTS: 0})
        log.append({FACTS: records(["b"], at=2, op="retract")}, expected={FACTS: 3})
        found = log.find(FACTS, ["b", "a", "absent"])
        assert found == {
            "a": Identity(2, b"a@1".ljust(16, b"."), 1, True),
            "b": Identity(3, b"b@2".ljust(16, b"."), 2, False),
        }

    @pytest.mark.parametrize("rows", [3, 5_000])
    def test_a_content_that_is_left_out_is_that_of_the_payload(
        self, log: LogWriter, rows: int
    ) -> None:
        """Whatever becomes of the records; one that is given counts as it is."""
        ids, given = [f"{row}" for row in range(rows)], b"given".ljust(16, b".")
        values = [row / 3 for row in range(rows)]
        frame = records(ids, delay=values, carrier=["UA"] * rows).with_columns(
            _content=pl.when(pl.col("_id") == "1").then(pl.lit(given))
        )
        whole = with_content(frame)
        contents = dict(whole.select("_id", "_content").iter_rows())
        assert (contents["1"], len(set(contents.values()))) == (given, rows)
        log.append({FACTS: frame}, expected={FACTS: 0})
        log.append({FACTS: frame.head(2)}, expected={FACTS: rows})
        for change in (lambda: None, lambda: log.compact(FACTS), lambda: log.trim(FACTS, rows)):
            change()
            found = log.find(FACTS, ids)
            assert {name: found[name].content for name in ids} == contents

    def test_ids_of_one_topic_are_unknown_to_another(self, log: LogWriter) -> None:
        """Topics are apart."""
        log.append({PREDICTIONS: records(["p"])}, expected={})
        log.append({FACTS: records(["a"])}, expected={FACTS: 0})
        assert (list(log.find(PREDICTIONS, ["p", "a"])), list(log.find(REFUSED, ["a"]))) == (
            ["p"],
            [],
        )

    def test_packed_records_are_read_and_found_as_others(self, log: LogWriter) -> None:
        """Offsets go on behind them, what they share comes back with each, and they may be joined
        and trimmed.
        """
        made = [PackedRecord(f"p{row}", row, b"head", b"rest %d" % row) for row in range(3)]
        assert log.append_packed(PREDICTIONS, made[:1], on_disk=False) == 1
        assert log.append_packed(PREDICTIONS, made[1:], on_disk=True) == 3
        log.compact(PREDICTIONS)
        read = pl.concat(log.read(PREDICTIONS))
        assert read["_offset"].to_list() == [0, 1, 2]
        assert records_of_frame(read.drop("_offset")) == made
        assert log.find(PREDICTIONS, ["p2", "p9"]) == {"p2": Identity(2, made[2].content, 2, True)}
        log.trim(PREDICTIONS, 3)
        assert (log.first(PREDICTIONS), log.find(PREDICTIONS, ["p0"])["p0"].offset) == (3, 0)

    def test_segments_of_predictions_are_topics_of_their_own(self, log: LogWriter) -> None:
        """A number behind the endpoint tells them apart."""
        topics = [PREDICTIONS, f"{PREDICTIONS}:1", f"{PREDICTIONS}:2"]
        for topic in topics:
            log.append_packed(topic, [PackedRecord(topic, 5, b"", b"x")], on_disk=False)
        assert log.topics() == topics
        assert [log.find(topic, topics).keys() for topic in topics] == [{each} for each in topics]

    def test_many_ids_are_found_at_once(self, log: LogWriter) -> None:
        """However many a query may name."""
        ids = [f"flight-{number}" for number in range(3_000)]
        log.append({FACTS: records(ids)}, expected={FACTS: 0})
        found = log.find(FACTS, ids)
        assert [found[name].offset for name in ids] == list(range(3_000))

    def test_threads_that_append_at_once_leave_no_gap(self, log: LogWriter) -> None:
        """Each record has one offset."""
        names = [f"{number}" for number in range(64)]
        with ThreadPoolExecutor(8) as pool:
            list(
                pool.map(
                    lambda name: log.append({PREDICTIONS: records([name])}, expected={}), names
                )
            )
        read = pl.concat(log.read(PREDICTIONS))
        assert (read["_offset"].to_list(), sorted(read["_id"])) == (list(range(64)), sorted(names))

    def test_nothing_is_trimmed_until_it_is_asked_for(self, log: LogWriter) -> None:
        """An absent topic and a whole one begin at zero."""
        log.append({FACTS: records(["a", "b"])}, expected={})
        assert (log.first(FACTS), log.first(REFUSED), log.trim(FACTS, 0), log.trim(REFUSED, 9)) == (
            0,
            0,
            0,
            0,
        )

    def test_trimming_forgets_whole_batches_below_an_offset(self, log: LogWriter) -> None:
        """Never more than asked; heads, offsets and what is kept stay as they are."""
        self._append_in_threes(log, "abcdefghi")
        first = log.trim(FACTS, 7)
        assert first == log.first(FACTS) == 6
        kept = pl.concat(log.read(FACTS, start=first))
        assert (kept["_offset"].to_list(), kept["_id"].to_list(), log.head(FACTS)) == (
            [6, 7, 8],
            ["g", "h", "i"],
            9,
        )

    def test_what_was_trimmed_cannot_be_read(self, log: LogWriter) -> None:
        """ENG-011, which names what is kept, and not silence."""
        self._append_in_threes(log, "abcdef")
        log.trim(FACTS, 3)
        with pytest.raises(RetentionPassed) as caught:
            list(log.read(FACTS, start=1))
        assert (caught.value.topic, caught.value.kept_from, caught.value.asked) == (FACTS, 3, 1)

    def test_a_topic_may_be_trimmed_up_to_its_head_and_goes_on_there(self, log: LogWriter) -> None:
        """An offset is never given twice."""
        self._append_in_threes(log, "abc")
        assert (
            log.trim(FACTS, 100),
            log.first(FACTS),
            log.head(FACTS),
            list(log.read(FACTS, start=3)),
        ) == (3, 3, 3, [])
        assert log.append({FACTS: records(["d"])}, expected={FACTS: 3}) == {FACTS: 4}
        assert pl.concat(log.read(FACTS, start=3))["_offset"].to_list() == [3]
        assert log.topics() == [FACTS]

    def test_trimming_moves_forward_only_and_one_topic_only(self, log: LogWriter) -> None:
        """Doing it again, or less of it, changes nothing."""
        self._append_in_threes(log, "abcdef")
        log.append({REFUSED: records(["x"])}, expected={})
        assert [log.trim(FACTS, before) for before in (3, 3, 0)] == [3, 3, 3]
        assert (log.first(REFUSED), pl.concat(log.read(REFUSED))["_id"].to_list()) == (0, ["x"])

    def test_ids_of_trimmed_records_stay_known(self, log: LogWriter) -> None:
        """A row that was accepted once is a duplicate for ever."""
        self._append_in_threes(log, "abcdef")
        log.trim(FACTS, 3)
        assert log.find(FACTS, ["a", "f"]) == {
            "a": Identity(0, b"a@0".ljust(16, b"."), 0, True),
            "f": Identity(5, b"f@0".ljust(16, b"."), 0, True),
        }

    def test_a_reader_on_its_way_gets_its_records_or_is_told(self, log: LogWriter) -> None:
        """Never others in their place."""
        self._append_in_threes(log, "abcdefghi")
        reading = log.read(FACTS)
        seen = [next(reading)["_id"].to_list()]
        log.trim(FACTS, 6)
        try:
            seen += [frame["_id"].to_list() for frame in reading]
        except RetentionPassed as error:
            seen += [frame["_id"].to_list() for frame in log.read(FACTS, start=error.kept_from)]
        assert [name for names in seen for name in names] in (list("abcghi"), list("abcdefghi"))

    def test_compacting_changes_neither_offsets_nor_content(self, log: LogWriter) -> None:
        """Readers, ids, bounds and later appends cannot tell."""
        self._append_in_threes(log, "abcdef")
        log.append({FACTS: records(["g"], gate=["B7"])}, expected={FACTS: 6})
        log.trim(FACTS, 3)
        before = pl.concat(log.read(FACTS, start=3), how="diagonal_relaxed")
        assert log.compact(FACTS) >= 0
        assert pl.concat(log.read(FACTS, start=3), how="diagonal_relaxed").equals(
            before, null_equal=True
        )
        assert pl.concat(log.read(FACTS, start=4, stop=6), how="diagonal_relaxed")[
            "_offset"
        ].to_list() == [4, 5]
        assert (log.first(FACTS), log.head(FACTS), log.find(FACTS, ["e"])["e"].offset) == (3, 7, 4)
        assert log.append({FACTS: records(["h"])}, expected={FACTS: 7}) == {FACTS: 8}

    def test_readers_read_on_while_a_topic_is_compacted(self, log: LogWriter) -> None:
        """Whatever frame their next record has moved to."""
        names = [f"{number:03}" for number in range(150)]
        for name in names:
            log.append({FACTS: records([name])}, expected={})
        reading = log.read(FACTS)
        seen = [next(reading)]
        log.compact(FACTS)
        seen += list(reading)
        assert pl.concat(seen)["_id"].to_list() == names

    @staticmethod
    def _append_in_threes(log: LogWriter, names: str) -> None:
        for head in range(0, len(names), 3):
            log.append({FACTS: records(list(names[head : head + 3]))}, expected={FACTS: head})
