"""Metrics, their intervals and their differences, against scikit-learn and against the answer known
by construction.
"""

import numpy as np
import pytest
import sklearn.metrics as reference

from mainspring.stats.calibration import expected_calibration_error, reliability_table
from mainspring.stats.metrics import METRICS

RNG = np.random.default_rng(21)
TRUTH = RNG.random(4000)
Y = (RNG.random(4000) < TRUTH).astype(np.float64)
# Two decimals: hundreds of ties.
P = np.clip(TRUTH + RNG.normal(scale=0.2, size=4000), 0, 1).round(2)
WORSE = np.clip(P + RNG.normal(scale=0.3, size=4000), 0, 1)

REFERENCES = {
    "accuracy": lambda y, p: reference.accuracy_score(y, p >= 0.5),
    "brier": reference.brier_score_loss,
    "log_loss": reference.log_loss,
    "mae": reference.mean_absolute_error,
    "rmse": reference.root_mean_squared_error,
    "roc_auc": reference.roc_auc_score,
}

each_metric = pytest.mark.parametrize("name", sorted(METRICS))


@each_metric
def test_a_metric_agrees_with_scikit_learn(name):
    assert METRICS[name](Y, P) == pytest.approx(REFERENCES[name](Y, P), rel=1e-12)


def test_every_metric_has_a_reference():
    assert METRICS.keys() == REFERENCES.keys()


@each_metric
def test_the_direction_prefers_the_better_model(name):
    metric = METRICS[name]
    assert metric.is_better(metric(Y, P), metric(Y, WORSE))
    assert not metric.is_better(metric(Y, WORSE), metric(Y, P))


@each_metric
def test_nothing_is_better_than_an_undefined_value(name):
    assert not METRICS[name].is_better(0.5, float("nan"))


@each_metric
def test_without_rows_a_metric_is_undefined(name):
    empty = np.zeros(0)
    assert np.isnan(METRICS[name](empty, empty))
    assert not METRICS[name].interval(empty, empty).is_known


@each_metric
def test_the_interval_holds_the_value(name):
    interval = METRICS[name].interval(Y, P)
    assert interval.low < interval.estimate < interval.high
    assert interval.estimate == pytest.approx(METRICS[name](Y, P), rel=1e-12)


@each_metric
def test_the_difference_to_a_clearly_worse_model_excludes_zero(name):
    difference = METRICS[name].difference(Y, ours=P, theirs=WORSE, rng=np.random.default_rng(1))
    assert difference.excludes(0.0)
    assert (difference.estimate > 0) == METRICS[name].greater_is_better


@each_metric
def test_a_model_does_not_differ_from_itself(name):
    difference = METRICS[name].difference(Y, ours=P, theirs=P, rng=np.random.default_rng(1))
    assert (difference.estimate, difference.low, difference.high) == (0.0, 0.0, 0.0)


def test_the_area_is_undefined_with_one_class():
    assert np.isnan(METRICS["roc_auc"](np.ones(5), P[:5]))


def test_one_sure_mistake_costs_a_finite_loss():
    assert METRICS["log_loss"](np.array([1.0]), np.array([0.0])) == pytest.approx(36.04, abs=0.01)


def test_predictions_drawn_from_the_truth_are_calibrated():
    assert expected_calibration_error(Y, TRUTH) < 0.03
    assert expected_calibration_error(Y, TRUTH**3) > 0.1


def test_the_reliability_table_counts_every_row_and_the_value_one():
    assert sum(b.rows for b in reliability_table(Y, P)) == len(Y)
    assert reliability_table(np.array([1.0]), np.array([1.0]))[-1].low == 0.9
