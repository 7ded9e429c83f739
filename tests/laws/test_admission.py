"""What holds of admission whatever is asked, by whom and when."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mainspring.serving.admission.limits import CallerRate
from mainspring.serving.admission.queue import Priority, has_room, room_for
from mainspring.serving.admission.rate import TokenBucket, taken

RATES = st.builds(CallerRate, st.floats(0.1, 1_000.0), st.integers(1, 50))
PAUSES = st.lists(st.floats(0.0, 10.0), min_size=1, max_size=60)
COMINGS = st.lists(st.tuples(st.sampled_from(Priority), st.booleans()), max_size=200)


@given(st.integers(1, 1_000), COMINGS)
def test_a_queue_never_has_more_than_its_limit(limit: int, comings: list) -> None:
    under_way = 0
    for priority, one_leaves in comings:
        under_way += has_room(under_way, priority, limit)
        assert 0 <= under_way <= limit
        under_way -= bool(one_leaves and under_way)


@given(st.integers(1, 1_000), st.integers(0, 1_000))
def test_who_is_more_urgent_is_let_in_wherever_who_is_less_is(limit: int, under_way: int) -> None:
    let_in = [has_room(under_way, priority, limit) for priority in Priority]
    assert let_in == sorted(let_in, reverse=True)


@given(st.integers(1, 1_000))
def test_an_empty_queue_takes_everybody(limit: int) -> None:
    assert all(has_room(0, priority, limit) for priority in Priority)
    assert room_for(Priority.LIVE, limit) == limit


@given(RATES, PAUSES)
def test_in_any_time_no_more_pass_than_the_burst_and_what_the_rate_brings(
    rate: CallerRate, pauses: list[float]
) -> None:
    bucket, now, passed = None, 0.0, []
    for pause in pauses:
        now += pause
        bucket, missing = taken(bucket, rate, now)
        passed += [now] if not missing else []
    for first, begin in enumerate(passed):
        for count, end in enumerate(passed[first:], start=1):
            assert count <= rate.burst + rate.per_s * (end - begin) + 1e-6


@given(RATES, PAUSES)
def test_whoever_waits_as_long_as_they_were_told_is_let_in(
    rate: CallerRate, pauses: list[float]
) -> None:
    bucket, now, outcomes = None, 0.0, Counter[bool]()
    for pause in pauses:
        now += pause
        bucket, missing = taken(bucket, rate, now)
        outcomes[missing > 0] += 1
        if missing:
            now += missing * (1 + 1e-9) + 1e-9
            bucket, again = taken(bucket, rate, now)
            assert again == 0.0
    assert sum(outcomes.values()) == len(pauses)


@given(RATES, st.floats(0.0, 50.0), st.floats(0.0, 100.0), st.floats(0.0, 100.0))
def test_a_clock_that_goes_back_gives_nobody_more(
    rate: CallerRate, tokens: float, at: float, now: float
) -> None:
    after, _ = taken(TokenBucket(min(tokens, rate.burst), at), rate, min(now, at))
    assert after.tokens <= min(tokens, rate.burst)
