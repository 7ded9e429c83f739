"""A fit: what comes of it, and how it is refused."""

import math
import random

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from onnx import TensorProto, helper, numpy_helper

from mainspring.datasets.encoding import encode_frame, parse_encoding
from mainspring.datasets.predictions import parse_predictions
from mainspring.training.errors import (
    DegenerateScore,
    EstimatorRaised,
    ExportDiffers,
    FitFailed,
    FitReturnedNothing,
    LabelsNotProbable,
    NoRows,
    NotAProbability,
    OneClass,
    SeveralScores,
    ValueForBoolean,
)
from mainspring.training.native import native_scores


def boosted(train, run):
    run.log_params({"trees": 5})
    run.log_metric("rows", len(train.y))
    run.log_artifact("notes.txt", b"hello")
    options = {
        "num_threads": 1,
        "verbosity": -1,
        "objective": "binary",
        "seed": run.seed,
        "min_data_in_leaf": 5,
    }
    data = lgb.Dataset(train.X, train.y, categorical_feature=train.categorical_indices)
    return lgb.train(options, data, num_boost_round=5)


class Wrong:
    """Says of itself the opposite of what its export says."""

    def predict(self, matrix):
        return 1.0 - self.booster.predict(matrix)

    def to_onnx(self):
        from mainspring.engines.lightgbm.export import export_booster

        return export_booster(self.booster)


