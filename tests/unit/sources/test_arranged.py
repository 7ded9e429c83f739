"""A table that was put in order by key holds what it held, and is read by offset as before."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from mainspring.elements.time import DAY
from mainspring.engines.delta.arrange import arrange
from mainspring.engines.delta.tables import DeltaTables
from mainspring.engines.local.tables import MemoryTables
from mainspring.sources.read import iter_records, read_materialized

TOPIC = "source:sales"

ROWS = 600


class NoLog:
    """A log that was trimmed up to its head."""

    def first(self, topic: str) -> int:
        return ROWS

    head = first


def records(first: int, size: int) -> pl.DataFrame:
    offsets = np.arange(first, first + size)
    return pl.DataFrame(
        {
            "_offset": offsets,
            "_id": [f"id{offset}" for offset in offsets],
            "_op": "insert",
            "_event_time": offsets * 7 % 101,
            "shop": [None if offset % 13 == 0 else int(offset * 31 % 17) for offset in offsets],
        }
    )


@pytest.fixture(params=["delta", "memory"])
def tables(request, tmp_path: Path):
    made = DeltaTables(tmp_path, ordered_from=100) if request.param == "delta" else MemoryTables()
    for first in range(0, ROWS, 200):
        made.append(TOPIC, records(first, 200), expected=first, position=first + 200)
    made.vacuum(TOPIC, retain=0, order=("shop", "_event_time"))
    return made


def test_rows_lie_by_key_and_time_and_are_those_that_were_there(tables):
    scan = tables.scan(TOPIC)
    assert scan is not None
    lying = scan.collect()
    assert lying.select("shop", "_event_time").equals(
        lying.select("shop", "_event_time").sort("shop", "_event_time")
    )
    assert lying.sort("_offset").equals(records(0, ROWS))
    assert tables.position(TOPIC) == ROWS


def test_records_are_read_in_the_order_of_offsets(tables):
    found = pl.concat(iter_records(TOPIC, log=NoLog(), tables=tables, start=3, stop=ROWS - 2))
    assert found.equals(records(3, ROWS - 5))
    some = read_materialized(TOPIC, tables, start=5, stop=9)
    assert some is not None
    assert some["_offset"].to_list() == [5, 6, 7, 8]


def test_what_comes_later_is_added_as_before(tables):
    tables.append(TOPIC, records(ROWS, 5), expected=ROWS, position=ROWS + 5)
    tables.vacuum(TOPIC, retain=0, order=("shop", "_event_time"))
    scan = tables.scan(TOPIC)
    assert scan is not None
    assert scan.sort("_offset").collect().equals(records(0, ROWS + 5))


def test_an_attempt_that_was_killed_leaves_nothing_that_counts(tmp_path: Path):
    tables = DeltaTables(tmp_path, ordered_from=100)
    tables.append(TOPIC, records(0, 200), expected=0, position=200)
    [folder] = [path.parent for path in tmp_path.rglob("_delta_log")]
    left = folder / "arranged-left.parquet"
    records(0, 9).write_parquet(left)
    tables.vacuum(TOPIC, retain=DAY, order=("shop",))
    assert left.exists()
    tables.append(TOPIC, records(200, 200), expected=200, position=400)
    tables.vacuum(TOPIC, retain=0, order=("shop",))
    assert not left.exists()
    scan = tables.scan(TOPIC)
    assert scan is not None
    assert scan.sort("_offset").collect().equals(records(0, 400))


def test_rows_that_come_meanwhile_are_kept(tmp_path: Path):
    tables = DeltaTables(tmp_path, ordered_from=100)
    tables.append(TOPIC, records(0, 200), expected=0, position=200)
    [folder] = [path.parent for path in tmp_path.rglob("_delta_log")]
    before = DeltaTable(folder)
    tables.append(TOPIC, records(200, 5), expected=200, position=205)
    with suppress(CommitFailedError):
        arrange(before, folder, ("shop",), retain=0, fewest_rows=100)
    scan = tables.scan(TOPIC)
    assert scan is not None
    assert scan.sort("_offset").collect().equals(records(0, 205))
    assert tables.position(TOPIC) == 205


def arranged_files(tables: DeltaTables, folder: Path) -> set[str]:
    tables.vacuum(TOPIC, retain=0, order=("shop",))
    paths = (uri.rpartition("/")[2] for uri in DeltaTable(folder).file_uris())
    return {path for path in paths if path.startswith("arranged-")}


def test_a_few_rows_more_are_joined_and_many_put_all_in_order_again(tmp_path: Path):
    tables = DeltaTables(tmp_path, ordered_from=100)
    tables.append(TOPIC, records(0, 400), expected=0, position=400)
    [folder] = [path.parent for path in tmp_path.rglob("_delta_log")]
    ordered = arranged_files(tables, folder)
    assert ordered
    for first in (400, 430):
        tables.append(TOPIC, records(first, 30), expected=first, position=first + 30)
        assert arranged_files(tables, folder) == ordered
    tables.append(TOPIC, records(460, 200), expected=460, position=660)
    assert arranged_files(tables, folder).isdisjoint(ordered)
    assert len(DeltaTable(folder).file_uris()) == 1
