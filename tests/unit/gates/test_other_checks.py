"""Leakage, parity, latency and scores where features are missing."""

import pytest

from mainspring.features.online.parity import ParityReport
from mainspring.gates import finite_scores, latency, no_leakage, parity
from mainspring.gates.check.finite_scores import MissingReport, check_finite_scores
from mainspring.gates.check.latency import check_latency
from mainspring.gates.check.no_leakage import check_no_leakage
from mainspring.gates.check.parity import check_parity_report


def test_training_set_as_known_passes(card):
    finding = check_no_leakage(
        no_leakage(), card(assumed=("timetable",)), {"delay": 0.68, "minute": 0.6}
    )
    assert finding.passed
    assert "delay with AUC 0.680 alone" in finding.summary
    assert "assumed for timetable" in finding.summary


def test_hindsight_fails_and_names_the_view(card):
    finding = check_no_leakage(no_leakage(), card(tainted=("departure_delays",)), {})
    assert not finding.passed
    assert "departure_delays" in finding.summary


def test_feature_that_is_too_good_alone_fails_by_name(card):
    finding = check_no_leakage(no_leakage(), card(), {"dep_delay": 0.97, "minute": 0.6})
    assert not finding.passed
    assert finding.evidence["suspicious"] == ["dep_delay (AUC 0.970)"]


def test_bound_on_single_features_is_the_gates(card):
    assert check_no_leakage(
        no_leakage(max_single_feature_auc=0.99), card(), {"dep_delay": 0.97}
    ).passed


def test_feature_that_copies_a_number_fails_by_its_own_bound(card):
    copied = {"arr_delay": 1.0, "dep_delay": 0.85}
    finding = check_no_leakage(no_leakage(), card(), copied, measure="R²")
    assert finding.evidence["suspicious"] == ["arr_delay (R² 1.000)"]
    assert check_no_leakage(
        no_leakage(max_single_feature_r2=1.0), card(), copied, measure="R²"
    ).passed


def test_pair_that_decides_the_label_fails_and_says_how(card):
    pairs = {"landed_at - scheduled_at": 1.0, "delay + hour": 0.97}
    finding = check_no_leakage(no_leakage(), card(), {"delay": 0.68}, pairs=pairs)
    assert not finding.passed
    assert "too good together: landed_at - scheduled_at (AUC 1.000)" in finding.summary


def test_equal_bytes_pass():
    assert check_parity_report(parity(), ParityReport(200, 4000, 0)).passed


def test_a_model_that_reads_no_online_state_has_nothing_that_could_differ():
    finding = check_parity_report(parity(), ParityReport(200, 0, 0))
    assert finding.passed
    assert finding.summary.startswith("no feature is read from online state")


@pytest.mark.parametrize(
    "report", [ParityReport(200, 4000, 1, "delay of f1"), ParityReport(0, 0, 0)]
)
def test_one_differing_value_or_nothing_compared_fails(report):
    assert not check_parity_report(parity(), report).passed


def test_slowest_hundredth_decides_on_latency():
    assert check_latency(latency(p99_ms=10, requests=100), [1.0] * 99 + [500.0]).passed
    assert not check_latency(latency(p99_ms=10, requests=100), [1.0] * 98 + [11.0] * 2).passed


def test_fewer_requests_than_asked_for_prove_nothing():
    finding = check_latency(latency(p99_ms=10, requests=100), [1.0] * 99)
    assert not finding.passed
    assert "99 requests were measured" in finding.summary


REASONS = {"city__mean": "null for a key without facts", "carrier": "a text that was never seen"}


def test_a_score_whatever_is_missing_passes():
    finding = check_finite_scores(finite_scores(), MissingReport(REASONS, (), True))
    assert finding.passed
    assert "each of 2 features" in finding.summary


def test_a_feature_without_which_there_is_no_score_fails_by_name_with_reason_and_remedy():
    finding = check_finite_scores(finite_scores(), MissingReport(REASONS, ("city__mean",), False))
    assert not finding.passed
    assert "city__mean (null for a key without facts)" in finding.summary
    assert "ms.gates.finite_scores(required=['city__mean'])" in finding.summary


def test_scores_without_each_feature_but_not_without_all_fail():
    finding = check_finite_scores(finite_scores(), MissingReport(REASONS, (), False))
    assert not finding.passed
    assert "all of city__mean, carrier" in finding.summary
