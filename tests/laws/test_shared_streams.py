"""A stream of a column is in the log as long as a batch names it, and no longer; and whoever reads
cannot tell.
"""

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.engines.local.frames import streams_apart
from mainspring.engines.local.log import SqliteLog
from mainspring.ports.errors import StoreDamaged
from mainspring.testing.contracts.log import records

TOPICS = ("source:a", "source:a@1")
ROWS = 1_100
COLUMNS = [np.random.default_rng(seed).random(ROWS) for seed in range(3)]
TOPIC, DRAWN = st.sampled_from(TOPICS), st.integers(0, len(COLUMNS) - 1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), TOPIC, DRAWN, DRAWN),
        st.tuples(st.just("append"), TOPIC, DRAWN, DRAWN),
        st.tuples(st.just("trim"), TOPIC, st.floats(0, 1)),
        st.tuples(st.just("compact"), TOPIC),
    ),
    max_size=10,
)


class Model:
    """A log, and what was appended to it."""

    def __init__(self, path: Path) -> None:
        self.path, self.log = path, SqliteLog(path)
        self.appended: dict[str, list[pl.DataFrame]] = {topic: [] for topic in TOPICS}

    def append(self, topic: str, first: int, second: int) -> None:
        head = self.log.head(topic)
        names = [f"{number}" for number in range(head, head + ROWS)]
        numbers = [int(name) for name in names]
        frame = records(names, n=numbers, x=COLUMNS[first], y=COLUMNS[second])
        frame = frame.with_columns(_content=pl.lit(None, dtype=pl.Binary))
        self.log.append({topic: frame}, expected={topic: head})
        self.appended[topic].append(frame)

    def trim(self, topic: str, share: float) -> None:
        self.log.trim(topic, int(self.log.head(topic) * share))

    def compact(self, topic: str) -> None:
        self.log.compact(topic)

    def require_same(self) -> None:
        for topic, frames in self.appended.items():
            first = self.log.first(topic)
            read = [frame.drop("_offset") for frame in self.log.read(topic, start=first)]
            if read:
                assert pl.concat(read).equals(pl.concat(frames)[first:])

    def require_counted(self) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            blobs = connection.execute("SELECT frame FROM batches").fetchall()
            held = dict(connection.execute("SELECT digest, holders FROM streams").fetchall())
        assert held == Counter(digest for (blob,) in blobs for digest in streams_apart(blob))


@settings(max_examples=25, deadline=None)
@given(steps=STEPS)
def test_streams_are_held_by_the_batches_that_name_them(steps: list[Sequence[object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = Model(Path(folder) / "log.db")
        for kind, *rest in steps:
            act: Callable[..., None] = getattr(model, str(kind))
            act(*rest)
            model.require_counted()
        model.require_same()
        model.log.close()


def test_a_second_topic_of_the_same_columns_takes_next_to_nothing(tmp_path: Path) -> None:
    model, sizes = Model(tmp_path / "log.db"), []
    for topic in TOPICS:
        model.append(topic, 0, 1)
        with closing(sqlite3.connect(model.path)) as connection:
            (size,) = connection.execute(
                "SELECT (SELECT SUM(LENGTH(stream)) FROM streams) + SUM(LENGTH(frame)) FROM batches"
            ).fetchone()
        sizes.append(size)
    assert sizes[1] < 1.1 * sizes[0]
    model.log.close()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [("DELETE FROM streams", "missing"), ("UPDATE streams SET stream = x'00'", "other bytes")],
)
def test_a_damaged_stream_is_told(tmp_path: Path, damage: str, reason: str) -> None:
    model = Model(tmp_path / "log.db")
    model.append(TOPICS[0], 0, 1)
    with closing(sqlite3.connect(model.path)) as connection, connection:
        connection.execute(damage)
    with pytest.raises(StoreDamaged, match=reason):
        list(model.log.read(TOPICS[0]))
    with pytest.raises(StoreDamaged, match="batch at offset 0"):
        list(model.log.read(TOPICS[0]))
    model.log.close()
