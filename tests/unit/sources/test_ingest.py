"""What the sequencer decides about rows, seen from outside."""

import threading

import polars as pl
import pytest

from mainspring.elements.expression import col, hours
from mainspring.elements.time import FOREVER, HOUR, MINUTE
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.errors import UnknownOperation, UnreadableRows
from mainspring.sources.ingest import SourceWriter
from mainspring.sources.spec import Contract, Float64, Source, String
from tests.unit.sources.conftest import NOON, SCHEMA, Desk, row, source_of

ELEVEN = NOON - HOUR


def spans(facts: pl.DataFrame) -> list[tuple[float, int, int]]:
    return list(facts.select("delay", "_visible_from", "_visible_to").iter_rows())


def test_a_live_fact_is_seen_from_its_append_on(desk: Desk) -> None:
    assert desk.take(row()).accepted == 1
    assert spans(desk.facts()) == [(5.0, NOON, FOREVER)]


def test_history_is_seen_from_when_it_was_known(desk: Desk) -> None:
    desk.take(row(), history=True)
    assert spans(desk.facts()) == [(5.0, ELEVEN, FOREVER)]


def test_a_scheduled_fact_is_seen_once_it_is_known(clock: FrozenClock) -> None:
    desk = Desk(
        CompiledSource(source_of(known_at=col("landed_at") + hours(3)), SCHEMA),
        SqliteLog(None),
        clock,
    )
    desk.take(row())
    assert spans(desk.facts()) == [(5.0, ELEVEN + 3 * HOUR, FOREVER)]


def test_the_same_row_again_is_a_duplicate(desk: Desk) -> None:
    desk.take(row())
    report = desk.take(row(), row())
    assert (report.accepted, report.duplicates, desk.facts().height) == (0, 2, 1)


def test_other_content_without_an_operation_is_a_conflict(desk: Desk) -> None:
    desk.take(row())
    assert desk.take(row(delay=6.0)).quarantined == {"conflict": 1}
    assert spans(desk.facts()) == [(5.0, NOON, FOREVER)]


def test_the_later_of_two_contents_in_one_batch_is_a_conflict(desk: Desk) -> None:
    report = desk.take(row(), row(2), row(delay=6.0), history=True)
    assert (report.accepted, report.quarantined) == (2, {"conflict": 1})
    assert desk.facts()["delay"].to_list() == [5.0, 5.0]


def test_a_replacement_is_seen_from_then_on_and_the_old_value_until_then(desk: Desk) -> None:
    desk.take(row())
    desk.clock.advance(MINUTE)
    assert desk.take(row(delay=6.0), op=["replace"]).revised == 1
    assert spans(desk.facts()) == [(5.0, NOON, NOON + MINUTE), (6.0, NOON + MINUTE, FOREVER)]


def test_revisions_at_one_instant_carry_increasing_times(desk: Desk) -> None:
    desk.take(row(), row(delay=6.0), row(delay=7.0), op=["insert", "replace", "replace"])
    assert spans(desk.facts()) == [
        (5.0, NOON, NOON + 1),
        (6.0, NOON + 1, NOON + 2),
        (7.0, NOON + 2, FOREVER),
    ]


def test_a_deleted_fact_ends(desk: Desk) -> None:
    desk.take(row())
    desk.clock.advance(MINUTE)
    assert desk.take({"flight": 1}, op=["delete"]).deleted == 1
    assert spans(desk.facts()) == [(5.0, NOON, NOON + MINUTE)]


def test_a_retract_carries_the_row_that_it_takes_back(desk: Desk) -> None:
    desk.take(row())
    desk.take(row(delay=6.0), op=["replace"])
    records = pl.concat(list(desk.log.read("source:arrivals")))
    assert records.select("_op", "delay", "_event_time").rows() == [
        ("insert", 5.0, ELEVEN),
        ("retract", 5.0, ELEVEN),
        ("insert", 6.0, ELEVEN),
    ]


@pytest.mark.parametrize("column", ["delay", "carrier"])
def test_a_null_beside_a_broken_row_is_kept(clock: FrozenClock, column: str) -> None:
    contract = Contract(
        carrier=String(max_length=2, one_of=("UA",)), delay=Float64(between=(-60, 900))
    )
    desk = Desk(CompiledSource(source_of(contract=contract), SCHEMA), SqliteLog(None), clock)
    report = desk.take(row(1, **{column: None}), row(2, delay=901.0), row(3))
    assert (report.accepted, report.quarantined) == (2, {"between:delay": 1})


def test_deleting_what_is_not_there_changes_nothing(desk: Desk) -> None:
    report = desk.take(row(), op=["delete"])
    assert (report.unknown, report.duplicates, desk.log.head("source:arrivals")) == (1, 0, 0)


def test_deleting_twice_says_it_twice(desk: Desk) -> None:
    desk.take(row())
    assert [desk.take(row(), op=["delete"]).deleted for _ in range(2)] == [1, 0]
    assert desk.take(row(), op=["delete"]).duplicates == 1


