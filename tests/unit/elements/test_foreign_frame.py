"""Frames where a workspace takes and gives frames: those of Polars as they are, those of pandas the
same values.
"""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

import mainspring as ms
from mainspring import col
from mainspring.elements.errors import FrameUnreadable, PandasMissing
from mainspring.elements.foreign_frame import as_polars, beside, is_pandas, plain_rows, to_pandas
from mainspring.elements.schema import DType, Field
from mainspring.elements.time import parse_instant
from mainspring.elements.values.columns import read_column
from mainspring.elements.values.scalar import read_value
from mainspring.engines.local.clock import FrozenClock

try:
    import pandas as pd
except ModuleNotFoundError:
    pd = None

with_pandas = pytest.mark.skipif(pd is None, reason="pandas is not installed")

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
VALUES = pl.DataFrame(
    {
        "whole": pl.Series([1, None, 2**60 + 1]),
        "real": [0.5, None, -0.0],
        "yes": [True, None, False],
        "text": ["Wien", None, ""],
        "at": pl.Series([NOON, None, NOON + timedelta(microseconds=1)]),
        "length": pl.Series([timedelta(hours=1), None, timedelta(0)]),
    }
)
SALES = ms.Source(
    "sales",
    id="sale",
    event_time="at",
    contract=ms.Contract(sale=ms.Int64(), shop=ms.String(), at=ms.Timestamp(), amount=ms.Float64()),
)
TAKINGS = ms.FeatureView(
    "takings",
    source=SALES,
    entities=[ms.Entity("shop")],
    windows=["1h"],
    features={"amount": col("amount").sum(), "sales": ms.count()},
)
ROWS = [
    {"sale": 1, "shop": "a", "at": NOON - timedelta(minutes=30), "amount": 2.5},
    {"sale": 2, "shop": "a", "at": NOON - timedelta(minutes=20), "amount": None},
    {"sale": 3, "shop": "b", "at": NOON - timedelta(hours=3), "amount": 1.0},
]


@pytest.fixture
def workspace():
    return ms.Workspace.in_memory([TAKINGS], clock=FrozenClock(parse_instant(NOON)))


def test_a_frame_of_polars_is_taken_as_it_is():
    assert as_polars(VALUES) is VALUES
    assert not is_pandas(VALUES)


def test_rows_come_as_mappings_as_one_mapping_or_as_a_frame():
    rows = [{"a": 1}, {"a": 2}]
    assert plain_rows(rows) is rows
    assert plain_rows({"a": 1}) == [{"a": 1}]
    assert plain_rows(pl.DataFrame(rows)) == rows


@pytest.mark.parametrize("given", [3, {"a": [1]}, None, pl.Series([1])])
def test_what_is_no_frame_is_refused_by_its_class(given, workspace):
    with pytest.raises(FrameUnreadable, match=f"a {type(given).__name__} is no frame"):
        workspace.get_historical_features(["takings"], spine=given)


def test_a_lazy_frame_is_collected_and_answered_lazily(workspace):
    workspace.ingest("sales", pl.LazyFrame(ROWS), history=True)
    spine = pl.DataFrame({"shop": ["a", "b"], "prediction_time": [NOON, NOON]})
    answer = workspace.get_historical_features(["takings"], spine=spine.lazy())
    assert isinstance(answer, pl.LazyFrame)
    assert answer.collect().equals(workspace.get_historical_features(["takings"], spine=spine))


def test_columns_take_the_place_of_those_of_their_names():
    given = pl.DataFrame({"a": [1], "b": [2]})
    found = beside(given, pl.DataFrame({"b": [3], "c": [4]}))
    assert found.to_dicts() == [{"a": 1, "b": 3, "c": 4}]


@pytest.mark.skipif(pd is not None, reason="pandas is installed")
def test_a_frame_of_pandas_needs_pandas_and_says_so():
    with pytest.raises(PandasMissing):
        to_pandas(VALUES)


@with_pandas
def test_values_go_to_pandas_and_come_back_the_same():
    there = to_pandas(VALUES)
    assert isinstance(there, pd.DataFrame)
    assert [str(there[name].dtype) for name in ("whole", "yes")] == ["Int64", "boolean"]
    assert as_polars(there).equals(VALUES, null_equal=True)


@with_pandas
def test_whole_numbers_and_booleans_without_nulls_are_numpys_own():
    there = to_pandas(pl.DataFrame({"n": [1, 2], "yes": [True, False]}))
    assert [str(kind) for kind in there.dtypes] == ["int64", "bool"]


