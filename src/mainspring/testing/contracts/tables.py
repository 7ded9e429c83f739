"""The guarantees of every offline store."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import polars as pl
import pytest

from mainspring.elements.time import DAY
from mainspring.ports.errors import StaleWrite, StoreBusy
from mainspring.ports.tables import TableWriter

__all__ = ["TablesContract"]

TABLE = "source:flights"


def _rows(first: int, count: int) -> pl.DataFrame:
    offsets = pl.int_range(first, first + count, eager=True).alias("_offset")
    at = pl.from_epoch("_offset", time_unit="us").dt.replace_time_zone("UTC")
    return pl.DataFrame(offsets).with_columns(
        _id=pl.col("_offset").cast(pl.String),
        _content=pl.lit(b"\x00\xff" * 8),
        _history=pl.lit(True),
        at=at,
    )


class TablesContract:
    """Override `tables` with an empty store."""

    @pytest.fixture
    def tables(self) -> TableWriter:
        """An empty store."""
        raise NotImplementedError

    def test_an_absent_table_is_at_zero_and_scans_as_none(self, tables: TableWriter) -> None:
        """Nothing is no error."""
        assert (tables.position(TABLE), tables.scan(TABLE)) == (0, None)

    def test_rows_come_back_with_their_types_and_move_the_position(
        self, tables: TableWriter
    ) -> None:
        """Text, bytes, booleans and instants."""
        tables.append(TABLE, _rows(0, 3), expected=0, position=3)
        scan = tables.scan(TABLE)
        assert scan is not None
        assert scan.collect().sort("_offset").equals(_rows(0, 3))
        assert tables.position(TABLE) == 3

    def test_a_write_decided_on_an_old_position_adds_nothing(self, tables: TableWriter) -> None:
        """ENG-004."""
        tables.append(TABLE, _rows(0, 3), expected=0, position=3)
        with pytest.raises(StaleWrite, match="is at offset 3, not at offset 0"):
            tables.append(TABLE, _rows(0, 3), expected=0, position=3)
        assert self._offsets(tables) == [0, 1, 2]

    def test_columns_keep_their_names_whatever_they_are(self, tables: TableWriter) -> None:
        """Names that differ by case, in one frame or in two, are two columns."""
        names = ["Amount", "unit price", "a.b", "Größe", "金額", "", "~bytes~00"]
        first = _rows(0, 1).with_columns(pl.lit(name).alias(name) for name in names)
        more = [*names, "amount", "GRÖSSE", "größe"]
        second = _rows(1, 1).with_columns(pl.lit(name).alias(name) for name in more)
        tables.append(TABLE, first, expected=0, position=1)
        tables.append(TABLE, second, expected=1, position=2)
        scan = tables.scan(TABLE)
        assert scan is not None
        found = scan.sort("_offset").collect()
        assert found[more].rows() == [(*names, None, None, None), tuple(more)]
        assert scan.filter(pl.col("amount") == "amount").select("_offset").collect().item() == 1

    def test_later_columns_are_null_in_earlier_rows(self, tables: TableWriter) -> None:
        """Schemas grow."""
        tables.append(TABLE, _rows(0, 1), expected=0, position=1)
        tables.append(TABLE, _rows(1, 1).with_columns(gate=pl.lit("B7")), expected=1, position=2)
        scan = tables.scan(TABLE)
        assert scan is not None
        assert scan.sort("_offset").collect()["gate"].to_list() == [None, "B7"]

    def test_each_offset_is_there_once_after_many_appends(self, tables: TableWriter) -> None:
        """Exactly once."""
        for first in range(0, 20, 4):
            tables.append(TABLE, _rows(first, 4), expected=first, position=first + 4)
        assert self._offsets(tables) == list(range(20))

    def test_tables_are_apart(self, tables: TableWriter) -> None:
        """One table's position says nothing of another's."""
        tables.append(TABLE, _rows(0, 2), expected=0, position=2)
        assert tables.position("source:weather") == 0

    def test_of_many_that_fold_the_same_records_one_wins(self, tables: TableWriter) -> None:
        """The first rows of a table included."""

        def compete(_: int) -> bool:
            try:
                tables.append(TABLE, _rows(0, 3), expected=0, position=3)
            except StaleWrite:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(compete, range(8))) == 1
        assert self._offsets(tables) == [0, 1, 2]

    def test_a_vacuum_changes_neither_rows_nor_position(self, tables: TableWriter) -> None:
        """And what comes next is added as before; an absent table has nothing to delete."""
        assert tables.vacuum(TABLE, retain=0) == 0
        for first in range(0, 12, 2):
            tables.append(
                TABLE,
                _rows(first, 2).with_columns(pl.lit(first).alias(f"only_{first % 3}")),
                expected=first,
                position=first + 2,
            )
        before = tables.scan(TABLE)
        assert before is not None
        held = before.sort("_offset").collect()
        assert tables.vacuum(TABLE, retain=0) >= 0
        after = tables.scan(TABLE)
        assert after is not None
        assert after.sort("_offset").collect().select(held.columns).equals(held, null_equal=True)
        assert tables.position(TABLE) == 12
        tables.append(TABLE, _rows(12, 1), expected=12, position=13)
        assert self._offsets(tables) == list(range(13))

    def test_a_dropped_table_is_as_if_it_had_never_been(self, tables: TableWriter) -> None:
        """It begins anew; dropping what is absent, or dropped, changes nothing."""
        tables.drop(TABLE)
        for first in range(0, 6, 2):
            tables.append(TABLE, _rows(first, 2), expected=first, position=first + 2)
        tables.append("source:weather", _rows(0, 1), expected=0, position=1)
        for _ in range(2):
            tables.drop(TABLE)
            assert (tables.position(TABLE), tables.scan(TABLE)) == (0, None)
        tables.append(TABLE, _rows(0, 3), expected=0, position=3)
        assert self._offsets(tables) == [0, 1, 2]
        assert tables.position("source:weather") == 1

    def test_many_who_append_during_a_vacuum_lose_nothing(self, tables: TableWriter) -> None:
        """A writer that was too late does it again."""

        def append() -> None:
            first = tables.position(TABLE)
            with suppress(StaleWrite):
                tables.append(TABLE, _rows(first, 2), expected=first, position=first + 2)

        def vacuum() -> None:
            with suppress(StoreBusy):
                tables.vacuum(TABLE, retain=DAY)

        with ThreadPoolExecutor(3) as pool:
            for done in [
                pool.submit(vacuum if number % 4 == 3 else append) for number in range(24)
            ]:
                done.result()
        position = tables.position(TABLE)
        assert position > 0
        assert self._offsets(tables) == list(range(position))

    def _offsets(self, tables: TableWriter) -> list[int]:
        scan = tables.scan(TABLE)
        return [] if scan is None else sorted(scan.collect()["_offset"].to_list())
