"""Facts that lie by time but for their files are taken file by file."""

import polars as pl
import pytest

from mainspring.features.history.stretches import stretches_by_time, taken_in


def facts(times: list[int]) -> pl.DataFrame:
    return pl.DataFrame({"_event_time": times}, schema={"_event_time": pl.Int64})


@pytest.mark.parametrize(
    ("times", "stretches"),
    [
        ([7, 9, 3, 4, 4, 1, 2], [(5, 2), (2, 3), (0, 2)]),
        ([1, 2, 2, 3], [(0, 4)]),
        ([], None),
        ([1, 5, 2, 6], None),
    ],
)
def test_stretches_that_do_not_overlap_are_found(times, stretches):
    assert stretches_by_time(facts(times)) == stretches


def test_stretches_are_taken_in_order_of_time():
    lying = facts([7, 9, 3, 4, 1])
    stretches = stretches_by_time(lying)
    assert stretches is not None
    assert taken_in(stretches, lying)["_event_time"].to_list() == [1, 3, 4, 7, 9]
