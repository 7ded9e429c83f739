"""The rows of a source that break its contract, judged by how many usually do."""

import pytest

from mainspring.monitoring.limits.judgement import Judgement
from mainspring.monitoring.limits.share import Strictness
from mainspring.monitoring.limits.source import IngestedRows, judge_source

NEVER, ONE_IN_TWENTY = IngestedRows(20_000, 0), IngestedRows(19_000, 1_000)


def judged(accepted: int, quarantined: dict[str, int], usual: IngestedRows) -> Judgement:
    strictness = Strictness.of(10, sensitivity=1.4)
    return judge_source("trips", accepted, quarantined, usual=usual, strictness=strictness)


def test_a_source_that_breaks_its_contract_more_than_usual_is_found_with_its_reason():
    [finding] = judged(80, {"between:delay": 20}, NEVER).found
    assert (finding.kind, finding.subject, finding.statistic) == (
        "data_quality",
        "trips between:delay",
        0.2,
    )
    assert finding.sentence == (
        "trips: 20.0% of 100 rows failed the contract, 20 of them by between:delay; "
        "usual is 0.0%, and the limit for so many rows is 6.6%"
    )


def test_each_reason_that_is_many_is_a_finding():
    found = judged(40, {"between:delay": 30, "type:delay": 29, "null:at": 1}, NEVER).found
    assert [finding.subject for finding in found] == ["trips between:delay", "trips type:delay"]


def test_of_many_small_reasons_the_largest_is_named():
    [finding] = judged(80, {f"type:{name}": 2 for name in "abcdefghij"}, NEVER).found
    assert finding.subject == "trips type:a"


@pytest.mark.parametrize("usual", [ONE_IN_TWENTY, IngestedRows(95, 5)])
def test_trouble_that_is_usual_is_no_news(usual):
    assert not judged(285, {"between:delay": 15}, usual).found
    assert judged(150, {"between:delay": 150}, usual).found


def test_one_row_in_a_hundred_is_tolerated_where_nothing_is_known():
    assert not judged(990, {"type:delay": 10}, IngestedRows(0, 0)).found
    assert judged(950, {"type:delay": 50}, IngestedRows(0, 0)).found


def test_a_source_that_was_always_refused_goes_on_being_so():
    assert not judged(0, {"type:delay": 100}, IngestedRows(0, 500)).found


def test_few_rows_are_not_judged():
    unjudged = judged(0, {"type:delay": 3}, NEVER).unjudged
    assert unjudged is not None
    assert unjudged.words == "data_quality of trips: 3 rows, 20 needed"
