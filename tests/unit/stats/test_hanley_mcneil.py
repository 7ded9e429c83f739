"""The standard error of an AUC from counts."""

import math

import numpy as np
import pytest

from mainspring.stats.hanley_mcneil import auc_standard_error
from mainspring.stats.roc_auc import roc_auc


def test_it_is_the_error_of_exponential_scores():
    rng = np.random.default_rng(1)
    labels = np.repeat([1.0, 0.0], [10, 40])
    found = [
        roc_auc(labels, np.concatenate([rng.exponential(4, 10), rng.exponential(1, 40)]))
        for _ in range(4_000)
    ]
    error = auc_standard_error(0.8, positives=10, negatives=40)
    assert np.std(found) == pytest.approx(error, rel=0.05)


def test_it_shrinks_with_the_root_of_the_rows():
    small = auc_standard_error(0.7, positives=100, negatives=300)
    large = auc_standard_error(0.7, positives=400, negatives=1_200)
    assert large == pytest.approx(small / 2, rel=0.01)


def test_one_class_alone_has_none():
    assert math.isnan(auc_standard_error(0.7, positives=0, negatives=9))
