"""A bound on a metric, overall and by slice."""

import polars as pl
import pytest

from mainspring.datasets.predictions import Predictions
from mainspring.gates import max_metric, min_metric
from mainspring.gates.check.min_metric import check_min_metric
from mainspring.gates.errors import UnknownMetric, UnknownSlice


def test_metric_above_its_bound_passes(predictions):
    finding = check_min_metric(min_metric("roc_auc", 0.75), predictions())
    assert finding.passed
    assert finding.evidence["low"] < finding.evidence["value"] < finding.evidence["high"]


def test_metric_below_its_bound_fails(predictions):
    finding = check_min_metric(min_metric("roc_auc", 0.95), predictions())
    assert not finding.passed
    assert "at least 0.95" in finding.summary


def test_loss_passes_below_its_bound(predictions):
    for gate in (max_metric, min_metric):
        assert check_min_metric(gate("log_loss", 0.7), predictions()).passed
        assert not check_min_metric(gate("log_loss", 0.1), predictions()).passed
    assert (
        check_min_metric(max_metric("log_loss", 0.7), predictions()).gate == "max_metric:log_loss"
    )


def test_undefined_metric_fails(predictions):
    one_class = Predictions(predictions().frame.filter(pl.col("_label") == 1))
    assert not check_min_metric(min_metric("roc_auc", 0.1), one_class).passed


def test_slice_fails_only_when_its_whole_interval_is_wrong(predictions):
    found = check_min_metric(min_metric("roc_auc", 0.5, by="carrier"), predictions())
    whole = {row["slice"]: row for row in found.evidence["slices"]}
    unlucky = (whole["AA"]["value"] + whole["AA"]["high"]) / 2
    assert found.passed
    assert (
        check_min_metric(min_metric("roc_auc", unlucky, by="carrier"), predictions()).evidence[
            "failing"
        ]
        == []
    )


def test_bad_slice_fails_and_is_named(predictions):
    frame = predictions().frame.with_columns(
        _score=pl.when(pl.col("carrier") == "AA").then(1 - pl.col("_score")).otherwise("_score")
    )
    finding = check_min_metric(min_metric("roc_auc", 0.6, by="carrier"), Predictions(frame))
    assert not finding.passed
    assert finding.evidence["failing"] == ["AA"]
    assert "wholly on the wrong side: AA" in finding.summary


def test_small_and_single_class_slices_are_skipped_and_counted(predictions):
    carrier = (
        pl.when(pl.int_range(pl.len()) < 5)
        .then(pl.lit("OO"))
        .when(pl.col("_label") == 1)
        .then(pl.lit("YV"))
        .otherwise("carrier")
    )
    finding = check_min_metric(
        min_metric("roc_auc", 0.1, by="carrier", min_rows=50),
        Predictions(predictions().frame.with_columns(carrier=carrier)),
    )
    assert finding.evidence["skipped"] == 4
    assert not finding.passed


def test_null_is_a_slice_of_its_own(predictions):
    frame = predictions().frame.with_columns(
        carrier=pl.when(pl.col("carrier") == "UA").then("carrier")
    )
    finding = check_min_metric(min_metric("roc_auc", 0.6, by="carrier"), Predictions(frame))
    assert [row["slice"] for row in finding.evidence["slices"]] == ["UA", "null"]


def test_unknown_names_are_refused_with_the_known_ones(predictions):
    with pytest.raises(UnknownMetric, match="roc_auc"):
        check_min_metric(min_metric("auc", 0.5), predictions())
    with pytest.raises(UnknownSlice, match="carrier"):
        check_min_metric(min_metric("roc_auc", 0.5, by="_score"), predictions())
