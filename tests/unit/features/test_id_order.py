"""Ids of facts that happened at once, in the order of their values and not of their text."""

from datetime import datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mainspring as ms
from mainspring import col
from mainspring.elements.schema import DType
from mainspring.elements.time import parse_instant
from mainspring.features.id_order import id_keys, keys_of_union
from mainspring.testing import FrozenClock

WHOLE = st.integers(-(2**63), 2**63 - 1) | st.integers(-120, 120)
BIG = st.integers(0, 2**64 - 1) | st.integers(0, 120)
TEXT = st.text(alphabet="\0\1\2\3|\\aé}", max_size=4)
VALUES = {
    DType.INT64: WHOLE,
    DType.UINT64: BIG,
    DType.STRING: TEXT,
    DType.BOOLEAN: st.booleans(),
    DType.TIMESTAMP: st.datetimes(),
}
TYPES = st.lists(st.sampled_from([*VALUES]), min_size=1, max_size=3)


@st.composite
def typed_ids(draw):
    """Types of id columns, and different ids of these types."""
    types = tuple(draw(TYPES))
    row = st.tuples(*(VALUES[dtype] for dtype in types))
    return types, draw(st.lists(row, min_size=1, max_size=12, unique=True))


def stored(values):
    """An id as the log has it."""
    values = [
        f"{v.isoformat(timespec='microseconds')}Z" if isinstance(v, datetime) else v for v in values
    ]
    return "|".join(
        value.replace("\\", "\\\\").replace("|", "\\|")
        if isinstance(value, str)
        else str(value).lower()
        for value in values
    )


def in_order(values):
    return tuple(value.encode() if isinstance(value, str) else value for value in values)


@given(typed_ids())
def test_keys_sort_as_the_ids_do_column_by_column(drawn):
    types, ids = drawn
    keys = id_keys(pl.Series(map(stored, ids)), types).to_list()
    by_key = [row for _, row in sorted(zip(map(str.encode, keys), ids, strict=True))]
    assert by_key == sorted(ids, key=in_order)


@given(typed_ids())
def test_the_key_of_an_id_does_not_depend_on_others(drawn):
    types, ids = drawn
    together = id_keys(pl.Series(map(stored, ids)), types).to_list()
    assert together == [id_keys(pl.Series([stored(row)]), types).item() for row in ids]


def test_ids_of_an_earlier_release_are_ordered_as_text():
    ids = pl.Series(["10", "9"])
    assert id_keys(ids, ()) is ids


def test_ids_of_a_union_are_ordered_by_source_and_then_each_by_its_own_types():
    ids = pl.Series(["b\0009", "a\0z", "b\00010", "a\0b", "ab\0z"])
    keys = keys_of_union(ids, {"b": (DType.INT64,), "a": (DType.STRING,), "ab": (DType.STRING,)})
    assert ids.gather(keys.arg_sort()).to_list() == ["a\0b", "a\0z", "ab\0z", "b\0009", "b\00010"]


@pytest.mark.parametrize("many", [1, 40], ids=["few facts", "facts in sealed pages"])
def test_whole_numbers_decide_ties_as_numbers_in_history_and_online(many):
    source = ms.Source(
        "s",
        id=["shop", "n"],
        event_time="at",
        contract=ms.Contract(shop=ms.String(), n=ms.Int64(), at=ms.Timestamp(), x=ms.Int64()),
    )
    x, shop = col("x"), ms.Entity("shop")
    windowed = ms.FeatureView(
        "w",
        source=source,
        entities=[shop],
        windows=["7d"],
        features={"first": x.first(), "last": x.last(), "newest": x.last_k(3)},
    )
    lookup = ms.FeatureView("l", source=source, entities=[shop], features=ms.latest("x"))
    at, asked = "2024-05-01T00:00:00Z", "2024-05-02T00:00:00Z"
    clock = FrozenClock(parse_instant(asked))
    workspace = ms.Workspace.in_memory([source, windowed, lookup], clock=clock)
    workspace.apply()
    numbers = [10, -10, 9, 2, -9, *range(11, 11 + many)]
    rows = [{"shop": "a", "n": n, "at": at, "x": n} for n in numbers]
    for row in rows:
        workspace.ingest("s", [row], history=True)
    workspace.materialize()
    spine = pl.DataFrame({"shop": ["a"], "prediction_time": [asked]})
    [told] = (
        workspace.get_historical_features(["w", "l"], spine=spine).drop(spine.columns).to_dicts()
    )
    newest = sorted(numbers)
    assert list(told.values()) == [-10, newest[-1], newest[-3:], newest[-1]]
    online = workspace.get_online_features(["w", "l"], keys=[{"shop": "a"}], at=asked)
    assert {name: values[0] for name, values in online.columns.items()} == told
