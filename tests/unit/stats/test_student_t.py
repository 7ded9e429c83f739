"""Quantiles of Student's t."""

import pytest
import scipy.stats

from mainspring.stats.student_t import t_quantile


@pytest.mark.parametrize("degrees", [10, 13, 27, 1_000])
@pytest.mark.parametrize("probability", [1e-5, 0.025, 0.5, 0.9, 0.999, 1 - 1e-5])
def test_a_quantile_is_scipys_within_a_hundredth(degrees, probability):
    theirs = scipy.stats.t.ppf(probability, degrees)
    assert t_quantile(probability, degrees=degrees) == pytest.approx(theirs, rel=0.01, abs=1e-9)
