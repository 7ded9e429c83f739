"""Exported against native scores, row by row."""

import numpy as np

from mainspring.stats.export_parity import compare_export

NATIVE = np.array([0.1, 0.2, 0.3])


def test_identical_scores_differ_in_no_row():
    parity = compare_export(NATIVE, NATIVE.copy())
    assert (parity.rows, parity.rows_differing, parity.largest_difference, parity.is_equal) == (
        3,
        0,
        0.0,
        True,
    )


def test_a_last_bit_is_counted_and_still_equal_within_tolerance():
    parity = compare_export(NATIVE, np.nextafter(NATIVE, 1.0))
    assert (parity.rows_differing, parity.is_equal) == (3, True)


def test_a_row_of_classes_counts_once():
    assert compare_export(np.zeros((4, 3)), np.full((4, 3), 1e-15)).rows_differing == 4


def test_nan_equals_nan_and_no_number():
    assert compare_export(np.array([np.nan]), np.array([np.nan])).is_equal
    assert compare_export(np.array([np.nan]), np.array([0.5])).largest_difference == float("inf")


def test_equal_infinities_are_equal():
    assert compare_export(np.array([np.inf]), np.array([np.inf])).is_equal


def test_scores_of_another_shape_are_never_equal():
    assert not compare_export(NATIVE, NATIVE[:, None]).is_equal


def test_no_rows_are_equal():
    assert compare_export(np.zeros(0), np.zeros(0)).is_equal
