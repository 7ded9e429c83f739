"""Rows to learn from: splits, labels, what is left out and what is counted (DESIGN §4, line 11)."""

from dataclasses import replace

import polars as pl
import pytest

from mainspring.datasets.build import (
    CompiledTrainingSet,
    build_training_set,
    parse_training_rows,
    render_training_rows,
)
from mainspring.datasets.labels import join_outcomes, revisions_of
from mainspring.datasets.spec import Label, Split, TrainingSet
from mainspring.elements.expression import col, count, when
from mainspring.elements.identity import digest_of
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import FOREVER
from mainspring.features.history.reader import HistoryReader
from mainspring.features.spec import Entity, FeatureView, OnDemandFeatureView
from mainspring.features.view import compile_view
from mainspring.sources.spec import Source, assumed_delay

ASKED = Source("asked", id="id", event_time="at")
TRUTH = Source("truth", id="id", event_time="at", known_at=assumed_delay("1s"))
SCHEMAS = {
    "asked": Schema.of(id=DType.STRING, at=DType.TIMESTAMP, key=DType.STRING, size=DType.INT64),
    "truth": Schema.of(id=DType.STRING, at=DType.TIMESTAMP, key=DType.STRING, late=DType.FLOAT64),
}
SPLIT = Split(train_from=10, test_from=20, test_until=30)


def training_set(**changes):
    form = OnDemandFeatureView("form", features={"size": col("size"), "double": col("size") * 2})
    spoken = {
        "prediction_time": col("at"),
        "request": ["size"],
        "label": Label(TRUTH, col("late") > 15, join_on="key"),
        "features": [form],
        "split": SPLIT,
    }
    return CompiledTrainingSet(TrainingSet("rows", spine=ASKED, **spoken | changes), (), SCHEMAS)


def facts(rows, column, *, key=None):
    """Facts as (id, event time, visible from, value)."""
    schema = {
        "id": pl.String,
        "at": pl.Int64,
        "_visible_from": pl.Int64,
        column: pl.Float64 if column == "late" else pl.Int64,
    }
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(
        pl.col("at").cast(pl.Datetime("us", "UTC")),
        key=pl.col("id") if key is None else pl.lit(key),
        _id="id",
        _offset=pl.int_range(pl.len()),
        _event_time=pl.col("at"),
        _visible_to=pl.lit(FOREVER),
        _history=pl.lit(True),
    )


@pytest.fixture
def build():
    def build(asked, truth, *, key=None, now=FOREVER, **changes):
        tables = {
            "asked": facts([(name, at, at, 1) for name, at in asked], "size"),
            "truth": facts(truth, "late", key=key),
        }
        if key is not None:
            tables["asked"] = tables["asked"].with_columns(key=pl.lit(key))
        return build_training_set(
            training_set(**changes),
            HistoryReader.over(lambda source: tables[source.name]),
            inputs={"asked": len(asked)},
            now=now,
        )

    return build


def test_a_label_known_after_the_cutoff_leaves_fitting_and_is_counted(build):
    built = build([("a", 12), ("b", 13)], [("a", 14, 20, 1.0), ("b", 14, 21, 1.0)])
    assert built.frame["_split"].to_list() == ["fit", ""]
    assert built.card.excluded == {"label known too late": 1}


def test_a_row_without_a_label_stays_and_is_counted(build):
    built = build([("a", 12), ("b", 22)], [("b", 25, 26, 1.0)])
    assert built.frame.select("_id", "_label", "_label_known_at", "_split").rows() == [
        ("a", None, None, ""),
        ("b", False, 26, "test"),
    ]
    assert (built.card.rows, built.card.excluded) == (2, {"no label": 1})


def test_a_null_label_is_no_label(build):
    built = build([("a", 12)], [("a", 14, 14, None)])
    assert built.frame.select("_label", "_label_known_at", "_split").rows() == [(None, None, "")]


def test_the_split_is_closed_on_its_left_and_open_on_its_right(build):
    names = [("a", 9), ("b", 10), ("c", 19), ("d", 20), ("e", 29), ("f", 30)]
    built = build(names, [(name, at, at, 1.0) for name, at in names])
    assert built.frame["_split"].to_list() == ["", "fit", "fit", "test", "test", ""]
    assert (built.card.fitted, built.card.tested, built.card.excluded) == (
        2,
        2,
        {"outside the split": 2},
    )


def test_of_two_labels_with_one_key_the_later_to_happen_counts_and_not_the_later_to_arrive(build):
    built = build([("a", 12)], [("y", 15, 19, 99.0), ("x", 14, 18, 1.0)], key="k")
    assert built.frame["_label"].to_list() == [True]


FRAUD = {"label": Label(TRUTH, col("late") > 15, join_on="key", missing="negative", horizon="4us")}


