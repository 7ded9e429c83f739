"""Casting a request by the schema of the spine (DESIGN §4, line 12)."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import DAY
from mainspring.features.cast import cast_columns
from mainspring.features.errors import MissingRequestField, WrongRequestType

SCHEMA = Schema.of(
    n=DType.INT64, x=DType.FLOAT64, ok=DType.BOOLEAN, name=DType.STRING, at=DType.TIMESTAMP
)
ROW = {"n": 1, "x": 2.5, "ok": True, "name": "JFK", "at": "2013-10-01T06:30:00-04:00"}
NONE = Schema(())


def cast(**changes):
    [row] = cast_columns([ROW | changes], SCHEMA, passthrough=NONE).rows
    return row


def test_an_instant_becomes_microseconds_whatever_its_zone():
    assert (
        cast()["at"]
        == cast(at="2013-10-01T10:30:00Z")["at"]
        == cast(at="2013-10-01T10:30:00")["at"]
        == 1_380_623_400_000_000
    )


def test_a_whole_number_is_a_real_one_where_that_is_wanted():
    assert repr(cast(x=3)["x"]) == "3.0"


def test_null_is_a_value_of_every_type():
    assert set(cast(**dict.fromkeys(ROW)).values()) == {None}


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("n", 18.0, 18),
        ("n", "18", 18),
        ("n", np.int32(18), 18),
        ("x", "2.5", 2.5),
        ("x", np.float32(0.1), 0.10000000149011612),
        ("ok", 1, True),
        ("ok", "TRUE", True),
        ("name", 7, "7"),
        ("name", np.str_("JFK"), "JFK"),
        ("at", date(1970, 1, 2), DAY),
        ("at", np.datetime64("1970-01-02"), DAY),
    ],
)
def test_a_value_is_read_in_whatever_form_it_comes(field, value, read):
    assert repr(cast(**{field: value})[field]) == repr(read)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 1.5),
        ("n", "1.5"),
        ("n", True),
        ("n", 2**63),
        ("x", "much"),
        ("x", False),
        ("x", 10**400),
        ("ok", 2),
        ("name", b"7"),
        ("at", "yesterday"),
        ("at", 1.5),
        ("n", [1]),
    ],
)
def test_a_value_of_another_type_is_refused_and_named(field, value):
    with pytest.raises(WrongRequestType) as caught:
        cast(**{field: value})
    assert (caught.value.field, caught.value.row) == (field, 0)


def test_an_absent_field_is_a_mistake():
    with pytest.raises(MissingRequestField, match="row 1 has no field 'n'"):
        cast_columns(
            [ROW, {name: value for name, value in ROW.items() if name != "n"}],
            SCHEMA,
            passthrough=NONE,
        )


def test_unknown_fields_are_left_out_and_passthrough_ones_kept_where_they_are_sent():
    request = cast_columns(
        [ROW | {"trip": "t1", "junk": 1}, ROW], SCHEMA, passthrough=Schema.of(trip=DType.STRING)
    )
    rows = request.rows
    assert request.columns["trip"] == ["t1", None]
    assert "trip" not in rows[1]
    assert "junk" not in rows[0]


@given(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.integers(), max_size=2),
    st.sampled_from(SCHEMA.names),
)
def test_any_value_is_cast_or_refused_and_casting_again_changes_nothing(value, field):
    try:
        once = cast(**{field: value})
    except WrongRequestType:
        return
    assert repr(cast(**once)) == repr(once)


@pytest.mark.parametrize("rows", [2, 40])
def test_the_first_fault_of_the_first_bad_row_is_told_whichever_column_has_it(rows):
    good = [ROW] * rows
    late, early = ROW | {"n": "one"}, {**ROW, "ok": "yes", "at": "yesterday"}
    with pytest.raises(WrongRequestType) as caught:
        cast_columns([*good, early, late], SCHEMA, passthrough=NONE)
    assert (caught.value.row, caught.value.field) == (rows, "ok")


def test_a_request_without_fields_has_its_rows():
    assert cast_columns([ROW, ROW], NONE, passthrough=NONE).rows == [{}, {}]
