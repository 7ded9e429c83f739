"""Work is cut into shares that cover it once."""

from itertools import pairwise

import pytest

from mainspring.features.kernel.shares import even_bounds, run_shares


@pytest.mark.parametrize("size", [0, 1, 65_536, 1_000_001])
def test_bounds_cover_all_items(size: int) -> None:
    bounds = even_bounds(size)
    assert (bounds[0], bounds[-1]) == (0, size)
    assert all(first <= stop for first, stop in pairwise(bounds))


def test_little_work_stays_in_one_thread() -> None:
    assert even_bounds(1_000) == [0, 1_000]


def test_every_share_is_run_once() -> None:
    seen: list[tuple[int, int, int]] = []
    run_shares(lambda *share: seen.append(share), [0, 4, 9, 9])
    assert sorted(seen) == [(0, 0, 4), (1, 4, 9), (2, 9, 9)]


def test_a_failure_in_a_share_is_a_failure_of_the_whole() -> None:
    def fail(share: int, _first: int, _stop: int) -> None:
        if share == 1:
            raise ValueError("the second share")

    with pytest.raises(ValueError, match="the second share"):
        run_shares(fail, [0, 1, 2])
