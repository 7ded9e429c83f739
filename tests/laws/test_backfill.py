"""A backfill is a function of the set of facts: neither the order of their rows nor the parts they are spilled in can be told from its answer."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.elements.time import MINUTE
from mainspring.features.backfill import backfill
from mainspring.features.spill import backfill_spilled
from mainspring.features.view import CompiledView
from tests.laws.test_features import VIEWS, facts, minutes, records_of, standing_facts

EVERY_VIEW = pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.view.name)
KEYS = [{"city": city, "gate": gate} for city in ("JFK", "LGA", "???", None) for gate in ("A", "B", None)]

histories = st.lists(facts, max_size=100).map(lambda history: standing_facts(records_of(history)))
moments = st.lists(minutes, min_size=1, max_size=4)


def spine_of(asked: list[int]) -> pl.DataFrame:
    """Every key, known or not, at each of these minutes."""
    rows = [key | {"_prediction_time": minute * MINUTE} for minute in asked for key in KEYS]
    return pl.DataFrame(rows, schema={"city": pl.String, "gate": pl.String, "_prediction_time": pl.Int64})


@EVERY_VIEW
@given(history=histories, asked=moments, seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_facts_changes_nothing(view: CompiledView, history: pl.DataFrame, asked: list[int], seed: int) -> None:
    spine, shuffled = spine_of(asked), history.sample(fraction=1.0, shuffle=True, seed=seed)
    assert backfill(view, shuffled, spine).equals(backfill(view, history, spine))


@EVERY_VIEW
@given(history=histories, asked=moments, partitions=st.sampled_from([1, 2, 7]))
@settings(max_examples=15, deadline=None)
def test_spilling_by_key_changes_nothing(view: CompiledView, history: pl.DataFrame, asked: list[int], partitions: int) -> None:
    spine = spine_of(asked)
    assert backfill_spilled(view, history.lazy(), spine, partitions=partitions).equals(backfill(view, history, spine))


def test_a_spilled_backfill_leaves_nothing_behind(tmp_path) -> None:
    history = standing_facts(records_of([{"happened": 1, "lag": 0, "taken_back": None, "city": "JFK", "gate": "A", "delay": 2.0, "bags": 1}]))
    answer = backfill_spilled(VIEWS[0], history.lazy(), spine_of([5]), partitions=3, folder=tmp_path)
    assert answer["city__n__10m"].to_list()[:3] == [1, 1, 1]
    assert list(tmp_path.iterdir()) == []