@with_pandas
def test_what_pandas_writes_for_a_missing_value_is_null():
    frame = pd.DataFrame(
        {
            "real": [1.0, float("nan")],
            "text": ["a", None],
            "mixed": pd.Series(["a", float("nan")], dtype=object),
            "whole": pd.array([1, None], dtype="Int64"),
            "kind": pd.Categorical(["a", None]),
            "at": pd.to_datetime(["2024-05-01T12:00:00Z", None]),
        }
    )
    assert as_polars(frame).null_count().row(0) == (1,) * 6


@with_pandas
def test_a_time_with_a_zone_is_its_instant_and_one_without_is_as_it_stands():
    local = pd.Series(pd.to_datetime(["2024-05-01T14:00:00"])).dt.tz_localize("Europe/Vienna")
    frame = as_polars(pd.DataFrame({"zoned": local, "plain": pd.to_datetime(["2024-05-01T12:00"])}))
    assert frame.row(0) == (NOON, NOON.replace(tzinfo=None))


@with_pandas
def test_a_column_of_pandas_that_has_no_one_type_is_named():
    with pytest.raises(FrameUnreadable, match="column 'n' mixes values of int, str"):
        as_polars(pd.DataFrame({"n": [1, "a"]}))
    with pytest.raises(FrameUnreadable, match="column 3 has a name that is no text"):
        as_polars(pd.DataFrame({3: [1]}))
    twice = pd.DataFrame([[1, 2]], columns=["n", "n"])
    with pytest.raises(FrameUnreadable, match="column 'n' is there more than once"):
        as_polars(twice)
    with pytest.raises(FrameUnreadable, match="column 'n' is there more than once"):
        as_polars(pd.DataFrame({"n": [1]}, index=pd.Index([1], name="n")))


@with_pandas
def test_objects_of_one_kind_are_values():
    frame = pd.DataFrame({"day": [date(2024, 5, 1), None], "text": ["a", "b"]}, index=["x", "y"])
    assert as_polars(frame).schema == {"day": pl.Date, "text": pl.String}


@with_pandas
def test_every_door_takes_pandas_and_answers_in_kind(workspace):
    workspace.ingest("sales", pd.DataFrame(ROWS), history=True)
    spine = pl.DataFrame({"shop": ["a", "b"], "prediction_time": [NOON, NOON]})
    wanted = workspace.get_historical_features(["takings"], spine=spine)
    asked = to_pandas(spine).set_index("shop")
    found = workspace.get_historical_features(["takings"], spine=asked)
    assert isinstance(found, pd.DataFrame)
    assert list(found.index) == ["a", "b"]
    assert as_polars(found).equals(wanted, null_equal=True)
    keys = pd.DataFrame({"shop": ["a", "b"]})
    online = workspace.get_online_features(["takings"], keys=keys, at=NOON).columns
    assert online["shop__sales__1h"] == [2, 0]


def test_every_door_takes_frames_of_polars(workspace):
    workspace.ingest("sales", pl.DataFrame(ROWS), history=True)
    keys = pl.DataFrame({"shop": ["a", "b"]})
    online = workspace.get_online_features(["takings"], keys=keys, at=NOON).columns
    assert online["shop__sales__1h"] == [2, 0]


@with_pandas
def test_times_that_pandas_has_from_arrow_have_a_zone_only_where_they_say_one() -> None:
    arrow = pytest.importorskip("pyarrow")
    noon = [datetime(2024, 5, 1, 12)]  # noqa: DTZ001
    frame = pd.DataFrame(
        {
            "naive": pd.array(noon, dtype=pd.ArrowDtype(arrow.timestamp("us"))),
            "zoned": pd.array(noon, dtype=pd.ArrowDtype(arrow.timestamp("ns", "Europe/Vienna"))),
            "day": pd.array([date(2024, 5, 1)], dtype=pd.ArrowDtype(arrow.date32())),
        }
    )
    found = as_polars(frame)
    assert found["naive"].to_list() == noon
    assert found["zoned"].to_list() == [datetime(2024, 5, 1, 10, tzinfo=UTC)]
    assert found["day"].to_list() == [date(2024, 5, 1)]


@with_pandas
def test_an_instant_of_pandas_is_the_same_text_in_a_row_and_in_a_frame() -> None:
    moment = pd.Timestamp("2024-05-01T12:00:00.123456789")
    column = as_polars(pd.DataFrame({"at": [moment]}))["at"]
    text = read_column(column, Field("at", DType.STRING))[0]
    assert read_value(DType.STRING, moment) == text == "2024-05-01T12:00:00.123456"
