"""A change of level in a daily series."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mainspring.stats.change_of_level import change_of_level, largest_change


@given(st.lists(st.floats(0, 1), min_size=42, max_size=80), st.floats(-1, 1))
def test_a_change_of_level_does_not_see_the_level_itself(series, shift):
    moved = change_of_level([value + shift for value in series])
    np.testing.assert_allclose(moved, change_of_level(series), atol=1e-9)


@given(st.lists(st.floats(0, 1), min_size=42, max_size=80))
def test_a_change_backwards_is_the_same_change(series):
    assert change_of_level([-value for value in series]) == -change_of_level(series)


@given(st.lists(st.floats(0, 1), max_size=80))
def test_no_change_in_a_series_exceeds_its_largest(series):
    largest, last = largest_change(series), change_of_level(series)
    assert (largest is None) == (last is None) == (len(series) < 42)
    assert last is None or abs(last) <= largest
