"""How a new revision takes over."""

from hypothesis import given
from hypothesis import strategies as st

from mainspring.elements.time import MINUTE
from mainspring.serving.rollout import canary_share, takes_canary
from mainspring.serving.spec import Canary

STEPS = Canary(steps=[5, 25, 100], hold="10m")


def test_without_a_rollout_a_new_revision_takes_all_at_once():
    assert canary_share(None, started_at=0, now=0) == 100


def test_a_clock_that_was_set_back_stays_on_the_first_step():
    assert canary_share(STEPS, started_at=60 * MINUTE, now=0) == 5


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_the_share_never_falls(first, later):
    assert canary_share(STEPS, started_at=0, now=first) <= canary_share(
        STEPS, started_at=0, now=first + later
    )


@given(st.text(), st.integers(0, 100), st.integers(0, 100))
def test_a_larger_share_keeps_the_requests_of_a_smaller_one(request, first, second):
    smaller, larger = sorted((first, second))
    assert takes_canary(request, larger) or not takes_canary(request, smaller)


@given(st.text())
def test_no_share_takes_none_and_the_whole_takes_all(request):
    assert not takes_canary(request, 0)
    assert takes_canary(request, 100)
