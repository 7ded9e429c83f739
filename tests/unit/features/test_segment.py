"""Facts of one key as bytes."""

import numpy as np

from mainspring.features.kernel.arrays import NEVER
from mainspring.features.segment import Segment, decode_segment, encode_segment, facts_of_segments, merge_segments, take_back


def segment(*facts):
    """Facts as (event time, id, visible from), each with its event time as its only value."""
    words = np.array([[at, seen, NEVER, at] for at, _, seen in facts], dtype=np.int64).reshape(-1, 4)
    return Segment(words, np.ones((len(facts), 1), dtype=np.uint8), [name for _, name, _ in facts], [])


def order_of(merged):
    return [(at, name) for at, name in zip(merged.words[:, 0].tolist(), merged.ids, strict=True)]


def test_merging_keeps_the_total_order_whichever_side_comes_first():
    early, late = segment((1, "b", 1), (5, "a", 5)), segment((1, "a", 9), (3, "c", 3))
    assert order_of(merge_segments(early, late)) == order_of(merge_segments(late, early)) == [(1, "a"), (1, "b"), (3, "c"), (5, "a")]


def test_revisions_of_one_fact_stand_in_the_order_in_which_they_were_seen():
    merged = merge_segments(segment((1, "a", 9)), segment((1, "a", 2)))
    assert merged.words[:, 1].tolist() == [2, 9]


def test_taking_back_closes_the_revision_that_stood():
    twice = take_back(take_back(segment((1, "a", 2), (1, "b", 2)), [("a", 5)]), [("a", 8)])
    assert twice.words[:, 2].tolist() == [5, NEVER]


def test_taking_back_what_is_not_there_changes_nothing():
    assert take_back(segment((1, "a", 2)), [("b", 5)]).words[:, 2].tolist() == [NEVER]


def test_a_view_that_only_counts_carries_no_values():
    words = np.array([[1, 1, NEVER]], dtype=np.int64)
    bare = encode_segment(Segment(words, np.empty((1, 0), dtype=np.uint8), ["a"], []))
    facts, texts = facts_of_segments([[bare], []], columns=0, text_columns=())
    assert (decode_segment(bare).ids, facts.key_start.tolist(), facts.values.shape, texts) == (["a"], [0, 1, 1], (0, 1), {})


def test_segments_of_a_key_are_joined_in_order_and_keys_are_told_apart():
    first, second, other = (encode_segment(segment((at, str(at), at))) for at in (1, 2, 3))
    facts, _ = facts_of_segments([[first, second], [], [other]], columns=1, text_columns=())
    assert (facts.key_start.tolist(), facts.times[0].tolist(), facts.values[0].tolist()) == ([0, 2, 2, 3], [1, 2, 3], [1, 2, 3])


def test_no_segments_are_no_facts():
    facts, _ = facts_of_segments([[], []], columns=2, text_columns=())
    assert (facts.key_start.tolist(), facts.times.shape, facts.values.shape, facts.valid.shape) == ([0, 0, 0], (3, 0), (2, 0), (2, 0))
