"""What becomes of a row in quarantine: dropped, released, pushed again, and what an edit makes of
it.
"""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl
import pytest

import mainspring as ms
from mainspring.app.workspace import Workspace
from mainspring.ports.log import Identity, LogReader
from mainspring.project.loader.load import load_definitions
from mainspring.sources.quarantine import QuarantineCounts
from mainspring.sources.refuse import lying_rows
from mainspring.sources.topic import quarantine_topic_of

AT = "2024-01-01T00:00:00Z"


def declared(most: float, id_: str = "n") -> ms.Source:
    contract = ms.Contract(
        n=ms.Int64(), at=ms.Timestamp(), shop=ms.String(), amount=ms.Float64(between=(0, most))
    )
    return ms.Source("s", id=id_, event_time="at", contract=contract)


@pytest.fixture
def workspace() -> Workspace:
    workspace = Workspace.in_memory([declared(5.0)])
    workspace.apply()
    return workspace


def edited(workspace: Workspace, source: ms.Source) -> Workspace:
    project = load_definitions([source], name="memory")
    edited = Workspace(project, workspace.runtime, environment="dev", folder=None)
    edited.apply()
    return edited


def push(workspace: Workspace, amount: float, op: str = "", n: int = 1) -> None:
    workspace.ingest("s", [{"n": n, "at": AT, "shop": "a", "amount": amount}], op=op)


def standing(workspace: Workspace) -> list[float]:
    facts = workspace.facts_of(workspace.source("s"))
    return facts.filter(facts["_visible_to"] == facts["_visible_to"].max())["amount"].to_list()


def refused(workspace: Workspace) -> list[tuple[int, str, int]]:
    return [(row.raw, row.reason, row.count) for row in workspace.quarantine("s")]


def quarantined(workspace: Workspace) -> int:
    [source] = workspace.status().sources
    return source.quarantined


def test_a_dropped_row_that_is_pushed_again_lies_there_again(workspace: Workspace) -> None:
    push(workspace, 9.0)
    push(workspace, 9.0)
    assert (refused(workspace), quarantined(workspace)) == ([(0, "between:amount", 2)], 2)
    workspace.drop("s", [0])
    assert (refused(workspace), quarantined(workspace)) == ([], 0)
    push(workspace, 9.0)
    assert (refused(workspace), quarantined(workspace)) == ([(1, "between:amount", 1)], 1)


def test_a_released_row_does_not_come_back_when_its_fact_is_replaced(
    workspace: Workspace,
) -> None:
    push(workspace, 1.0)
    push(workspace, 2.0)
    workspace.release("s", [1])
    assert (standing(workspace), refused(workspace)) == ([2.0], [])
    push(workspace, 3.0, "replace")
    assert (standing(workspace), refused(workspace)) == ([3.0], [])
    assert quarantined(workspace) == 0
    push(workspace, 2.0)
    assert [reason for _, reason, _ in refused(workspace)] == ["conflict"]
    assert quarantined(workspace) == 1


def test_a_correction_counts_that_says_what_was_refused_before(workspace: Workspace) -> None:
    push(workspace, 1.0)
    push(workspace, 9.0)
    push(workspace, 9.0, "replace")
    assert standing(workspace) == [1.0]
    workspace = edited(workspace, declared(10.0))
    assert (standing(workspace), refused(workspace)) == ([9.0], [])


def test_a_correction_counts_that_says_what_stands(workspace: Workspace) -> None:
    push(workspace, 1.0, n=1)
    push(workspace, 2.0, n=2)
    push(workspace, 2.0, "replace", n=2)
    workspace = edited(workspace, declared(5.0, "shop"))
    assert (standing(workspace), refused(workspace)) == ([2.0], [])


