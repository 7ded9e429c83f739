"""One window compared with the baseline."""

import msgspec
import numpy as np
import pytest

from mainspring.elements.time import DAY
from mainspring.monitoring.baseline import (
    Baseline,
    HoldoutPredictions,
    baseline_of_column,
    make_baseline,
)
from mainspring.monitoring.window import (
    LabelledDay,
    data_quality_findings,
    drift_findings,
    label_findings,
    measure_day,
)

ROWS_A_DAY, DAYS = 200, 10


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def baseline(rng) -> Baseline:
    matrix = rng.normal(size=(ROWS_A_DAY * DAYS, 2))
    times = np.repeat(np.arange(DAYS), ROWS_A_DAY) * DAY
    labels = (rng.random(len(times)) < 0.25).astype(float)
    scores = rng.random(len(times))
    made = make_baseline(
        matrix,
        ["a", "b"],
        times=times,
        labels=labels,
        holdout=HoldoutPredictions(scores, labels, times),
    )
    return msgspec.structs.replace(made, daily_auc=0.76)


def day(place, *, rate=0.25, auc=0.76, rows=100):
    return LabelledDay(
        day=place * DAY,
        rows=rows,
        label_rate=rate,
        mean_score=0.25,
        log_loss=0.5,
        roc_auc=auc,
        calibration_error=0.01,
    )


def drifted(baseline, matrix, scores):
    return [
        (finding.kind, finding.subject)
        for finding in drift_findings(baseline, matrix, ["a", "b"], scores=scores, sensitivity=1.25)
    ]


def test_a_quiet_window_raises_nothing(baseline, rng):
    assert drifted(baseline, rng.normal(size=(500, 2)), rng.random(500)) == []


def test_a_column_in_another_unit_is_found_by_name(baseline, rng):
    matrix = rng.normal(size=(500, 2)) * [60.0, 1.0]
    assert drifted(baseline, matrix, rng.random(500)) == [("feature_drift", "a")]


def test_a_finding_says_what_exceeds_which_limit(baseline, rng):
    scores = rng.random(500) / 4
    [finding] = drift_findings(
        baseline, rng.normal(size=(500, 2)), ["a", "b"], scores=scores, sensitivity=1.25
    )
    said = f"score: PSI {finding.statistic:.2f} exceeds the limit {finding.limit:.2f} fitted on"
    assert finding.sentence == f"{said} the baseline's days"


def test_a_column_that_goes_missing_is_found(baseline, rng):
    matrix = rng.normal(size=(500, 2))
    matrix[:, 1] = np.nan
    assert drifted(baseline, matrix, rng.random(500)) == [("feature_drift", "b")]


def test_scores_that_move_are_found(baseline, rng):
    assert drifted(baseline, rng.normal(size=(500, 2)), rng.random(500) / 4) == [
        ("score_drift", "score")
    ]


def test_a_window_of_few_rows_is_not_compared(baseline):
    assert drifted(baseline, np.full((49, 2), 1e9), np.ones(49)) == []


def test_the_limit_of_a_column_is_its_own_worst_day(rng):
    days = np.repeat(np.arange(4), 100)
    calm = baseline_of_column(rng.normal(size=400), days)
    wobbling = baseline_of_column(rng.normal(size=400) + (days == 2) * 3.0, days)
    assert wobbling.limit > 3 * calm.limit > 0


def test_a_source_that_breaks_its_contract_more_than_usual_is_found_with_its_worst_reason():
    counts = {
        "departures": (80, {"between:delay": 15, "type:delay": 5}),
        "weather": (100, {"null:temp": 1}),
    }
    [finding] = data_quality_findings(counts, usual={})
    assert (finding.kind, finding.subject, finding.statistic) == (
        "data_quality",
        "departures between:delay",
        0.2,
    )
    assert finding.sentence == (
        "departures: 20.0% of 100 rows failed the contract, most of them between:delay; "
        "the limit is 1.0%"
    )


def test_a_source_that_always_broke_its_contract_is_not_news():
    assert (
        data_quality_findings(
            {"departures": (90, {"between:delay": 10})}, usual={"departures": 0.05}
        )
        == []
    )


def test_a_source_without_rows_is_not_compared():
    assert (
        data_quality_findings({"departures": (0, {}), "weather": (0, {"null:temp": 3})}, usual={})
        == []
    )


def test_a_model_that_lost_its_skill_for_a_week_is_found(baseline):
    findings = label_findings(
        baseline, [day(place, auc=0.6) for place in range(7)], sensitivity=1.25
    )
    assert [finding.kind for finding in findings] == ["performance"]
    assert findings[0].sentence == (
        "ROC AUC within a day is 0.600 over 7 days, below the limit 0.680; "
        "it was 0.760 on the test set"
    )


def test_a_bad_day_alone_is_no_finding(baseline):
    assert (
        label_findings(
            baseline, [*(day(place) for place in range(6)), day(6, auc=0.4)], sensitivity=1.25
        )
        == []
    )


def test_days_without_both_classes_do_not_count_towards_skill(baseline):
    assert (
        label_findings(baseline, [day(place, auc=None) for place in range(7)], sensitivity=1.25)
        == []
    )


def test_a_label_rate_that_moved_is_found_where_the_baseline_is_long_enough(baseline):
    days = [day(place, rate=0.2 if place < 28 else 0.4) for place in range(42)]
    known = msgspec.structs.replace(baseline, label_change=0.1)
    [finding] = label_findings(known, days, sensitivity=1.25)
    assert (finding.kind, finding.sentence) == (
        "label_rate",
        "the label rate changed by +0.200 (the last 14 days against the 28 before), "
        "which exceeds the limit 0.125 fitted on the baseline's days",
    )
    assert label_findings(baseline, days, sensitivity=1.25) == []


def test_a_day_of_one_class_has_no_auc():
    measured = measure_day(0, np.ones(50), np.full(50, 0.9))
    assert (measured.roc_auc, measured.label_rate, measured.rows) == (None, 1.0, 50)


def test_a_day_that_is_bad_for_everybody_does_not_flatter_the_daily_auc(
    rng: np.random.Generator,
) -> None:
    times = np.repeat(np.arange(2, dtype=np.int64) * DAY, 200)
    labels = (rng.random(400) < np.where(times == 0, 0.1, 0.9)).astype(np.float64)
    holdout = HoldoutPredictions(times / DAY, labels, times)
    made = make_baseline(labels.reshape(-1, 1), ["a"], times=times, labels=labels, holdout=holdout)
    assert made.daily_auc == 0.5
