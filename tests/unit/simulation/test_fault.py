"""Faults that are injected into a simulation."""

import polars as pl
import pytest

from mainspring.elements.errors import UnreadableInstant
from mainspring.elements.time import parse_instant
from mainspring.simulation.errors import UnreadableFault
from mainspring.simulation.fault import parse_injected_fault

AT = parse_instant("2013-11-15")
ROWS = pl.DataFrame({"delay": [1.0, None, 3.0], "bags": [1, 2, 3], "sent": [AT - 1, AT, AT + 1]})


def broken(text, column):
    return parse_injected_fault(text).applied_to(ROWS, "sent")[column].to_list()


def test_minutes_become_seconds_from_an_instant_on():
    assert broken("unit-change:delay@2013-11-15", "delay") == [1.0, None, 180.0]


def test_a_factor_may_be_given_and_the_type_stays():
    assert broken("unit-change:bags*2.5@2013-11-15", "bags") == [1, 5, 7]


def test_values_can_go_missing_or_freeze():
    assert broken("nulls:bags@2013-11-15", "bags") == [1, None, None]
    assert broken("constant:bags@2013-11-15", "bags") == [1, 1, 1]


def test_rows_without_the_column_are_left_alone():
    assert parse_injected_fault("nulls:gate@2013-11-15").applied_to(ROWS, "sent").equals(ROWS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "delay",
        "melt:delay@2013-11-15",
        "nulls:delay",
        "unit-change:delay*1.2.3@2013-11-15",
        "unit-change:delay*.@2013-11-15",
    ],
)
def test_another_form_is_refused(text):
    with pytest.raises(UnreadableFault):
        parse_injected_fault(text)


def test_an_unreadable_date_is_named():
    with pytest.raises(UnreadableInstant, match="tomorrow"):
        parse_injected_fault("nulls:delay@tomorrow")
