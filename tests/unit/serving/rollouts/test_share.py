"""Which revision answers an entity."""

from hypothesis import given
from hypothesis import strategies as st

from mainspring.serving.rollouts.share import takes_share


@given(st.text(), st.integers(0, 100), st.integers(0, 100))
def test_a_larger_share_keeps_what_a_smaller_one_had(key, first, second):
    smaller, larger = sorted((first, second))
    assert takes_share(key, larger) or not takes_share(key, smaller)


@given(st.text())
def test_no_share_takes_none_and_a_whole_one_all(key):
    assert not takes_share(key, 0)
    assert takes_share(key, 100)


def test_the_next_candidate_begins_with_other_entities():
    first, second = (
        {key for key in map(str, range(2000)) if takes_share(key, 20, salt=salt)}
        for salt in ("a", "b")
    )
    assert len(first & second) < 0.4 * len(first)
