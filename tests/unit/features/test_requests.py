"""What somebody asks features for: taken in every form that is clear, refused by name in every
other.
"""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

import mainspring as ms
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import parse_instant
from mainspring.features.errors import (
    FeatureNamedTwice,
    HindsightAsked,
    MissingRequestField,
    SpineUnusable,
    WrongRequestType,
)
from mainspring.features.requests import cast_entity_keys, prepare_spine, resolve_read_time
from mainspring.features.view import compile_view

NAIVE = datetime.fromisoformat("2024-05-01T10:00:00")
TEN = parse_instant("2024-05-01T10:00:00Z")
SALES = ms.Source("sales", id="sale", event_time="sold_at")
SCHEMA = Schema.of(sale=DType.INT64, shop=DType.STRING, till=DType.INT64, sold_at=DType.TIMESTAMP)
TILL = ms.Entity("till", join_keys=["shop", "till"])
VIEWS = [
    compile_view(
        ms.FeatureView(
            "takings", source=SALES, entities=[TILL], windows=["1h"], features={"sales": ms.count()}
        ),
        SCHEMA,
        shard="takings",
    )
]


def asked(*, shop="A", till=1, prediction_time=TEN):
    return prepare_spine(
        pl.DataFrame({"shop": [shop], "till": [till], "prediction_time": [prediction_time]}), VIEWS
    )


@pytest.mark.parametrize(
    "moment",
    [
        TEN,
        "2024-05-01T10:00:00Z",
        "2024-05-01T12:00:00+02:00",
        NAIVE,
        datetime(2024, 5, 1, 10, tzinfo=UTC),
        pl.Series([NAIVE]).dt.cast_time_unit("ms")[0],
    ],
)
def test_a_time_is_the_same_instant_in_every_form(moment):
    assert asked(prediction_time=moment)["_prediction_time"].to_list() == [TEN]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_the_unit_of_a_timestamp_does_not_change_the_instant(unit):
    times = pl.Series("prediction_time", [NAIVE]).dt.cast_time_unit(unit)
    spine = pl.DataFrame([pl.Series("shop", ["A"]), pl.Series("till", [1]), times])
    assert prepare_spine(spine, VIEWS)["_prediction_time"].to_list() == [TEN]


