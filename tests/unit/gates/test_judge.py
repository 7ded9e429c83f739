"""All gates of a model are asked, whatever the others find."""

import pytest

from mainspring.elements.errors import ServingError
from mainspring.elements.identity import Digest
from mainspring.features.online.parity import ParityReport
from mainspring.gates import beats_champion, finite_scores, latency, min_metric, no_leakage, parity
from mainspring.gates.check.finite_scores import MissingReport
from mainspring.gates.errors import UnknownGate
from mainspring.gates.judge import EvidenceSource, judge, required_gates
from mainspring.gates.verdict import render_verdicts

SUBJECT = Digest("sha256:" + "a" * 64)


def unreachable(requests):
    raise ServingError()


@pytest.fixture
def evidence(contender, card):
    def evidence(**changes):
        calls = {
            "challenger": lambda: contender("new"),
            "champion": lambda: None,
            "card": card,
            "feature_auc": lambda: {"delay": 0.7},
            "parity": lambda rows: ParityReport(rows, rows * 4, 0),
            "latency_ms": lambda requests: [1.0] * requests,
            "missing": lambda required: MissingReport({"delay": "null"}, (), True),
            "replayed": lambda gate: (contender("new"), contender("old")),
        }
        return EvidenceSource(**calls | changes)

    return evidence


def test_every_model_must_show_no_leakage_parity_and_finite_scores():
    assert [gate.name for gate in required_gates([latency(p99_ms=1)])] == [
        "no_leakage",
        "parity",
        "finite_scores",
        "latency",
    ]


def test_declared_bound_replaces_the_default_gate():
    declared = (parity(rows=7), no_leakage(), finite_scores(required=["delay"]))
    assert required_gates(declared) == declared


def test_what_is_not_a_gate_is_refused():
    with pytest.raises(UnknownGate):
        required_gates(["roc_auc"])


def test_all_gates_are_judged_though_the_first_fails(evidence):
    gates = required_gates(
        [min_metric("roc_auc", 0.999), beats_champion("log_loss"), latency(p99_ms=5)]
    )
    verdicts = judge(gates, evidence(), subject=SUBJECT, at=7)
    assert [verdict.outcome for verdict in verdicts] == [
        "passed",
        "passed",
        "passed",
        "failed",
        "passed",
        "passed",
    ]
    assert {(verdict.subject, verdict.at) for verdict in verdicts} == {(SUBJECT, 7)}


def test_evidence_that_cannot_be_had_is_a_failed_gate(evidence):
    [first, second] = judge(
        [latency(p99_ms=5), parity()], evidence(latency_ms=unreachable), subject=SUBJECT, at=0
    )
    assert not first.passed
    assert first.summary.startswith("could not be judged")
    assert second.passed


def test_evidence_is_asked_for_only_by_gates_that_need_it(evidence):
    assert judge([parity()], evidence(latency_ms=unreachable), subject=SUBJECT, at=0)[0].passed


def test_verdicts_are_lined_up_for_people(evidence):
    lines = render_verdicts(
        judge([parity(), min_metric("roc_auc", 0.999)], evidence(), subject=SUBJECT, at=0)
    )
    assert [line[0] for line in lines] == ["✓", "✗"]
    assert lines[0].index("800 values") == lines[1].index("roc_auc 0.")
