"""What each feature is worth alone."""

import numpy as np

from mainspring.datasets.encoding import EncodedFeature, Encoding
from mainspring.elements.schema import DType
from mainspring.training.single_feature_auc import single_feature_auc

LABELS = np.array([0.0, 1.0] * 50)


def power(feature, column):
    matrix = np.asarray(column, dtype=np.float64).reshape(-1, 1)
    return single_feature_auc(
        Encoding((feature,)),
        fitted=matrix,
        fitted_labels=LABELS,
        tested=matrix,
        tested_labels=LABELS,
    )[feature.name]


def test_label_in_disguise_has_power_one_whatever_its_sign():
    assert power(EncodedFeature("x", DType.FLOAT64), LABELS) == 1.0
    assert power(EncodedFeature("x", DType.FLOAT64), -LABELS) == 1.0


def test_constant_has_power_one_half():
    assert power(EncodedFeature("x", DType.FLOAT64), np.ones(100)) == 0.5


def test_being_missing_can_give_the_label_away():
    assert power(EncodedFeature("x", DType.FLOAT64), np.where(LABELS == 1, np.nan, 0.0)) == 1.0


def test_category_is_worth_its_share_and_not_its_place():
    codes = np.where(LABELS == 1, 1.0, np.arange(100) % 4 / 2 * 2)
    assert power(EncodedFeature("c", DType.STRING, ("a", "b", "c")), codes) == 1.0