def test_a_row_without_a_fact_is_negative_once_its_horizon_has_passed(build):
    asked = [("a", 11), ("b", 12), ("c", 16), ("d", 22), ("e", 28)]
    built = build(asked, [("a", 12, 13, 99.0)], now=30, **FRAUD)
    assert built.frame.select("_id", "_label", "_label_known_at", "_split").rows() == [
        ("a", True, 15, "fit"),
        ("b", False, 16, "fit"),
        ("c", False, 20, "fit"),
        ("d", False, 26, "test"),
        ("e", None, None, ""),
    ]
    assert built.card.negative_by_absence == 3
    assert built.card.absence == "3 of 4 labels (75.0%) say that no fact came"


def test_a_row_whose_horizon_ends_after_the_cutoff_is_not_fitted_though_its_fact_came_before(build):
    built = build([("a", 17), ("b", 17)], [("a", 18, 18, 99.0)], **FRAUD)
    assert built.frame["_split"].to_list() == ["", ""]
    assert built.card.excluded == {"label known too late": 2}


def test_a_fact_that_comes_after_the_horizon_leaves_the_row_negative(build):
    built = build([("a", 11), ("b", 11)], [("a", 12, 15, 99.0), ("b", 12, 16, 99.0)], **FRAUD)
    assert built.frame["_label"].to_list() == [True, False]


def test_a_fact_that_a_feature_could_have_seen_is_no_answer_to_the_row(build):
    built = build([("a", 12), ("b", 12)], [("a", 11, 12, 99.0), ("b", 11, 13, 99.0)], **FRAUD)
    assert built.frame["_label"].to_list() == [False, True]


def test_ids_of_whole_numbers_decide_as_numbers_between_outcomes_of_one_time():
    truth = pl.DataFrame({"id": [9, 10, 2], "late": [1.0, 99.0, 1.0], "key": "a"}).with_columns(
        pl.lit(14).cast(pl.Datetime("us", "UTC")).alias("at"),
        _id=pl.col("id").cast(pl.String),
        _event_time=pl.lit(14, dtype=pl.Int64),
        _visible_from=pl.lit(14, dtype=pl.Int64),
        _visible_to=pl.lit(FOREVER),
        _history=pl.lit(value=True),
    )
    label = Label(TRUTH, col("late") > 15, join_on="key")
    schema = Schema.of(id=DType.INT64, key=DType.STRING, late=DType.FLOAT64)
    stands = pl.lit(value=True)
    revisions = revisions_of(label, truth, schema, visible_from="_visible_from", stands=stands)
    rows = pl.DataFrame({"key": ["a"], "_prediction_time": [12]})
    joined = join_outcomes(rows, revisions, on=["key"], horizon=None, now=FOREVER)
    assert joined["_label"].to_list() == [True]


def test_a_row_without_a_prediction_time_stays_and_is_counted(build):
    built = build(
        [("a", 12), ("b", 5)],
        [("a", 14, 14, 1.0)],
        prediction_time=when(col("size") > 1).then(col("at")).otherwise(None),
    )
    assert (built.card.rows, built.card.excluded) == (2, {"outside the split": 2})


def test_rows_are_ordered_by_prediction_time_and_id(build):
    assert build([("b", 12), ("c", 11), ("a", 12)], []).frame["_id"].to_list() == ["c", "a", "b"]


def test_a_request_field_may_be_a_feature_under_its_own_name(build):
    built = build([("a", 12)], [])
    assert built.frame.columns[-2:] == ["size", "double"]
    assert built.card.feature_names == ("size", "double")


def test_the_card_tells_what_rests_on_assumptions(build):
    card = build([("a", 12)], [("a", 14, 14, 1.0)]).card
    assert (card.assumed, card.history_share, card.inputs) == (
        ("truth",),
        {"asked": 1.0, "truth": 1.0},
        {"asked": 1},
    )


def test_a_view_that_knows_in_hindsight_taints_what_is_taught_on_it():
    view = FeatureView(
        "corrected",
        source=TRUTH,
        entities=[Entity("key")],
        windows=["1d"],
        features={"n": count()},
        knowledge="as_corrected",
    )
    compiled = replace(
        training_set(features=[view]),
        views=(compile_view(view, SCHEMAS["truth"], shard="corrected"),),
    )
    tables = {
        "asked": facts([("a", 12, 12, 1)], "size"),
        "truth": facts([("a", 11, 90, 1.0)], "late"),
    }
    history = HistoryReader.over(lambda source: tables[source.name])
    built = build_training_set(compiled, history, inputs={"asked": 1})
    assert (built.card.tainted, built.frame["key__n__24h"].to_list()) == (("corrected",), [1])


def test_the_same_facts_in_another_order_give_the_same_bytes(build):
    asked, truth = [("a", 12), ("b", 13)], [("a", 14, 14, 1.0), ("b", 15, 15, 99.0)]
    first, second = build(asked, truth), build(asked[::-1], truth[::-1])
    assert first.payload == second.payload
    assert first.card.digest == second.card.digest == digest_of(first.payload)


def test_rows_read_back_as_they_were(build):
    built = build([("a", 12)], [("a", 14, 14, 1.0)])
    assert parse_training_rows(built.payload).equals(built.frame)
    assert render_training_rows(parse_training_rows(built.payload)) == built.payload


def test_an_empty_spine_builds_an_empty_set(build):
    assert build([], []).card.rows == 0