class Scorer:
    """Predicts what it is told to, by its own graph and natively."""

    def __init__(self, output, scale=1.0):
        self.output, self.scale = output, scale

    def predict(self, matrix):
        return matrix[:, 1] * self.scale

    def to_onnx(self):
        weights = numpy_helper.from_array(np.array([[0.0], [self.scale]]), "w")
        graph = helper.make_graph(
            [helper.make_node("MatMul", ["X", "w"], [self.output])],
            "m",
            [helper.make_tensor_value_info("X", TensorProto.DOUBLE, ["rows", 2])],
            [helper.make_tensor_value_info(self.output, TensorProto.DOUBLE, ["rows", 1])],
            [weights],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
        return model.SerializeToString()


def test_a_regressor_on_a_boolean_label_is_refused(fitted):
    with pytest.raises(ValueForBoolean, match="returned Scorer, which predicts a value"):
        fitted(lambda train, run: Scorer("value"))


def test_scores_of_a_classifier_that_are_no_probabilities_are_refused(fitted):
    with pytest.raises(NotAProbability) as caught:
        fitted(lambda train, run: Scorer("probability", scale=100.0))
    assert not 0.0 <= caught.value.lowest <= caught.value.highest <= 1.0


@pytest.mark.parametrize("split", ["fit", "test"])
def test_a_probability_of_labels_that_are_no_shares_is_refused(fitted, split):
    def numbered(rows):
        is_second = pl.col("_label") & (pl.col("_split") == split)
        return rows.with_columns(
            _label=pl.when(is_second).then(2).otherwise(pl.col("_label").cast(pl.Int64))
        )

    with pytest.raises(LabelsNotProbable, match="its labels are from 0 to 2"):
        fitted(lambda train, run: Scorer("probability"), numbered)


def test_several_scores_a_row_are_refused_by_their_number(fitted):
    def three(rows):
        return rows.with_columns(_label=pl.int_range(pl.len()) % 3)

    def classifier(train, run):
        return lgb.LGBMClassifier(n_estimators=3, n_jobs=1, verbosity=-1).fit(train.X, train.y)

    with pytest.raises(SeveralScores, match="gives 3 numbers a row"):
        fitted(classifier, three)


def test_test_rows_that_an_estimator_cannot_take_are_named_by_what_is_missing(fitted):
    class Strict(Scorer):
        def predict(self, matrix):
            raise ValueError("Input X contains NaN.\nand much advice")

    def with_nulls(rows):
        return rows.with_columns(
            delay=pl.when(pl.col("_split") != "test").then("delay").otherwise(None)
        )

    with pytest.raises(EstimatorRaised, match=r"Input X contains NaN\.; features .*: delay\n"):
        fitted(lambda train, run: Strict("probability"), with_nulls)


def test_a_metric_that_cannot_be_computed_is_left_out(fitted):
    def one_class_in_test(rows):
        return rows.with_columns(_label=(pl.col("_split") == "test") | pl.col("_label"))

    trained = fitted(boosted, one_class_in_test)
    assert "roc_auc" not in trained.metrics
    assert trained.metrics["log_loss"] > 0
    assert all(map(math.isfinite, trained.feature_auc.values()))


def test_equal_fits_give_equal_artifacts(fitted):
    assert fitted(boosted) == fitted(boosted)


def test_everything_logged_is_kept(fitted, objects):
    trained = fitted(boosted)
    assert trained.params == {"trees": 5}
    assert trained.logged[0].value == 250
    assert objects.read(trained.artifacts["notes.txt"]) == b"hello"


def test_test_predictions_are_those_of_the_export(fitted, objects, frame):
    trained = fitted(boosted)
    told = parse_predictions(objects.read(trained.predictions))
    assert told.frame.columns == ["_id", "_prediction_time", "_label", "_score", "carrier"]
    assert told.frame["_id"].to_list() == frame.filter(pl.col("_split") == "test")["_id"].to_list()
    assert trained.export.rows == 149
    assert trained.metrics["roc_auc"] > 0.6


def test_vocabulary_comes_from_the_fitted_rows_only(fitted, objects):
    def only_tested(rows):
        return rows.with_columns(
            carrier=pl.when(pl.col("_split") == "test").then(pl.lit("ZZ")).otherwise("carrier")
        )

    encoding = parse_encoding(objects.read(fitted(boosted, only_tested).encoding))
    assert encoding.features[0].vocabulary == ("AA", "B6", "UA")


def test_rows_without_a_label_leave_fit_and_metrics(fitted):
    trained = fitted(
        boosted,
        lambda rows: rows.with_columns(
            _label=pl.when(pl.int_range(pl.len()) % 10 > 0).then("_label")
        ),
    )
    assert (trained.fitted, trained.tested) == (225, 134)


def test_base_rate_is_the_mean_label_of_the_fitted_rows(fitted, frame):
    assert fitted(boosted).base_rate == frame[:250]["_label"].mean()


def test_native_scores_equal_the_export_within_rounding(fitted, frame, objects):
    kept = []
    trained = fitted(lambda train, run: kept.append(boosted(train, run)) or kept[0])
    matrix = encode_frame(
        frame.filter(pl.col("_split") == "test"), parse_encoding(objects.read(trained.encoding))
    )
    told = parse_predictions(objects.read(trained.predictions)).scores
    np.testing.assert_allclose(
        native_scores("m", kept[0], matrix=matrix, output="probability"), told, rtol=0, atol=1e-15
    )


def test_export_that_says_something_else_is_refused(fitted):
    def fit(train, run):
        wrong = Wrong()
        wrong.booster = boosted(train, run)
        return wrong

    with pytest.raises(ExportDiffers, match="149 of 149 rows"):
        fitted(fit)


def test_fit_that_raises_is_told_with_the_users_line(fitted):
    def fit(train, run):
        return train.X / train.missing

    with pytest.raises(FitFailed, match=r"AttributeError.*missing") as caught:
        fitted(fit)
    assert caught.value.at.path == __file__
    assert caught.value.at.line == fit.__code__.co_firstlineno + 1
    assert "AttributeError" in caught.value.transcript


def test_fit_without_return_is_refused(fitted):
    with pytest.raises(FitReturnedNothing):
        fitted(lambda train, run: None)


def test_constant_score_is_refused(fitted):
    def fit(train, run):
        return lgb.train(
            {"num_threads": 1, "verbosity": -1, "objective": "binary", "min_data_in_leaf": 10_000},
            lgb.Dataset(train.X, train.y),
            1,
        )

    with pytest.raises(DegenerateScore, match="the same score"):
        fitted(fit)


@pytest.mark.parametrize(("split", "purpose"), [("fit", "fit"), ("test", "test")])
def test_empty_split_is_refused(fitted, split, purpose):
    with pytest.raises(NoRows, match=f"no labelled row to {purpose}"):
        fitted(boosted, lambda rows: rows.filter(pl.col("_split") != split))


def test_single_class_is_refused(fitted):
    with pytest.raises(OneClass, match="all 250 rows"):
        fitted(boosted, lambda rows: rows.with_columns(_label=pl.lit(True)))


def test_global_randomness_starts_from_the_seed_and_is_put_back(fitted):
    drawn = []
    random.seed(99)
    before = random.getstate()
    for _ in range(2):
        fitted(
            lambda train, run: (
                drawn.append((random.random(), np.random.random())) or boosted(train, run)
            )
        )
    assert drawn[0] == drawn[1]
    assert random.getstate() == before


def test_regression_is_judged_by_errors(fitted):
    def fit(train, run):
        return lgb.train(
            {"num_threads": 1, "verbosity": -1, "objective": "regression", "min_data_in_leaf": 5},
            lgb.Dataset(train.X, train.y),
            5,
        )

    trained = fitted(fit, lambda rows: rows.with_columns(_label=pl.col("delay") * 10))
    assert set(trained.metrics) == {"mae", "rmse"}
    assert trained.feature_auc == {}
    assert trained.feature_r2["delay"] > 0.99
