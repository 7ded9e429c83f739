"""Whoever asks where a log ends, and reads its last record, is not confused by one that came since
and by the removal of all before it.
"""

from collections.abc import Iterator

import polars as pl
import pytest

import mainspring as ms
from mainspring.app.workspace import Workspace
from mainspring.ports.log import LogReader
from mainspring.sources.raw.log import raw_head
from mainspring.sources.tally import read_tally
from mainspring.sources.topic import raw_topic_of, tally_topic_of


@pytest.fixture
def workspace() -> Workspace:
    contract = ms.Contract(n=ms.Int64(), at=ms.Timestamp())
    workspace = Workspace.in_memory([ms.Source("s", id="n", event_time="at", contract=contract)])
    workspace.apply()
    push(workspace, 0)
    return workspace


def push(workspace: Workspace, n: int) -> None:
    workspace.ingest("s", [{"n": n, "at": "2024-01-01T00:00:00Z"}])


class Overtaken:
    """A log to which a row comes whenever somebody has asked where it ends."""

    def __init__(self, workspace: Workspace, *, until: int = 4, trims: bool = False) -> None:
        self._workspace, self._log, self._next = workspace, workspace.runtime.log, 1
        self._until, self._trims = until, trims

    def head(self, topic: str) -> int:
        """Where it ended."""
        head = self._log.head(topic)
        if self._next < self._until:
            push(self._workspace, self._next)
            self._next += 1
            if self._trims:
                self._workspace.runtime.log.trim(topic, self._log.head(topic) - 1)
        return head

    def read(
        self, topic: str, *, start: int = 0, stop: int | None = None
    ) -> Iterator[pl.DataFrame]:
        """As the log reads it."""
        return self._log.read(topic, start=start, stop=stop)

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)


def test_a_tally_is_the_one_that_was_newest_when_it_was_asked_for(workspace: Workspace) -> None:
    log: LogReader = Overtaken(workspace)  # type: ignore[assignment]
    topic = tally_topic_of(workspace.source("s").stream)
    assert [read_tally(topic, log).standing for _ in range(3)] == [1, 2, 3]


def test_a_tally_that_was_removed_meanwhile_is_looked_for_again(workspace: Workspace) -> None:
    log: LogReader = Overtaken(workspace, trims=True)  # type: ignore[assignment]
    topic = tally_topic_of(workspace.source("s").stream)
    assert read_tally(topic, log).standing == 4


def test_a_raw_log_ends_where_it_ended_when_that_was_asked_for(workspace: Workspace) -> None:
    log: LogReader = Overtaken(workspace)  # type: ignore[assignment]
    topic = raw_topic_of(workspace.source("s").stream)
    assert [raw_head(topic, log).rows for _ in range(3)] == [1, 2, 3]
