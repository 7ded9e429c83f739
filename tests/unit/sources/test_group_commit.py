"""Pushes that wait are written together: one transaction, and to each its own answer."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import polars as pl
import pytest

from mainspring.engines.local.log import SqliteLog
from mainspring.ports.errors import StaleWrite, StoreFailed
from mainspring.sources.errors import UnreadableRows
from mainspring.sources.group_commit import PushRequest
from mainspring.sources.ingest import IngestReport
from mainspring.sources.pending_log import PendingLog
from mainspring.testing.contracts.log import records
from tests.unit.sources.conftest import Desk, row

PATIENCE_S = 30


class Slow(SqliteLog):
    """A log whose appends wait until they may go on, and are counted."""

    def __init__(self) -> None:
        super().__init__(None)
        self.entered, self.may_go = threading.Event(), threading.Event()
        self.appends = 0
        self.fault: Exception | None = None

    def append(
        self, batches: Mapping[str, pl.DataFrame], *, expected: Mapping[str, int]
    ) -> Mapping[str, int]:
        """Append, once it may."""
        self.entered.set()
        assert self.may_go.wait(PATIENCE_S)
        self.appends += 1
        if self.fault is not None:
            raise self.fault
        return super().append(batches, expected=expected)


@pytest.fixture
def slow(desk: Desk) -> Slow:
    desk.log = Slow()
    return desk.log


def requests(desk: Desk, rows: Sequence[dict[str, object]]) -> list[PushRequest]:
    writer = desk.writer()
    return [writer.request([each]) for each in rows]


def test_what_waits_is_one_transaction(desk: Desk, slow: Slow) -> None:
    writer = desk.writer()
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(writer.write_rows, [row(0)])
        assert slow.entered.wait(PATIENCE_S)
        others = [threads.submit(writer.write_rows, [row(n)]) for n in range(1, 9)]
        while len(writer.pushes._queue) < len(others):
            pass
        slow.may_go.set()
        reports = [each.result(PATIENCE_S) for each in [first, *others]]
    assert slow.appends == 2
    assert sorted(report.first_offset for report in reports) == list(range(9))
    assert desk.facts().height == 9


def test_rows_that_cannot_be_read_end_no_other(desk: Desk) -> None:
    rows = [row(1), row(2, carrier="\ud800"), row(3), row(4, delay=901)]
    outcomes = desk.writer().pushes.write(requests(desk, rows))
    assert isinstance(outcomes[1], UnreadableRows)
    reports = [each for each in outcomes if isinstance(each, IngestReport)]
    assert [(each.accepted, dict(each.quarantined)) for each in reports] == [
        (1, {}),
        (1, {}),
        (0, {"between:delay": 1}),
    ]


def test_a_bug_that_one_push_meets_ends_no_other(desk: Desk) -> None:
    group = requests(desk, [row(1), row(2), row(3)])
    # No journal, as no caller can bring it.
    group[1] = replace(group[1], journal=object())  # type: ignore[arg-type]
    outcomes = desk.writer().pushes.write(group)
    assert [type(each).__name__ for each in outcomes] == [
        "IngestReport",
        "AttributeError",
        "IngestReport",
    ]
    assert desk.facts().height == 2


def test_what_the_log_refuses_it_refuses_all(desk: Desk, slow: Slow) -> None:
    slow.may_go.set()
    slow.fault = StoreFailed(store="the log", operation="append", reason="full")
    outcomes = desk.writer().pushes.write(requests(desk, [row(1), row(2)]))
    assert outcomes == [slow.fault, slow.fault]
    slow.fault = None
    assert desk.take(row(1), row(2)).accepted == 2


def test_what_waits_is_read_before_it_is_there() -> None:
    log = SqliteLog(None)
    log.append({"source:a": records(["x"])}, expected={})
    pending = PendingLog(log)
    assert pending.append({"source:a": records(["y", "z"])}, expected={"source:a": 1}) == {
        "source:a": 3
    }
    read = pl.concat(pending.read("source:a"))
    assert read.select("_offset", "_id").rows() == [(0, "x"), (1, "y"), (2, "z")]
    assert {id_: found.offset for id_, found in pending.find("source:a", ["z", "x"]).items()} == {
        "x": 0,
        "z": 2,
    }
    assert log.head("source:a") == 1
    with pytest.raises(StaleWrite):
        pending.append({"source:a": records(["w"])}, expected={"source:a": 2})
    pending.commit()
    assert pl.concat(log.read("source:a")).equals(read)


def test_what_others_append_meanwhile_refuses_all() -> None:
    log = SqliteLog(None)
    pending = PendingLog(log)
    pending.append({"source:a": records(["x"]), "raw:a": records(["x"])}, expected={})
    log.append({"source:a": records(["y"])}, expected={})
    with pytest.raises(StaleWrite):
        pending.commit()
    assert (log.head("source:a"), log.head("raw:a")) == (1, 0)
