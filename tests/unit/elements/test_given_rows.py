"""Rows in whatever form a program has them."""

import polars as pl
import pytest

from mainspring.elements.errors import FrameUnreadable
from mainspring.elements.foreign_frame import as_polars, plain_rows

ROWS = [{"shop": "a", "n": 1}, {"shop": "b", "n": None}]


@pytest.mark.parametrize(
    "given", [ROWS, tuple(ROWS), pl.DataFrame(ROWS), pl.LazyFrame(ROWS)], ids=lambda g: type(g)
)
def test_rows_come_in_many_forms(given: object) -> None:
    assert list(plain_rows(given)) == ROWS


def test_one_mapping_is_one_row() -> None:
    assert plain_rows(ROWS[0]) == [ROWS[0]]


@pytest.mark.parametrize("given", ["a", b"a", None, 3, [1], ["a"], {1}, pl.Series([1])])
def test_what_has_no_rows_is_refused_in_a_line(given: object) -> None:
    with pytest.raises(FrameUnreadable) as refused:
        plain_rows(given)
    assert type(given).__name__ in refused.value.message


def test_a_frame_of_pandas_is_one_of_polars_with_nulls_where_values_are_missing() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "shop": ["a", None],
            "n": pandas.array([1, None], dtype="Int64"),
            "x": [1.5, float("nan")],
            "at": pandas.to_datetime(["2024-05-01T12:00:00Z", None]),
        }
    )
    found = as_polars(frame)
    assert isinstance(found, pl.DataFrame)
    assert found.null_count().row(0) == (1, 1, 1, 1)
    assert found["n"].to_list() == [1, None]
    assert found["x"].to_list() == [1.5, None]
    assert plain_rows(frame)[0]["shop"] == "a"
