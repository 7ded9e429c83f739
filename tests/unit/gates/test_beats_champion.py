"""The comparison with the model in charge."""

import pytest

from mainspring.gates import beats_champion
from mainspring.gates.check.beats_champion import check_beats_champion

METRICS = pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "brier"])


@METRICS
def test_better_model_wins(contender, metric):
    finding = check_beats_champion(
        beats_champion(metric), contender("new"), contender("old", 0.3, noise=12)
    )
    assert finding.passed
    assert finding.evidence["low"] > 0


@METRICS
def test_worse_model_loses(contender, metric):
    finding = check_beats_champion(
        beats_champion(metric), contender("new", 0.3, noise=12), contender("old")
    )
    assert not finding.passed
    assert finding.evidence["improvement"] < 0


def test_difference_within_the_noise_does_not_win_without_tolerance(contender):
    sides = contender("new", noise=12), contender("old")
    assert not check_beats_champion(beats_champion("log_loss"), *sides).passed
    assert check_beats_champion(beats_champion("log_loss", tolerance=0.05), *sides).passed


def test_same_artifact_is_the_champion(contender):
    finding = check_beats_champion(beats_champion("log_loss"), contender("old"), contender("old"))
    assert finding.passed
    assert finding.summary == "is the champion"


@METRICS
def test_without_champion_the_base_rate_is_beaten(contender, metric):
    assert check_beats_champion(beats_champion(metric), contender("new"), None).passed


@pytest.mark.parametrize("tolerance", [0.0, 1.0])
def test_knowing_nothing_does_not_beat_the_base_rate(contender, tolerance):
    assert not check_beats_champion(
        beats_champion("roc_auc", tolerance=tolerance), contender("new", 0.0), None
    ).passed


def test_rows_are_paired_by_id(contender):
    finding = check_beats_champion(
        beats_champion("log_loss"), contender("new", start=20), contender("old", 0.3)
    )
    assert finding.evidence["rows"] == 1980
    assert finding.passed


def test_too_few_common_rows_fail_with_the_reason(contender):
    finding = check_beats_champion(
        beats_champion("log_loss"), contender("new", start=500), contender("old", 0.3)
    )
    assert not finding.passed
    assert "only 75.0% of the test rows" in finding.summary


def test_same_version_is_judged_the_same_every_time(contender):
    gate = beats_champion("log_loss")
    assert check_beats_champion(
        gate, contender("new"), contender("old", 0.3)
    ) == check_beats_champion(gate, contender("new"), contender("old", 0.3))
