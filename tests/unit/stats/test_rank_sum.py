"""Chance is bounded by what random orders do."""

from itertools import combinations

import pytest

from mainspring.stats.rank_sum import chance_of_auc


@pytest.mark.parametrize(("positives", "negatives"), [(1, 9), (2, 10), (3, 9), (4, 8), (8, 4)])
def test_no_more_orders_than_the_bound_says_are_as_good(positives: int, negatives: int) -> None:
    pairs, rows = positives * negatives, positives + negatives
    aucs = [
        (sum(places) - positives * (positives - 1) / 2) / pairs
        for places in combinations(range(rows), positives)
    ]
    for auc in (0.9, 0.95, 1.0):
        inversions = round((1 - auc) * pairs)
        as_good = [each for each in aucs if round(min(each, 1 - each) * pairs) <= inversions]
        bound = chance_of_auc(auc, positives=positives, negatives=negatives)
        assert len(as_good) / len(aucs) <= bound + 1e-12


def test_one_class_alone_tells_nothing() -> None:
    assert chance_of_auc(1.0, positives=0, negatives=50) == 1.0
