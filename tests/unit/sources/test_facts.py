"""Facts are read the same from the log and from the table below it."""

import polars as pl
import pytest

from mainspring.elements.time import HOUR, MINUTE
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.tables import MemoryTables
from mainspring.sources.facts import read_source_rows
from mainspring.sources.fold import materialize_table
from tests.unit.sources.conftest import NOON, Desk, row, source_of


def filled(desk: Desk) -> None:
    desk.take(row(1), row(2))
    desk.clock.advance(MINUTE)
    desk.take(row(1, delay=7.0), row(3), op=["replace", "insert"])


def test_facts_are_the_same_from_the_log_and_from_a_table_with_a_tail(desk: Desk) -> None:
    tables = MemoryTables()
    desk.take(row(1), row(2))
    materialize_table("source:arrivals", log=desk.log, tables=tables)
    desk.clock.advance(MINUTE)
    desk.take(row(1, delay=7.0), op=["replace"])
    assert read_source_rows(source_of(), log=desk.log, tables=tables).equals(desk.facts())


def test_facts_until_an_offset_do_not_know_what_came_later(desk: Desk) -> None:
    filled(desk)
    before = read_source_rows(source_of(), log=desk.log, until=2)
    assert before.select("flight", "_visible_to").rows() == [(1, 2**63 - 1), (2, 2**63 - 1)]


def test_facts_until_an_offset_are_cut_in_the_table_too(desk: Desk) -> None:
    filled(desk)
    tables = MemoryTables()
    materialize_table("source:arrivals", log=desk.log, tables=tables)
    until = read_source_rows(source_of(), log=desk.log, tables=tables, until=2)
    assert until.equals(read_source_rows(source_of(), log=desk.log, until=2))


def test_what_became_visible_later_can_be_left_out(desk: Desk) -> None:
    filled(desk)
    assert read_source_rows(source_of(), log=desk.log, visible_until=NOON).select(
        "flight", "_visible_to"
    ).rows() == [(1, NOON + MINUTE), (2, 2**63 - 1)]


@pytest.mark.parametrize("folded", [0, 3, 5])
def test_what_happened_before_can_be_left_out_of_log_and_table_with_what_takes_it_back(
    desk: Desk, folded: int
) -> None:
    early, late = {"landed_at": "2013-01-01T09:00:00Z"}, {"landed_at": "2013-01-01T11:00:00Z"}
    desk.take(row(1, **early), row(2, **late), row(3, **early))
    desk.clock.advance(MINUTE)
    tables = MemoryTables()
    materialize_table("source:arrivals", log=desk.log, tables=tables) if folded == 3 else None
    desk.take(row(1, **late), row(2, delay=7.0, **late), op=["replace", "replace"])
    materialize_table("source:arrivals", log=desk.log, tables=tables) if folded == 5 else None
    happened_from = NOON - HOUR
    facts = read_source_rows(source_of(), log=desk.log, tables=tables, happened_from=happened_from)
    assert facts.equals(desk.facts().filter(pl.col("_event_time") >= happened_from))
    assert facts["flight"].to_list() == [2, 1, 2]
    assert read_source_rows(source_of(), log=desk.log, tables=tables, happened_from=NOON).is_empty()


def test_a_source_without_records_has_no_facts() -> None:
    facts = read_source_rows(source_of(), log=SqliteLog(None))
    assert facts.is_empty()
    assert {"_id", "_offset", "_event_time", "_visible_from", "_visible_to"} <= set(facts.columns)


def test_folding_goes_on_from_where_it_stood(desk: Desk) -> None:
    tables = MemoryTables()
    filled(desk)
    assert materialize_table("source:arrivals", log=desk.log, tables=tables, rows=1) == 5
    desk.take(row(4))
    assert materialize_table("source:arrivals", log=desk.log, tables=tables) == 6
    scan = tables.scan("source:arrivals")
    assert scan is not None
    assert scan.collect()["_offset"].to_list() == list(range(6))
