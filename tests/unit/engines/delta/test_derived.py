"""What a table leaves out is there for whoever scans it."""

from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.elements.time import DAY
from mainspring.engines.delta.derived import column_of_ids, filled_in, left_out
from mainspring.engines.delta.tables import DeltaTables

TABLE = "source:sales"
TIMES = ("_event_time", "_known_at", "_visible_at")
TIME = st.none() | st.integers(0, 2)
ROWS = st.lists(
    st.tuples(st.integers(0, 9), st.none() | st.integers(0, 9), TIME, TIME, TIME), max_size=8
)


def records(rows: list[tuple[int | None, ...]], first: int = 0) -> pl.DataFrame:
    """Records of an id, a number, and three times."""
    schema = {"_id": pl.Int64(), "sale": pl.Int64(), **dict.fromkeys(TIMES, pl.Int64())}
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.col("_id").cast(pl.String)
    )
    offsets = pl.int_range(first, first + frame.height, eager=True)
    return frame.insert_column(0, offsets.alias("_offset"))


@settings(max_examples=200, deadline=None)
@given(rows=ROWS, id_column=st.sampled_from([None, "sale"]))
def test_what_is_left_out_is_filled_in(
    rows: list[tuple[int | None, ...]], id_column: str | None
) -> None:
    # An absent time stays absent where all before it are.
    frame = records(rows).filter(pl.col("_event_time").is_not_null())
    frame = frame.with_columns(pl.col("_known_at", "_visible_at").fill_null(0))
    stored = left_out(frame, id_column)
    assert filled_in(stored.lazy(), frame.columns, id_column).collect().equals(frame)


@pytest.mark.parametrize(
    ("ids", "found"),
    [([1, 2], "sale"), ([1, 3], None), ([1, None], None), ([], None)],
)
def test_ids_are_told_by_a_column_that_has_them_all(
    ids: list[int | None], found: str | None
) -> None:
    rows = [(place + 1, id_, 0, 0, 0) for place, id_ in enumerate(ids)]
    assert column_of_ids(records(list(rows))) == found


def test_ids_and_times_stay_whole_whatever_becomes_of_the_table(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path, ordered_from=1)
    first = records([(number, number, 7, 7, 7 + number % 2) for number in range(40)])
    other = records([(number, number + 1, 7, 9, 9) for number in range(40)], first=40)
    tables.append(TABLE, first, expected=0, position=40)
    tables.append(TABLE, other.with_columns(more=pl.lit(1.5)), expected=40, position=80)
    text = other.drop("sale").with_columns(pl.col("_offset") + 40, sale=pl.lit("a"))
    tables.append(TABLE, text.rename({"sale": "sale~string"}), expected=80, position=120)
    wanted = pl.concat([first, other, text.rename({"sale": "sale~string"})], how="diagonal")

    def held() -> pl.DataFrame:
        scan = tables.scan(TABLE)
        assert scan is not None
        return scan.select("_offset", "_id", *TIMES).sort("_offset").collect()

    assert held().equals(wanted.select("_offset", "_id", *TIMES))
    stored = pl.scan_delta(DeltaTable(tmp_path / "source" / "sales"))
    assert stored.select(pl.col("_id", "_known_at").null_count()).collect().row(0) == (40, 40)
    for order in ((), ("sale",)):
        tables.vacuum(TABLE, retain=DAY, order=order)
        assert held().equals(wanted.select("_offset", "_id", *TIMES))
    tables.drop(TABLE)
    tables.append(TABLE, other, expected=0, position=80)
    assert held().equals(other.select("_offset", "_id", *TIMES))