def test_a_day_is_its_beginning_in_utc():
    assert asked(prediction_time=date(2024, 5, 1))["_prediction_time"].to_list() == [
        parse_instant("2024-05-01")
    ]


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"till": "first"}, "till"),
        ({"till": 1.5}, "till"),
        ({"shop": b"A"}, "shop"),
        ({"prediction_time": 1.5}, "prediction_time"),
        ({"prediction_time": "soon"}, "prediction_time"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(change, column):
    with pytest.raises(SpineUnusable) as refused:
        asked(**change)
    assert refused.value.column == column


def test_a_missing_column_is_refused_by_its_name():
    with pytest.raises(SpineUnusable, match="'till' is missing"):
        prepare_spine(pl.DataFrame({"shop": ["A"], "prediction_time": [TEN]}), VIEWS)


def test_a_null_time_is_refused_and_a_null_key_is_not():
    with pytest.raises(SpineUnusable, match="null in 1 rows"):
        asked(prediction_time=None)
    assert asked(shop=None)["shop"].dtype == pl.String


def test_a_narrower_number_and_a_categorical_find_the_same_facts():
    spine = pl.DataFrame(
        {"shop": ["A"], "till": [1], "prediction_time": [TEN]},
        schema_overrides={"shop": pl.Categorical, "till": pl.Int8},
    )
    assert prepare_spine(spine, VIEWS).schema["shop"] == pl.String
    assert prepare_spine(spine, VIEWS).schema["till"] == pl.Int64


@pytest.mark.parametrize(
    "key", [TEN, "2024-05-01T12:00:00+02:00", NAIVE, datetime(2024, 5, 1, 10, tzinfo=UTC)]
)
def test_a_key_that_is_an_instant_is_the_same_in_every_form_and_on_both_sides(key):
    opening = ms.FeatureView(
        "openings",
        source=SALES,
        entities=[ms.Entity("opened", join_keys=["sold_at"])],
        windows=["1h"],
        features={"n": ms.count()},
    )
    views = [compile_view(opening, SCHEMA, shard="openings")]
    asked_about = pl.DataFrame({"sold_at": [key, None], "prediction_time": [TEN] * 2})
    assert prepare_spine(asked_about, views)["sold_at"].cast(pl.Int64).to_list() == [TEN, None]
    assert cast_entity_keys([{"sold_at": key}], views).columns == {"sold_at": [TEN]}
    assert cast_entity_keys(asked_about.select("sold_at"), views).rows == [
        {"sold_at": TEN},
        {"sold_at": None},
    ]


def test_a_column_named_like_a_feature_is_refused():
    spine = pl.DataFrame(
        {"shop": ["A"], "till": [1], "prediction_time": [TEN], "till__sales__1h": [0]}
    )
    with pytest.raises(SpineUnusable, match="name of a requested feature"):
        prepare_spine(spine, VIEWS)


@pytest.mark.parametrize("till", [1, 1.0, "1", "1.0", np.int8(1)])
def test_a_key_finds_the_same_facts_in_every_form_and_on_both_sides(till):
    assert asked(till=till)["till"].to_list() == [1]
    assert cast_entity_keys([{"shop": "A", "till": till}], VIEWS).columns["till"] == [1]


def test_a_key_of_another_type_is_refused_online_rather_than_not_found():
    with pytest.raises(WrongRequestType, match="'till'"):
        cast_entity_keys([{"shop": "A", "till": "first"}], VIEWS)
    with pytest.raises(MissingRequestField, match="'shop'"):
        cast_entity_keys([{"till": 1}], VIEWS)


@pytest.mark.parametrize("moment", [TEN, "2024-05-01T10:00:00Z", NAIVE])
def test_a_moment_is_taken_in_every_form(moment):
    assert resolve_read_time(moment, now=TEN) == TEN


def compiled(name: str, **more: object):
    declared = {
        "source": SALES,
        "entities": [TILL],
        "windows": ["1h"],
        "features": {"sales": ms.count()},
        **more,
    }
    return compile_view(ms.FeatureView(name, **declared), SCHEMA, shard=name)


@pytest.mark.parametrize(
    "ask",
    [
        lambda views: cast_entity_keys([], views),
        lambda views: prepare_spine(
            pl.DataFrame({"shop": ["A"], "till": [1], "prediction_time": [TEN]}), views
        ),
    ],
    ids=["online", "history"],
)
def test_views_that_give_columns_of_one_name_are_not_asked_together(ask):
    with pytest.raises(FeatureNamedTwice, match="takings and returns both have a feature till"):
        ask([*VIEWS, compiled("returns")])


def test_hindsight_is_not_read_online():
    with pytest.raises(HindsightAsked, match="view takings uses corrections"):
        cast_entity_keys(
            [{"shop": "A", "till": 1}], [compiled("takings", knowledge="as_corrected")]
        )


@pytest.mark.parametrize(
    "keys",
    [{"shop": "A", "till": 1}, pl.DataFrame({"shop": ["A"], "till": [1]})],
    ids=["one", "frame"],
)
def test_keys_may_be_one_row_or_a_frame(keys):
    assert cast_entity_keys(keys, VIEWS).rows == [{"shop": "A", "till": 1}]


@pytest.mark.parametrize(
    "key", ["A", {"shop": "\ud800", "till": 1}], ids=["text", "half a surrogate pair"]
)
def test_a_key_that_is_none_is_refused_by_its_row(key):
    with pytest.raises(WrongRequestType, match="row 1, "):
        cast_entity_keys([{"shop": "A", "till": 1}, key], VIEWS)


def test_a_spine_that_is_no_frame_is_refused():
    with pytest.raises(SpineUnusable, match="from a list: give a Polars DataFrame"):
        prepare_spine([{"shop": "A"}], VIEWS)
