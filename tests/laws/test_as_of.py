"""Lookups by a walk in order of time give what the sweep gives, in whatever order facts and
questions lie.
"""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainspring.elements.time import MINUTE
from mainspring.features.history.backfill import backfill_view
from mainspring.features.kernel.arrays import Ints, ShortInts
from mainspring.features.kernel.grouping.as_of import AsOfQueries, Past, newest_facts
from tests.unit.features.history import facts_of, landing, newest

CITIES = st.sampled_from(["JFK", "LGA", "é", None])
LANDINGS = st.lists(
    st.tuples(
        st.integers(0, 30),
        CITIES,
        st.sampled_from([None, 0.5, -0.0, 7.0]),
        st.sampled_from([None, "A", "é"]),
    ),
    max_size=25,
)
QUESTIONS = st.lists(
    st.tuples(st.integers(0, 45), st.sampled_from(["JFK", "LGA", "é", "nowhere", None])),
    min_size=1,
    max_size=12,
)


@given(
    landings=LANDINGS,
    asked=QUESTIONS,
    ttl=st.sampled_from([None, "3m", "20m"]),
    entropy=st.randoms(use_true_random=False),
)
def test_facts_in_order_of_time_are_looked_up_as_in_any_other(
    landings, asked, ttl, entropy
) -> None:
    said = [
        landing(at, id=f"{at:02} {number % 3}", city=city, delay=delay, gate=gate)
        for number, (at, city, delay, gate) in enumerate(sorted(landings, key=repr))
    ]
    facts = facts_of(said).sort("_event_time", maintain_order=True)
    spine = pl.DataFrame(
        {"city": [city for _, city in asked], "_prediction_time": [at * MINUTE for at, _ in asked]},
        schema={"city": pl.String, "_prediction_time": pl.Int64},
    ).sort("_prediction_time", maintain_order=True)
    view = newest("delay", "gate", ttl=ttl)
    order = entropy.sample(range(spine.height), spine.height)
    shuffled = backfill_view(
        view,
        facts[entropy.sample(range(facts.height), facts.height)] if facts.height else facts,
        spine[order],
    )
    answer = backfill_view(view, facts, spine)
    assert answer[order].to_dicts() == shuffled.to_dicts()
    assert [repr(value) for value in answer[order]["city__delay"]] == [
        repr(value) for value in shuffled["city__delay"]
    ]


def drawn(size: int, *, keys: int, seed: int) -> tuple[ShortInts, Ints]:
    """Keys, of which some are none, and times that rise, now and then not at all."""
    random = np.random.default_rng(seed)
    return random.integers(-1, keys, size).astype(np.int32), np.cumsum(random.integers(0, 4, size))


def newest_by_search(past: Past, asked: AsOfQueries) -> list[int]:
    """The same by looking at each key alone."""
    own = {key: np.flatnonzero(past.code == key) for key in set(asked.code.tolist()) if key >= 0}
    ends = {key: np.searchsorted(past.time[rows], asked.time) for key, rows in own.items()}
    return [
        int(own[key][ends[key][row] - 1]) if key >= 0 and ends[key][row] else -1
        for row, key in enumerate(asked.code.tolist())
    ]


# The last is large enough for several threads; of its keys some are seen in the beginning alone, so
# that one share must ask another.
@pytest.mark.parametrize(("size", "keys"), [(0, 1), (1, 1), (500, 60), (400_000, 3_000)])
def test_the_newest_fact_is_found_whichever_share_has_it(size: int, keys: int) -> None:
    code, time = drawn(size, keys=keys, seed=size)
    _, first = np.unique(np.stack([time, code]), axis=1, return_index=True)
    kept = np.sort(first)
    code, time = code[kept], time[kept]
    seldom = (code < keys // 10) & (np.arange(code.size) > code.size // 10)
    past = Past(np.where(seldom, -1, code).astype(np.int32), time)
    codes, times = drawn(max(size // 4, 3), keys=keys, seed=size + 1)
    asked = AsOfQueries(codes, times * 4, np.full(codes.size, -7, dtype=np.int64))
    assert newest_facts(past, asked, keys=keys)
    assert asked.found.tolist() == newest_by_search(past, asked)


@pytest.mark.parametrize(
    ("times", "asked"),
    [
        pytest.param([1, 5, 4], [9, 9], id="facts"),
        pytest.param([1, 5, 5], [9, 9], id="ties"),
        pytest.param([1, 5, 6], [9, 8], id="questions"),
    ],
)
def test_the_walk_gives_up_where_order_does_not_decide(times: list[int], asked: list[int]) -> None:
    codes = np.zeros(2, dtype=np.int32)
    past = Past(np.zeros(3, dtype=np.int32), np.array(times))
    assert not newest_facts(
        past, AsOfQueries(codes, np.array(asked), np.empty(2, dtype=np.int64)), keys=1
    )
