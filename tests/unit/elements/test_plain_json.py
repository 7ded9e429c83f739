"""JSON says which numbers are none, and is otherwise what the encoder writes."""

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainspring.app.cli.output import render_json
from mainspring.elements.identity import canonical_json
from mainspring.elements.plain_json import encode_json
from mainspring.ports.http import json_reply


class Report(msgspec.Struct, omit_defaults=True, tag="report"):
    """A record, whose encoding has rules of its own."""

    psi: float
    name: str | None = None
    by_day: dict[str, float | None] = {}


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def is_finite(value):
    if isinstance(value, dict | list):
        return all(map(is_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


@given(plain)
def test_what_json_has_words_for_is_encoded_as_ever(value):
    encoded = encode_json(value)
    json.loads(encoded, parse_constant=pytest.fail)
    if is_finite(value):
        assert encoded == msgspec.json.encode(value)


@pytest.mark.parametrize(
    ("number", "text"),
    [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")],
)
def test_no_writer_makes_null_of_a_number(number, text):
    report = Report(psi=number, by_day={"1": number, "2": None})
    wanted = {"type": "report", "psi": text, "by_day": {"1": text, "2": None}}
    for payload in (render_json(report), canonical_json(report), json_reply(report).body):
        assert json.loads(payload) == wanted


def test_records_keep_their_rules_where_something_is_null():
    report = Report(psi=0.5, by_day={"1": None})
    assert encode_json(report) == msgspec.json.encode(report)
