"""Local times of columns that hold little: nothing, only nulls, one hour in which clocks change."""

import polars as pl
import pytest

from mainspring.elements.expression import col
from mainspring.elements.expression.columns import to_polars
from mainspring.elements.frame import STORED
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import MINUTE, parse_instant

CHANGE = parse_instant("2013-10-05T15:30Z")
MINUTES = to_polars(
    col("t").dt.convert_time_zone("Australia/Lord_Howe").dt.minute().node,
    Schema.of(t=DType.TIMESTAMP),
)


@pytest.mark.parametrize(
    ("instants", "minutes"),
    [
        ([], []),
        ([None, None], [None, None]),
        ([None, CHANGE - MINUTE, CHANGE, -1, None], [None, 59, 30, None, None]),
    ],
)
def test_a_local_time_is_read_wherever_an_instant_is(
    instants: list[int | None], minutes: list[int | None]
) -> None:
    frame = pl.DataFrame({"t": pl.Series(instants, dtype=pl.Int64).cast(STORED[DType.TIMESTAMP])})
    assert frame.select(value=MINUTES)["value"].to_list() == minutes
