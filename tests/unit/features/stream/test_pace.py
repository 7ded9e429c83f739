"""Looking for news: often while there are some, and never so seldom that it delays them by much."""

from hypothesis import given
from hypothesis import strategies as st

from mainspring.features.stream.meter import ThroughputMeter
from mainspring.features.stream.pace import LONGEST_S, SHORTEST_S, pause_after


@given(st.floats(0, 1e9))
def test_a_pause_is_from_one_to_ten_milliseconds(quiet_s: float) -> None:
    assert SHORTEST_S <= pause_after(quiet_s) <= LONGEST_S


@given(st.floats(0, 1e3), st.floats(0, 1e3))
def test_the_longer_it_has_been_quiet_the_longer_is_the_pause(one: float, other: float) -> None:
    assert pause_after(min(one, other)) <= pause_after(max(one, other))


def test_records_that_several_views_read_count_once() -> None:
    meter = ThroughputMeter()
    for shard, records in (("takings", 30), ("takings", 20), ("newest", 50), ("weather", 7)):
        meter.folded(shard, "source:weather" if shard == "weather" else "source:sales", records)
    meter.waited(0.2)
    meter.waited(0.1)
    assert meter.taken() == (57, 0.2)
    assert meter.taken() == (0, 0.0)
