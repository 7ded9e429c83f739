"""The shape of a JSON text, beside what it decodes to."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainspring.elements import json_shape as module
from mainspring.elements.json_shape import json_shape

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text('[]{},:"\\a', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('",[\\'), inner, max_size=4)
    ),
    max_leaves=30,
)


def size(value):
    """How many values there are, and how deep."""
    if not isinstance(value, list | dict):
        return 1, 0
    parts = [size(each) for each in (value.values() if isinstance(value, dict) else value)]
    return 1 + sum(count for count, _ in parts), 1 + max((depth for _, depth in parts), default=0)


@given(VALUES)
def test_depth_is_exact_and_values_are_never_too_few(value):
    found = json_shape(json.dumps(value).encode(), max_values=10**6)
    values, depth = size(value)
    assert found.depth == depth
    # Each comma and opening counts as a value, so that an empty list counts as two.
    assert values <= found.values <= 2 * values


@pytest.mark.parametrize("before", range(6))
def test_no_escape_is_cut_in_two(before):
    text = "x" * (module._SLICE_BYTES - 4 + before) + '\\\\\\"[[['
    assert json_shape(json.dumps([text]).encode(), max_values=10).depth == 1


def test_nothing_is_read_beyond_too_many_values():
    assert json_shape(b"[" + b"," * 3_000_000, max_values=10).values < 1_200_000
