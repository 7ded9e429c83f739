"""Columns travel as 64-bit patterns."""

import numpy as np
import pytest

from mainspring.features.kernel.arrays import Facts, bits_of


def test_floats_keep_their_bits() -> None:
    assert bits_of([1.0, -0.0]).view(np.float64).tobytes() == np.array([1.0, -0.0]).tobytes()


def test_booleans_become_zero_and_one() -> None:
    assert bits_of([True, False]).tolist() == [1, 0]


def test_a_column_that_does_not_fit_int64_is_refused() -> None:
    with pytest.raises(TypeError, match="safe"):
        bits_of(np.array([1], dtype=np.uint64))


def test_facts_do_not_alias_the_arrays_they_were_made_of() -> None:
    start = np.array([0, 1])
    facts = Facts.of(key_start=start, event_time=[1], visible_from=[1])
    start[1] = 7
    assert facts.key_start.tolist() == [0, 1]
