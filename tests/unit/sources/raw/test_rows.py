"""Rows of a raw log by their offsets: whoever asks for many of one push, or of one file, has it
read once.
"""

from collections.abc import Iterator

import polars as pl
import pytest

import mainspring as ms
from mainspring.app.workspace import Workspace
from mainspring.sources.raw.rows import RawRowReader
from mainspring.sources.topic import raw_topic_of

AT = "2024-01-01T00:00:00Z"


class Noting:
    """A log that counts how often it is read."""

    def __init__(self, workspace: Workspace) -> None:
        self._log, self.reads = workspace.runtime.log, 0

    def read(
        self, topic: str, *, start: int = 0, stop: int | None = None
    ) -> Iterator[pl.DataFrame]:
        """As the log reads it."""
        self.reads += 1
        return self._log.read(topic, start=start, stop=stop)

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)


def opened(workspace: Workspace, log: object) -> RawRowReader:
    generation = workspace.writer("s").generation
    return RawRowReader(
        generation.compiled,
        log=log,  # type: ignore[arg-type]
        objects=workspace.runtime.objects,
        topic=raw_topic_of(workspace.source("s").stream),
        rows_at_once=10,
    )


@pytest.fixture
def workspace() -> Workspace:
    contract = ms.Contract(n=ms.Int64(), at=ms.Timestamp(), amount=ms.Float64())
    workspace = Workspace.in_memory([ms.Source("s", id="n", event_time="at", contract=contract)])
    workspace.apply()
    for first in (0, 50):
        rows = [{"n": n, "at": AT, "amount": float(n)} for n in range(first, first + 50)]
        workspace.ingest("s", rows)
    return workspace


def test_a_push_is_read_once_however_many_of_its_rows_are_asked_for(workspace: Workspace) -> None:
    """It was read and decoded for each: 100,000 corrections of one push would take hours, in which
    no other generation goes on.
    """
    log = Noting(workspace)
    reader = opened(workspace, log)
    ids = reader.ids(range(100))
    assert len(set(ids.values())) == 100
    assert reader.frame([3, 2, 2, 99])["n"].to_list() == [3, 2, 2, 99]
    assert log.reads <= 8


def test_rows_of_a_file_come_in_the_order_in_which_they_are_asked_for(
    tmp_path,
) -> None:
    lines = "".join(f"{n},{AT},{n}.5\n" for n in range(100))
    (tmp_path / "s.csv").write_text("n,at,amount\n" + lines)
    (tmp_path / "p.py").write_text(
        'import mainspring as ms\ns = ms.Source("s", "s.csv", id="n", event_time="at")\n'
    )
    workspace = Workspace.open(tmp_path)
    workspace.apply()
    log = Noting(workspace)
    found = opened(workspace, log).frame([95, 4, 4, 33])
    assert found["n"].cast(pl.Int64).to_list() == [95, 4, 4, 33]
    assert log.reads == 1
