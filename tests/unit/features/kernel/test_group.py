"""Rows grouped by key and sorted by time lie as a stable sort would lay them."""

import numpy as np
import pytest

from mainspring.features.kernel.arrays import Ints
from mainspring.features.kernel.grouping.group import group_facts


def rows_in_order(codes: Ints, times: Ints) -> Ints:
    """What the grouping must give, by a stable sort of everything."""
    kept = np.flatnonzero(codes >= 0)
    return kept[np.lexsort((times[kept], codes[kept]))]


# The last is large enough for several threads, and for more keys than bins.
@pytest.mark.parametrize(
    ("size", "keys"), [(0, 1), (1, 1), (50, 3), (5_000, 1), (2_000, 700), (200_000, 40_000)]
)
@pytest.mark.parametrize("span", [7, 10**12])
def test_grouping_equals_a_stable_sort(size: int, keys: int, span: int) -> None:
    random = np.random.default_rng(size)
    codes, times = (
        random.integers(-1, keys, size).astype(np.int32),
        random.integers(-span, span, size),
    )
    grouping, expected = group_facts(codes.copy(), keys, [times]), rows_in_order(codes, times)
    assert np.array_equal(grouping.rows(), expected)
    assert np.array_equal(grouping.event_time, times[expected])
    assert np.array_equal(grouping.key_start, np.searchsorted(codes[expected], np.arange(keys + 1)))


def test_columns_follow_their_rows() -> None:
    random = np.random.default_rng(1)
    codes, times = random.integers(-1, 900, 3_000).astype(np.int32), random.integers(0, 99, 3_000)
    words, flags = random.integers(-9, 9, 3_000), random.integers(0, 2, 3_000).astype(np.uint8)
    grouping, expected = group_facts(codes.copy(), 900, [times]), rows_in_order(codes, times)
    moved_words, moved_flags = (
        np.empty(expected.size, dtype=np.int64),
        np.empty(expected.size, dtype=np.uint8),
    )
    grouping.words([words], moved_words)
    grouping.flags([flags], moved_flags)
    assert np.array_equal(moved_words, words[expected])
    assert np.array_equal(moved_flags, flags[expected])


@pytest.mark.parametrize("size", [300, 200_000])
@pytest.mark.parametrize("is_ordered", [False, True])
def test_pieces_are_grouped_as_the_whole(size: int, is_ordered: bool) -> None:
    random = np.random.default_rng(size)
    codes, times = random.integers(0, 90, size).astype(np.int32), random.integers(0, size, size)
    if is_ordered:
        order = np.lexsort((times, codes))
        codes, times = codes[order], times[order]
    pieces = np.split(times, [0, size // 3, size // 3, size - 1])
    grouping, whole = group_facts(codes.copy(), 90, pieces), group_facts(codes.copy(), 90, [times])
    moved, expected = np.empty_like(times), np.empty_like(times)
    grouping.words(np.split(times, [7, size // 2]), moved)
    whole.words([times], expected)
    assert np.array_equal(moved, expected)
    assert np.array_equal(grouping.event_time, whole.event_time)
    assert (grouping.into_bins is None) == is_ordered


@pytest.mark.parametrize(
    ("codes", "times"),
    [([0, 0, 1, 0], [1, 2, 3, 4]), ([0, 0, 0, 0], [1, 5, 3, 4]), ([-1, -1, 0, 0], [1, 2, 3, 4])],
)
def test_disorder_between_pieces_is_seen(codes: list[int], times: list[int]) -> None:
    grouping = group_facts(np.array(codes, dtype=np.int32), 2, np.split(np.array(times), [2]))
    assert grouping.into_bins is not None


def test_rows_that_lie_in_order_are_not_moved() -> None:
    grouping = group_facts(np.array([0, 0, 2], dtype=np.int32), 4, [np.array([3, 3, 1])])
    assert (grouping.into_bins, grouping.into_order) == (None, None)
    assert grouping.key_start.tolist() == [0, 2, 2, 3, 3]
    assert grouping.rows().tolist() == [0, 1, 2]


@pytest.mark.parametrize("codes", [[0, 0, 0], [0, 0, -1]])
def test_tied_rows_can_change_places(codes: list[int]) -> None:
    grouping = group_facts(np.array(codes, dtype=np.int32), 1, [np.array([5, 5, 9])])
    assert grouping.with_rows(np.array([1, 0]), np.array([0, 1])).rows().tolist()[:2] == [1, 0]


def test_ties_are_told_in_sets() -> None:
    codes, times = np.array([1, 0, 1, 0, 1, 0], dtype=np.int32), np.array([5, 5, 5, 7, 5, 7])
    places, sets = group_facts(codes.copy(), 2, [times]).ties()
    assert (places.tolist(), sets.tolist()) == ([1, 2, 3, 4, 5], [0, 0, 1, 1, 1])
    assert group_facts(np.zeros(3, dtype=np.int32), 1, [np.array([3, 1, 2])]).ties()[0].size == 0


def test_rows_have_the_places_that_they_are_moved_to() -> None:
    codes, times = np.array([1, -1, 0, 1], dtype=np.int32), np.array([4, 0, 9, 3])
    assert group_facts(codes.copy(), 2, [times]).indices(np.arange(4)).tolist() == [2, -1, 0, 1]
    assert group_facts(codes[[2, 3]], 2, [times[[2, 3]]]).indices(np.array([1])).tolist() == [1]