def test_a_row_that_was_dropped_stays_away_when_its_file_is_read_again(tmp_path) -> None:
    header, good, bad = "n,at,shop,amount\n", f"1,{AT},a,1\n", f"2,{AT},a,9\n"
    (tmp_path / "s.csv").write_text(header + good + bad)
    (tmp_path / "p.py").write_text(
        'import mainspring as ms\ns = ms.Source("s", "s.csv", id="n", event_time="at",'
        " contract=ms.Contract(amount=ms.Float64(between=(0, 5))))\n"
    )
    workspace = Workspace.open(tmp_path)
    workspace.apply()
    workspace.drop("s", [row.raw for row in workspace.quarantine("s")])
    (tmp_path / "s.csv").write_text(header + good + bad + f"3,{AT},a,2\n")
    Workspace.open(tmp_path).apply()
    assert standing(Workspace.open(tmp_path)) == [1.0, 2.0]
    assert refused(Workspace.open(tmp_path)) == []


def test_what_is_counted_again_and_again_is_what_is_counted_once(workspace: Workspace) -> None:
    for step in range(30):
        push(workspace, float(step % 9), n=step % 4)
        if step % 7 == 6:
            [row, *_] = workspace.quarantine("s")
            workspace.drop("s", [row.raw])
        assert quarantined(workspace) == sum(row.count for row in workspace.quarantine("s"))


def test_a_record_is_read_once_however_often_the_status_is_asked_for(workspace: Workspace) -> None:
    log = _Noting(workspace.runtime.log)
    counts = QuarantineCounts(log)
    for n in range(3):
        push(workspace, 9.0, n=n)
        for _ in range(5):
            assert counts.departed(workspace.source("s").stream) == 0
    assert log.read_offsets == [0, 1, 2]


def test_what_lies_in_quarantine_is_not_looked_up_again_by_every_status(
    workspace: Workspace,
) -> None:
    """It was: each question looked each fact up, and a hostile hand pushes a million."""
    log = _Noting(workspace.runtime.log)
    counts, stream = QuarantineCounts(log), workspace.source("s").stream
    for n in range(20):
        push(workspace, 9.0, n=n)
    counts.departed(stream)
    log.found.clear()
    assert (counts.departed(stream), log.found) == (0, [])
    push(workspace, 1.0, n=7)
    push(workspace, 1.0, n=100)
    assert (counts.departed(stream), len(log.found)) == (1, 1)
    push(workspace, 1.0, n=7, op="delete")
    assert (counts.departed(stream), len(log.found)) == (0, 2)


def test_a_refused_row_is_found_without_those_between(workspace: Workspace) -> None:
    """It was found by a read from the oldest to the newest of a push, so that two rows cost as much
    as all that was ever refused.
    """
    push(workspace, 9.0, n=0)
    workspace.ingest("s", [{"n": n, "at": AT, "shop": "a", "amount": 9.0} for n in range(1, 301)])
    push(workspace, 9.0, n=301)
    log, topic = _Noting(workspace.runtime.log), quarantine_topic_of(workspace.source("s").stream)
    ids = [id_ for frame in workspace.runtime.log.read(topic) for id_ in frame["_id"].to_list()]
    found = lying_rows(topic, [ids[-1], ids[0]], log)
    assert (sorted(found.values()), log.read_offsets) == ([0, 301], [0, 301])


class _Noting:
    """A log that notes which records of quarantines were read, and which ids were looked up."""

    def __init__(self, log: LogReader) -> None:
        self._log, self.read_offsets, self.found = log, list[int](), list[str]()
        self.head, self.first, self.topics = log.head, log.first, log.topics

    def find(self, topic: str, ids: Sequence[str]) -> Mapping[str, Identity]:
        """As the log finds them."""
        self.found += ids
        return self._log.find(topic, ids)

    def read(
        self, topic: str, *, start: int = 0, stop: int | None = None
    ) -> Iterator[pl.DataFrame]:
        """As the log reads it."""
        for frame in self._log.read(topic, start=start, stop=stop):
            if topic.startswith("quarantine:"):
                self.read_offsets += frame["_offset"].to_list()
            yield frame