def test_columns_that_the_source_lacks_are_named(desk: Desk) -> None:
    assert desk.take(row(gate="A1"), row(2, belt=3, gate=None)).ignored == ("belt", "gate")
    assert desk.take(row(3)).ignored == ()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (5, "row 1 is 5, not a mapping"),
        ("UA", "row 1 is 'UA'"),
        (row(2, carrier="U\ud800"), "row 1 holds half a surrogate pair in 'carrier'"),
        (row(2, carrier={"a": 1}), "row 1 holds a dict in 'carrier'"),
        (row(2, delay=[5.0]), "row 1 holds a list in 'delay'"),
        (row(2, carrier=b"UA"), "row 1 holds a bytes in 'carrier'"),
        (row(2, carrier=object()), "row 1 holds a object in 'carrier'"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_nothing_is_taken(
    desk: Desk, bad: dict[str, object], message: str
) -> None:
    with pytest.raises(UnreadableRows, match=message):
        desk.take(row(), bad)
    assert desk.log.head("source:arrivals") == 0


@pytest.mark.parametrize("rows", [5, "rows", row(), (row(number) for number in range(2))])
def test_rows_that_are_no_list_are_refused(desk: Desk, rows: object) -> None:
    with pytest.raises(UnreadableRows, match=f"{type(rows).__name__} is not a list of rows"):
        SourceWriter(
            desk.compiled, log=desk.log, clock=desk.clock, objects=MemoryObjects()
        ).write_rows(rows)


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (pl.Series([[1.0]]), "List"),
        (pl.Series([b"5"]), "Binary"),
        (pl.Series([object()], dtype=pl.Object), "Object"),
    ],
)
def test_a_column_that_holds_no_values_is_named_unless_nobody_reads_it(
    desk: Desk, column: pl.Series, found: str
) -> None:
    frame = pl.DataFrame([row()])
    with pytest.raises(UnreadableRows, match=f"column 'delay' is {found}"):
        SourceWriter(
            desk.compiled, log=desk.log, clock=desk.clock, objects=MemoryObjects()
        ).write_rows(frame.with_columns(delay=column))
    report = SourceWriter(
        desk.compiled, log=desk.log, clock=desk.clock, objects=MemoryObjects()
    ).write_rows(pl.DataFrame([row(delay=901.0)]).with_columns(blob=column))
    assert (report.quarantined, report.ignored) == ({"between:delay": 1}, ("blob",))


def test_a_frame_without_any_column_of_the_source_is_refused(desk: Desk) -> None:
    with pytest.raises(UnreadableRows, match="none of its columns, which are flight, landed_at"):
        SourceWriter(
            desk.compiled, log=desk.log, clock=desk.clock, objects=MemoryObjects()
        ).write_rows(pl.DataFrame({"x": [1, 2]}))


def test_names_of_ignored_columns_may_be_anything(desk: Desk) -> None:
    assert desk.take(row() | {1: 2, "zz": 3, None: 4}).ignored == ("1", "None", "zz")


def test_a_redelivered_row_does_not_bring_a_deleted_fact_back(desk: Desk) -> None:
    desk.take(row())
    desk.take(row(), op=["delete"])
    assert desk.take(row()).duplicates == 1
    assert desk.take(row(), op=["replace"]).accepted == 1


def test_a_fact_beyond_the_lateness_lies_in_quarantine(clock: FrozenClock) -> None:
    desk = Desk(CompiledSource(source_of(lateness="59m"), SCHEMA), SqliteLog(None), clock)
    report = desk.take(row(1), row(2, landed_at="2013-01-01T11:01:00Z"))
    assert (report.accepted, report.quarantined) == (1, {"late": 1})
    assert desk.quarantine().select("reason", "code", "_event_time").rows() == [
        ("late", "SRC-011", ELEVEN)
    ]


def test_a_quarantined_row_without_an_event_time_lies_at_its_append(desk: Desk) -> None:
    desk.take(row(landed_at=None))
    assert desk.quarantine().select("_event_time", "reason", "code").rows() == [
        (NOON, "event_time_missing", "SRC-010")
    ]


def test_the_order_of_rows_is_the_order_of_offsets(desk: Desk) -> None:
    desk.take(row(3))
    desk.take(row(1), row(3, delay=9.0), row(2), op=["insert", "replace", "insert"])
    assert desk.facts().select("flight", "_offset").rows() == [(3, 0), (1, 1), (3, 3), (2, 4)]


def test_an_operation_that_does_not_exist_is_refused(desk: Desk) -> None:
    with pytest.raises(UnknownOperation, match="'upsert'"):
        desk.take(row(), op=["upsert"])


def test_writers_at_the_same_time_lose_nothing(desk: Desk) -> None:
    def write(writer: int) -> None:
        for number in range(20):
            SourceWriter(
                desk.compiled, log=desk.log, clock=desk.clock, objects=MemoryObjects()
            ).write_rows([row(number), row(100 * writer + number)])

    writers = [threading.Thread(target=write, args=(writer,)) for writer in (1, 2)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    assert sorted(desk.facts()["flight"].to_list()) == [
        *range(20),
        *range(100, 120),
        *range(200, 220),
    ]


def test_a_source_without_a_contract_takes_rows_too(clock: FrozenClock) -> None:
    desk = Desk(
        CompiledSource(Source("arrivals", id="flight", event_time="landed_at"), SCHEMA),
        SqliteLog(None),
        clock,
    )
    assert desk.take(row(carrier="anything")).accepted == 1
