"""The log finds what a dictionary would: after any history of appends, deletes, trims, compactions
and restarts, also where nearly all ids have one of a few hashes.
"""

import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.elements.content import with_content
from mainspring.engines.local.ids.hashes import IdHasher
from mainspring.engines.local.ids.index import IdIndex
from mainspring.engines.local.ids.runs import RUN_SCHEMA, Entries, IdRuns
from mainspring.engines.local.log import SqliteLog
from mainspring.ports.log import Identity
from mainspring.testing.contracts.log import records

TOPICS = ("source:a", "inference:b")
NAMES = st.one_of(st.integers(0, 30).map(str), st.text(max_size=20))
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("append"),
            st.sampled_from(TOPICS),
            st.lists(NAMES, min_size=1, max_size=12),
            st.sampled_from(["insert", "retract"]),
        ),
        st.tuples(
            st.just("count_up"), st.sampled_from(TOPICS), st.integers(0, 40), st.integers(1, 9)
        ),
        st.tuples(st.just("trim"), st.sampled_from(TOPICS), st.floats(0, 1)),
        st.tuples(st.just("compact"), st.sampled_from(TOPICS)),
        st.tuples(st.just("restart")),
        st.tuples(st.just("swap")),
        st.tuples(st.just("of_earlier_release")),
    ),
    max_size=14,
)


class Model:
    """A log, and what a dictionary says of it."""

    def __init__(self, path: Path, *, bits: int) -> None:
        self.path = path
        # An append of three has a run, and five ids in rows become one.
        self.index = partial(IdIndex, bits=bits, worth_a_run=3, recent=5)
        self.log, self.other = (SqliteLog(path, index=self.index) for _ in range(2))
        self.known: dict[str, dict[str, Identity]] = {topic: {} for topic in TOPICS}
        self.moment = 0

    def do(self, step: Sequence[object]) -> None:
        kind, *rest = step
        act: Callable[..., None] = getattr(self, str(kind))
        act(*rest)

    def append(self, topic: str, names: list[str], op: str) -> None:
        self.moment += 1
        frame = records(names, at=self.moment, op=op, n=[self.moment] * len(names), name=names)
        head = self.log.head(topic)
        # Every third has the content of its payload, which is not stored.
        told = frame.with_row_index().with_columns(
            _content=pl.when((pl.col("index") + self.moment) % 3 > 0).then("_content")
        )
        frame = with_content(told.drop("index"))
        self.log.append({topic: told.drop("index")}, expected={topic: head})
        for place, (name, content) in enumerate(frame.select("_id", "_content").iter_rows()):
            self.known[topic][name] = Identity(head + place, content, self.moment, op == "insert")

    def count_up(self, topic: str, first: int, count: int) -> None:
        self.append(topic, [f"{number}" for number in range(first, first + count)], "insert")

    def trim(self, topic: str, share: float) -> None:
        self.log.trim(topic, int(self.log.head(topic) * share))

    def compact(self, topic: str) -> None:
        self.log.compact(topic)

    def restart(self) -> None:
        self.log.close()
        self.log = SqliteLog(self.path, index=self.index)

    def swap(self) -> None:
        """Go on as another process that has the file open."""
        self.log, self.other = self.other, self.log

    def close(self) -> None:
        self.log.close()
        self.other.close()

    def of_earlier_release(self) -> None:
        """As if all ids that stand in rows had been written by a release without runs."""
        self.log.close()
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("INSERT OR REPLACE INTO identities SELECT * FROM recent_ids")
            connection.execute("DELETE FROM recent_ids")
        self.log = SqliteLog(self.path, index=self.index)

    def require_same(self) -> None:
        for topic, known in self.known.items():
            asked = [*known, "absent", "", "0", "00", "-1", "+1", "1" * 30]
            assert self.log.find(topic, asked) == known, topic
            assert all(self.log.find(topic, [name]) == {name: known[name]} for name in known)


@pytest.mark.parametrize("bits", [1, 4, 48])
@settings(max_examples=15, deadline=None)
@given(steps=STEPS)
def test_the_log_finds_what_a_dictionary_finds(bits: int, steps: list[Sequence[object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = Model(Path(folder) / "log.db", bits=bits)
        for step in steps:
            model.do(step)
        model.require_same()
        model.restart()
        model.require_same()
        model.close()


@settings(max_examples=20, deadline=None)
@given(
    parts=st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=900), min_size=1, max_size=6),
    asked=st.lists(st.integers(0, 70), min_size=1, max_size=30),
    cache_bytes=st.sampled_from([0, 1 << 20]),
)
def test_runs_give_every_offset_of_a_hash(
    parts: list[list[int]], asked: list[int], cache_bytes: int
) -> None:
    runs, offset, known = IdRuns(cache_bytes=cache_bytes), 0, list[tuple[int, int]]()
    wanted = np.unique(np.array(asked, dtype=np.uint64))
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(RUN_SCHEMA)
        for part in parts:
            offsets = np.arange(offset, offset + len(part), dtype=np.int64)
            runs.add(connection, 1, Entries.of(np.array(part, dtype=np.uint64), offsets))
            known += zip(part, offsets.tolist(), strict=True)
            offset += len(part)
        places, found = runs.candidates(connection, 1, wanted)
    said = sorted(zip(wanted[places].tolist(), found.tolist(), strict=True))
    assert said == sorted(pair for pair in known if pair[0] in wanted.tolist())


def pages_written(ids: Callable[[int], pl.Series], *, appends: int) -> tuple[int, int]:
    """How many rows of the database so many appends change, and how many runs there are then."""
    runs, hasher = IdRuns(), IdHasher("one")
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(RUN_SCHEMA)
        for number in range(appends):
            offsets = np.arange(number * 400, (number + 1) * 400, dtype=np.int64)
            runs.add(connection, 1, Entries.of(hasher.hashes(ids(number)), offsets))
        [count] = connection.execute("SELECT COUNT(*) FROM id_runs").fetchone()
        return connection.total_changes, count


def test_random_ids_are_written_as_often_as_sequential_ones() -> None:
    def sequential(number: int) -> pl.Series:
        return pl.Series([f"{id_}" for id_ in range(number * 400, (number + 1) * 400)])

    def random(number: int) -> pl.Series:
        return pl.Series([sha256(id_.encode()).hexdigest() for id_ in sequential(number)])

    written, runs = pages_written(random, appends=64)
    assert (written, runs) == pages_written(sequential, appends=64)
    # Each page is inserted once for every doubling and deleted once less; each run has a row.
    assert written <= 64 * 2 * 2 * 7
    assert runs <= 7


@settings(max_examples=20, deadline=None)
@given(ids=st.lists(st.text(max_size=40), min_size=1, max_size=30, unique=True))
def test_a_hash_depends_on_the_id_and_the_secret_alone(ids: list[str]) -> None:
    hasher, column = IdHasher("one"), pl.Series(ids)
    together = hasher.hashes(column)
    assert together.tolist() == [int(hasher.hashes(pl.Series([each]))[0]) for each in ids]
    assert len(set(together.tolist())) == len(ids)
    assert together.tolist() != IdHasher("two").hashes(column).tolist()
    assert int(together.max()) < 1 << 48
