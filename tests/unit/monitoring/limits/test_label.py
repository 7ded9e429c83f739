"""Label rate and performance, judged by days of labels."""

import numpy as np
import pytest

from mainspring.elements.time import DAY
from mainspring.monitoring.limits.judgement import Judgement
from mainspring.monitoring.limits.label import (
    LabelledDay,
    daily_auc_error,
    judge_label_rate,
    judge_performance,
    measure_day,
)
from mainspring.monitoring.limits.share import Strictness

STRICT = Strictness.of(10, sensitivity=1.25)


def day(place: int, *, rate: float = 0.25, auc: float | None = 0.76, rows: int = 1_000):
    return LabelledDay(
        day=place * DAY,
        rows=rows,
        label_rate=rate,
        mean_score=0.25,
        log_loss=0.5,
        roc_auc=auc,
        calibration_error=0.01,
    )


def performance(days, *, usual: float | None = 0.76) -> Judgement:
    return judge_performance(usual, 0.0, days, strictness=STRICT)


def test_a_model_that_lost_its_skill_for_a_week_is_found():
    [finding] = performance([day(place, auc=0.6) for place in range(7)]).found
    assert finding.sentence == (
        "ROC AUC within a day is 0.600 over 7 days, below the limit 0.680 for so many labels; "
        "it was 0.760 on the test set"
    )


def test_few_labels_a_day_leave_more_to_chance():
    assert not performance([day(place, auc=0.64, rows=50) for place in range(7)]).found
    assert performance([day(place, auc=0.64) for place in range(7)]).found


def test_a_bad_day_alone_is_no_finding():
    assert not performance([*(day(place) for place in range(6)), day(6, auc=0.4)]).found


def test_days_without_both_classes_do_not_count_towards_skill():
    unjudged = performance([day(0), day(1, auc=None)]).unjudged
    assert unjudged is not None
    assert unjudged.reason == "1 day of 50 labels, yes and no, 7 needed"


def test_where_the_test_set_has_no_skill_to_compare_with_it_is_said():
    unjudged = performance([day(place) for place in range(7)], usual=None).unjudged
    assert unjudged is not None
    assert (unjudged.needed, unjudged.reason) == (
        None,
        "the test set has no day of 50 labels, yes and no",
    )


def rates(*levels: tuple[int, float], noise: float = 0.0):
    rng, days = np.random.default_rng(3), []
    for count, level in levels:
        days += [day(0, rate=level + noise * rng.normal()) for _ in range(count)]
    return days


def test_a_label_rate_that_moved_is_found():
    [finding] = judge_label_rate(0.1, rates((28, 0.2), (14, 0.4)), strictness=STRICT).found
    assert (finding.kind, finding.sentence) == (
        "label_rate",
        "the label rate changed by +0.200 (the last 14 days against the 28 before); "
        "the limit for so many labels is 0.125",
    )


def test_a_change_that_days_of_few_labels_show_by_chance_is_none():
    small, large = rates((42, 0.5), noise=0.15), rates((28, 0.2), (14, 0.4), noise=0.01)
    assert not judge_label_rate(0.01, small, strictness=STRICT).found
    assert judge_label_rate(0.01, large, strictness=STRICT).found


@pytest.mark.parametrize(
    ("largest", "days", "reason"),
    [
        (0.1, 41, "41 days of 50 labels, 42 needed"),
        (None, 42, "the baseline has fewer than 42 days of 50 labels"),
    ],
)
def test_too_few_days_are_not_judged(largest, days, reason):
    unjudged = judge_label_rate(largest, rates((days, 0.2)), strictness=STRICT).unjudged
    assert unjudged is not None
    assert unjudged.reason == reason


def test_a_day_of_one_class_has_no_auc():
    measured = measure_day(0, np.ones(50), np.full(50, 0.9))
    assert (measured.roc_auc, measured.label_rate, measured.rows) == (None, 1.0, 50)


def test_the_error_of_a_mean_of_days_shrinks_with_their_number():
    one, four = daily_auc_error(0.8, [100], [30]), daily_auc_error(0.8, [100] * 4, [30] * 4)
    assert four == pytest.approx(one / 2)
