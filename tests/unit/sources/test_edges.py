"""Bad input: what is wrong with a row is told by a code, and nothing of it is lost."""

import pytest

from mainspring.elements.expression import col, hours
from mainspring.elements.time import FOREVER, HOUR, MINUTE, SECOND
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.log import SqliteLog
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.spec import assumed_delay, declared_delay
from tests.unit.sources.conftest import NOON, SCHEMA, Desk, row, source_of


def desk_of(clock: FrozenClock, **changes: object) -> Desk:
    return Desk(CompiledSource(source_of(**changes), SCHEMA), SqliteLog(None), clock)


def verdicts(desk: Desk) -> list[tuple[str, str]]:
    return desk.quarantine().select("reason", "code").rows()


@pytest.mark.parametrize("history", [False, True])
def test_a_fact_known_beyond_the_clock_skew_lies_in_quarantine(desk: Desk, history: bool) -> None:
    report = desk.take(
        row(1, landed_at="2013-01-01T12:05:00.000001Z"),
        row(2, landed_at="2013-01-01T12:05:00Z"),
        history=history,
    )
    assert (report.accepted, report.quarantined) == (1, {"known_at_in_future": 1})
    assert verdicts(desk) == [("known_at_in_future", "SRC-013")]


def test_what_lies_in_quarantine_for_the_future_keeps_its_times_and_its_row(desk: Desk) -> None:
    desk.take(row(1, landed_at="2013-01-01T14:00:00Z"))
    [(event_time, known_at, told)] = (
        desk.quarantine().select("_event_time", "_known_at", "row").rows()
    )
    assert (event_time, known_at) == (NOON + 2 * HOUR, NOON + 2 * HOUR)
    assert '"landed_at":"2013-01-01T14:00:00' in told


def test_a_wrong_clock_set_right_lets_the_same_row_in(desk: Desk) -> None:
    desk.take(row(1, landed_at="2013-01-01T12:10:00Z"))
    desk.clock.advance(10 * MINUTE)
    assert desk.take(row(1, landed_at="2013-01-01T12:10:00Z")).accepted == 1


def test_a_source_says_how_far_ahead_its_facts_may_be_known(clock: FrozenClock) -> None:
    late = row(1, landed_at="2013-01-01T13:00:00Z")
    assert desk_of(clock, clock_skew="59m").take(late).quarantined == {"known_at_in_future": 1}
    assert desk_of(clock, clock_skew="1h").take(late).accepted == 1
    assert desk_of(clock, clock_skew=None).take(row(1, landed_at="2113-01-01")).accepted == 1


@pytest.mark.parametrize(
    "known_at", [col("landed_at") + hours(3), hours(3) + col("landed_at"), assumed_delay("3h")]
)
def test_a_delay_that_is_declared_is_no_claim_about_the_future(
    clock: FrozenClock, known_at: object
) -> None:
    desk = desk_of(clock, known_at=known_at)
    report = desk.take(
        row(1, landed_at="2013-01-01T12:05:00Z"), row(2, landed_at="2013-01-01T12:06:00Z")
    )
    assert (report.accepted, report.quarantined) == (1, {"known_at_in_future": 1})
    assert desk.facts()["_visible_from"].to_list() == [NOON + 3 * HOUR + 5 * MINUTE]


def test_delays_add_up_and_other_expressions_have_none() -> None:
    assert (
        declared_delay(source_of(known_at=col("landed_at") + hours(3) + hours(1)).known_at)
        == 4 * HOUR
    )
    assert declared_delay(source_of(known_at=col("landed_at") - hours(3)).known_at) == 0
    assert declared_delay(source_of().known_at) == 0


def test_rows_handed_in_ahead_of_their_time_are_no_clock_error(desk: Desk) -> None:
    assert desk.take(row(1, landed_at="2013-01-01T13:05:00Z"), ahead=HOUR).accepted == 1


def test_a_correction_from_the_future_changes_nothing(desk: Desk) -> None:
    desk.take(row())
    report = desk.take(
        row(landed_at="2013-01-01T13:00:00Z"),
        row(landed_at="2013-01-01T13:00:00Z"),
        op=["replace", "delete"],
    )
    assert (report.revised, report.deleted, report.quarantined) == (0, 0, {"known_at_in_future": 2})
    assert desk.facts()["_visible_to"].to_list() == [FOREVER]


def test_an_event_without_a_time_lies_in_quarantine_with_its_code(desk: Desk) -> None:
    assert desk.take(row(landed_at=None), row(2)).accepted == 1
    assert verdicts(desk) == [("event_time_missing", "SRC-010")]


def test_a_value_of_the_wrong_type_lies_in_quarantine_with_its_code(desk: Desk) -> None:
    assert (
        desk.take(row(delay="much"), row(2, delay="6.5"), {**row(), "flight": "seven"}).accepted
        == 1
    )
    assert verdicts(desk) == [("type:delay", "SRC-010"), ("type:flight,id_missing", "SRC-010")]


def test_every_broken_promise_of_a_row_is_named(desk: Desk) -> None:
    desk.take(row(carrier=None, delay=float("nan"), landed_at="soon"))
    assert verdicts(desk) == [
        ("type:landed_at,null:carrier,nan:delay,event_time_missing", "SRC-010")
    ]


def test_a_late_fact_that_says_the_same_again_is_a_duplicate_and_not_late(
    clock: FrozenClock,
) -> None:
    desk = desk_of(clock, lateness="61m")
    assert desk.take(row()).accepted == 1
    clock.advance(2 * MINUTE)
    assert (desk.take(row()).duplicates, desk.take(row(2)).quarantined) == (1, {"late": 1})


def test_a_replacement_and_a_deletion_have_visible_times_of_their_own(clock: FrozenClock) -> None:
    desk = desk_of(clock, known_at=col("landed_at"))
    desk.take(row())
    clock.advance(SECOND)
    desk.take(row(delay=6.0), op=["replace"])
    clock.advance(SECOND)
    desk.take(row(), op=["delete"])
    assert desk.facts().select("delay", "_visible_from", "_visible_to").rows() == [
        (5.0, NOON, NOON + SECOND),
        (6.0, NOON + SECOND, NOON + 2 * SECOND),
    ]


def test_history_revised_at_one_instant_still_tells_both_values_apart(desk: Desk) -> None:
    desk.take(row(), row(delay=6.0), op=["insert", "replace"], history=True)
    eleven = NOON - HOUR
    assert desk.facts().select("_visible_from", "_visible_to").rows() == [
        (eleven, eleven + 1),
        (eleven + 1, FOREVER),
    ]
