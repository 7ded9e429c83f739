"""What a caller can make grow: the work of a call, what is remembered, and how much is done beside
each other.  More unbounded growth is held down in the unit tests of `sources`.
"""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from mainspring.app.http.metrics import ServerMetrics
from mainspring.app.serve import open_server
from mainspring.app.workspace import Workspace
from mainspring.elements.schema import DType
from mainspring.elements.values.scalar import BAD, read_value
from mainspring.elements.values.spelling import Spelling
from mainspring.engines.delta.tables import DeltaTables
from mainspring.features.stream.consume import StreamConsumer, _Loop
from mainspring.flow.consumer_group import GroupMember
from mainspring.ports.errors import StoreBusy
from mainspring.serving.state.reader import FeatureReader
from mainspring.sources.fold import TableMaterializer
from tests.attacks.wire import shop_project


@pytest.mark.parametrize("path", ["/v1/status", "/v1/predictions/{id}/replay"])
def test_what_reads_all_facts_or_rows_is_done_once_at_a_time(path: str) -> None:
    """Some thirty replays beside each other held every thread that pushes need, and all facts as
    often in memory.
    """
    server = open_server(Workspace.open(shop_project()))
    [route] = [route for route in server.service.routes if route.path == path]
    assert (route.blocks, route.alone) == (True, True)


def record(offset: int) -> pl.DataFrame:
    columns = {"_offset": [offset], "_id": [str(offset)], "_op": ["insert"], "n": [offset]}
    return pl.DataFrame(columns)


def test_a_commit_to_a_table_looks_at_its_own_files_only(tmp_path: Path) -> None:
    """It looked at all, so that a table cost with the square of the pushes to it."""
    tables = DeltaTables(tmp_path / "t")
    before = os.umask(0)
    try:
        tables.append("s:a", record(0), expected=0, position=1)
        [old] = tmp_path.rglob("*.parquet")
        old.chmod(0o644)
        tables.append("s:a", record(1), expected=1, position=2)
    finally:
        os.umask(before)
    open_to_others = [path for path in tmp_path.rglob("*") if path.stat().st_mode & 0o077]
    assert open_to_others == [old]


class Lengthening:
    """A log that is so long, and a table that counts the commits to it."""

    def __init__(self, length: int) -> None:
        self.length = self.folded = length
        self.commits = 0

    def head(self, _: str) -> int:
        """How long it is."""
        return self.length

    def position(self, _: str) -> int:
        """How far it was folded."""
        return self.folded

    def read(self, _: str, *, start: int) -> Iterator[pl.DataFrame]:
        """The last record stands for all."""
        assert start < self.length
        yield record(self.length - 1)

    def scan(self, _: str) -> None:
        """It has no columns yet."""

    def append(self, _: str, __: pl.DataFrame, *, expected: int, position: int) -> None:
        """Another file."""
        assert expected == self.folded
        self.commits, self.folded = self.commits + 1, position


def test_a_long_table_gets_fewer_commits_for_as_many_records() -> None:
    """Each is a file more, and whoever opens the table reads the names of all."""
    made = list[int]()
    for start in (0, 20_000_000):
        both = Lengthening(start)
        folding = TableMaterializer(lambda: ["s"], log=both, tables=both)  # type: ignore[arg-type]
        for _ in range(100):
            both.length += 1_000
            folding.run_due()
        made.append(both.commits)
    assert made == [100, 4]


def test_what_a_consumer_has_told_is_forgotten_when_it_may_be_told_again() -> None:
    consumer = StreamConsumer(
        ports=SimpleNamespace(),  # type: ignore[arg-type]
        views=lambda: (),
        member=GroupMember(name="c"),
        group="g",
        store="s",
    )
    loop = _Loop(consumer, SimpleNamespace(), threading.Event(), SimpleNamespace())  # type: ignore[arg-type]
    for minute in range(50):
        loop._tell(StoreBusy(store=f"the store at {minute}", operation="read"), 61.0 * minute)
    assert len(loop._told) == 1


def test_a_list_as_text_that_is_too_deep_is_no_list() -> None:
    """It was a RecursionError, and so an error of the server."""
    deep = "[" * 100_000
    assert read_value(DType.LIST_FLOAT64, deep, Spelling()) is BAD


def test_counts_of_an_older_state_that_was_put_back_end_no_counting() -> None:
    metrics = ServerMetrics()
    for checked in (10, 4, 6):
        metrics.count_parity(checked, 0)
    assert b"mainspring_parity_checked_total 2.0" in metrics.render()


class _Reader(FeatureReader):
    """Prepares at once."""

    def _prepare(self, names: tuple[str, ...]) -> object:  # type: ignore[override]
        return names


class _Slow(dict[tuple[str, ...], object]):
    """Whoever looks for its first key is met by another who has just removed one, if nothing keeps
    the two apart.
    """

    def meet(self, act: Callable[[], object]) -> None:
        """Let somebody else do this meanwhile."""
        self.removed, self.looked = threading.Event(), threading.Event()
        self.first, self.other = threading.current_thread(), threading.Thread(target=act)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        found = super().__iter__()
        if threading.current_thread() is self.first:
            self.other.start()
            self.removed.wait(0.3)
        return found

    def __setitem__(self, names: tuple[str, ...], found: object) -> None:
        if threading.current_thread() is not self.first:
            self.removed.set()
            self.looked.wait(0.3)
        super().__setitem__(names, found)


def test_two_callers_may_make_room_for_what_they_ask_at_once() -> None:
    """One of them met a dictionary that changed under it, which was an error of the server."""
    reader = _Reader(None, None, history=None)  # type: ignore[arg-type]
    for n in range(64):
        reader._prepared_for((f"v{n}",))
    kept = _Slow(reader._prepared)
    reader._prepared = kept  # type: ignore[assignment]
    kept.meet(lambda: reader._prepared_for(("other",)))
    reader._prepared_for(("mine",))
    kept.other.join()
    assert len(kept) == 64
