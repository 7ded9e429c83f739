"""Whichever write fails, and whether it happened or not: done again, nothing is lost and nothing is
there twice.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.expression import col
from mainspring.elements.expression.build import count
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import HOUR, MINUTE
from mainspring.engines.delta.tables import DeltaTables
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.online import SqliteOnline
from mainspring.engines.local.state import SqliteState
from mainspring.engines.local.tables import MemoryTables
from mainspring.features.online.read import read_online
from mainspring.features.spec import Entity, FeatureView
from mainspring.features.state.stream import materialize_view, merge_runs
from mainspring.features.view import compile_view
from mainspring.ports.errors import StaleWrite, StoreFailed
from mainspring.ports.log import LogWriter
from mainspring.ports.online import OnlineWriter
from mainspring.ports.state import Change
from mainspring.ports.tables import TableWriter
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.facts import read_source_rows
from mainspring.sources.fold import materialize_table
from mainspring.sources.ingest import SourceWriter
from mainspring.sources.quarantine import read_quarantine
from mainspring.sources.spec import Contract, Float64, Source
from mainspring.testing.failing import (
    FailingLog,
    FailingOnline,
    FailingState,
    FailingTables,
    Failures,
)

SCHEMA = Schema.of(n=DType.INT64, at=DType.TIMESTAMP, city=DType.STRING, delay=DType.FLOAT64)
SOURCE = Source("s", id="n", event_time="at", contract=Contract(delay=Float64(between=(0, 1e6))))
COMPILED = CompiledSource(SOURCE, SCHEMA)
VIEW = compile_view(
    FeatureView(
        "v",
        source=SOURCE,
        entities=[Entity("city")],
        windows=["1h"],
        features={"n": count(), "total": col("delay").sum()},
    ),
    SCHEMA,
    shard="v",
)
TOPIC, REFUSED = "source:s", "quarantine:s"
CALLS = 6


def until_done(work: Callable[[], object]) -> None:
    """What a producer, a scheduler or a person does about a failed write: the same again."""
    for _ in range(200):
        with suppress(StoreFailed, StaleWrite):
            work()
            return
    raise AssertionError("it failed 200 times")


def once(work: Callable[[], object]) -> None:
    """What somebody does who never looks back."""
    with suppress(StoreFailed):
        work()


def rows_of(call: int) -> list[dict[str, object]]:
    """Seven facts, one of them said before, and one row that breaks the contract."""
    numbers = [*range(7 * call, 7 * call + 7), max(7 * call - 3, 0)]
    rows = [
        {"n": n, "at": n * MINUTE // 2, "city": "JFK" if n % 3 else "LGA", "delay": n / 7}
        for n in numbers
    ]
    return [*rows, {"n": -call - 1, "at": 0, "city": "JFK", "delay": -1.0}]


def run(
    log: LogWriter,
    tables: TableWriter,
    online: OnlineWriter,
    doing: Callable[[Callable[[], object]], None] = until_done,
) -> None:
    """Ingest, correct, fold into the table and into online state, over and over."""
    clock = FrozenClock(HOUR)
    for call in range(CALLS):
        clock.advance(MINUTE)
        doing(
            lambda call=call: SourceWriter(
                COMPILED, log=log, clock=clock, objects=MemoryObjects()
            ).write_rows(rows_of(call))
        )
        correction = [{"n": 7 * call, "at": 7 * call * MINUTE // 2, "city": "JFK", "delay": 0.5}]
        doing(
            lambda correction=correction: SourceWriter(
                COMPILED, log=log, clock=clock, objects=MemoryObjects(), tables=tables
            ).write_rows(correction, op=["replace"])
        )
        doing(lambda: materialize_table(TOPIC, log=log, tables=tables, rows=3))
        doing(lambda: materialize_view(VIEW, log=log, online=online, now=0, tables=tables))
        if call % 3 == 2:
            doing(lambda: log.trim(TOPIC, min(tables.position(TOPIC), log.head(TOPIC) - 3)))
        doing(lambda: log.compact(TOPIC))


def outcome(log: LogWriter, tables: TableWriter, online: OnlineWriter) -> list[object]:
    """Facts, table, quarantine, features and the rows of state that they come from, all of it."""
    scan = tables.scan(TOPIC)
    assert scan is not None
    features = read_online([VIEW], online, {"city": ["JFK", "LGA"]}, at=[70 * MINUTE] * 2)
    # What is pushed again is counted again, and a correction that is said twice is kept twice.
    refused = [row.row for row in read_quarantine(SOURCE.stream, log)]
    facts = read_source_rows(SOURCE, log=log, tables=tables, schema=SCHEMA)
    merge_runs(VIEW, online=online, now=0)
    rows = list(online.iter_rows(VIEW.shard))
    return [
        log.head(TOPIC),
        facts.rows(),
        scan.sort("_offset").collect().drop("_raw").rows(),
        refused,
        features.columns,
        features.positions,
        rows,
    ]


@pytest.fixture(scope="module")
def undisturbed() -> list[object]:
    engines = SqliteLog(None), MemoryTables(), SqliteOnline(None)
    run(*engines)
    return outcome(*engines)


@pytest.mark.parametrize("when", ["before", "after", "either"])
@pytest.mark.parametrize("every", range(2, 31))
def test_a_failure_of_every_nth_write_loses_and_doubles_nothing(
    every: int, when: str, undisturbed: list[object]
) -> None:
    failures = Failures(every=every, when=when)
    log, tables, online = SqliteLog(None), MemoryTables(), SqliteOnline(None)
    run(FailingLog(log, failures), FailingTables(tables, failures), FailingOnline(online, failures))
    assert failures.failed > 0
    assert outcome(log, tables, online) == undisturbed


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_failure_of_every_single_write_leaves_nothing_or_all(
    when: str, undisturbed: list[object]
) -> None:
    failures = Failures(every=1, when=when)
    log, tables, online = SqliteLog(None), MemoryTables(), SqliteOnline(None)
    run(
        FailingLog(log, failures),
        FailingTables(tables, failures),
        FailingOnline(online, failures),
        once,
    )
    if when == "before":
        assert (log.topics(), tables.position(TOPIC), online.shards()) == ([], 0, {})
        run(log, tables, online)
    materialize_table(TOPIC, log=log, tables=tables)
    materialize_view(VIEW, log=log, online=online, now=0, tables=tables)
    assert outcome(log, tables, online) == undisturbed


@pytest.mark.parametrize("every", [2, 3, 7])
def test_the_same_holds_for_delta_tables_and_files(
    every: int, tmp_path, undisturbed: list[object]
) -> None:
    failures = Failures(every=every)
    log, tables, online = (
        SqliteLog(tmp_path / "log.db"),
        DeltaTables(tmp_path / "tables"),
        SqliteOnline(tmp_path / "online.db"),
    )
    run(FailingLog(log, failures), FailingTables(tables, failures), FailingOnline(online, failures))
    assert outcome(log, tables, online)[:2] == undisturbed[:2]
    assert outcome(log, tables, online)[3:] == undisturbed[3:]


def changes() -> Iterator[tuple[Change, Event]]:
    for number in range(20):
        event = Event(
            kind="counter.moved",
            project=ProjectName("p"),
            actor=Actor("service:test"),
            at=number,
            subject=f"{number}",
        )
        yield Change("counter", f"{number}", b"{}", 0), event


@pytest.mark.parametrize("every", range(2, 31))
def test_documents_that_expect_their_version_are_written_once(every: int) -> None:
    state = SqliteState(None, ProjectName("p"))
    failing = FailingState(state, Failures(every=every))

    def put(change: Change, event: Event) -> None:
        if failing.get(change.kind, change.key) is None:
            failing.commit([change], [event])

    for change, event in changes():
        until_done(lambda change=change, event=event: put(change, event))
    assert [document.version for document in state.iter_documents("counter")] == [1] * 20
    assert [record.event.subject for record in state.iter_events()] == [
        f"{number}" for number in range(20)
    ]
