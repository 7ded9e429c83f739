"""A version is judged by the gates it is given, on the path that serves, and the verdicts are
signed for one environment and policy.
"""

from pathlib import Path

import pytest

import mainspring as ms
from mainspring.elements.identity import Digest
from mainspring.gates.attest import read_envelopes
from mainspring.gates.attestation import parse_statement
from mainspring.gates.spec import beats_champion, latency, min_metric
from mainspring.project.apply.judge import judge_version, require_passed
from mainspring.project.errors import GatesFailed
from mainspring.registry.read import find_version, read_version
from tests.unit.project.desk import edited, write_desk

POLICY = Digest("sha256:" + "1" * 64)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> ms.Workspace:
    """A project with two versions of its model; the second is in charge."""
    folder: Path = write_desk(tmp_path_factory.mktemp("desk"))
    ms.Workspace.open(folder).apply()
    edited(folder, "n_estimators=3", "n_estimators=9")
    workspace = ms.Workspace.open(folder)
    workspace.apply()
    return workspace


def verdicts_of(desk, *gates, champion=None):
    version = find_version(desk.runtime.state, "slow@v2").digest
    return judge_version(
        gates,
        version,
        runtime=desk.runtime,
        environment="staging",
        policy=POLICY,
        champion=champion,
    )


def test_every_model_is_asked_about_leakage_parity_and_missing_features(
    desk: ms.Workspace,
) -> None:
    asked = [verdict.gate for verdict in verdicts_of(desk)]
    assert asked == ["no_leakage", "parity", "finite_scores"]


def test_gates_are_judged_each_whatever_the_others_found(desk: ms.Workspace) -> None:
    verdicts = verdicts_of(desk, min_metric("roc_auc", 0.999), latency(p99_ms=500, requests=2))
    passed = {verdict.gate: verdict.passed for verdict in verdicts}
    assert passed == {
        "no_leakage": True,
        "parity": True,
        "finite_scores": True,
        "min_metric:roc_auc": False,
        "latency": True,
    }


def test_a_version_is_compared_with_the_champion_that_it_is_given(desk: ms.Workspace) -> None:
    first = find_version(desk.runtime.state, "slow@v1").digest
    *_, verdict = verdicts_of(desk, beats_champion("log_loss", tolerance=1.0), champion=first)
    assert (verdict.champion, verdict.passed) == (first, True)


def test_a_version_is_not_its_own_champion(desk: ms.Workspace) -> None:
    own = find_version(desk.runtime.state, "slow@v2").digest
    *_, verdict = verdicts_of(desk, beats_champion("log_loss"), champion=own)
    assert verdict.champion == ""


def test_a_verdict_is_signed_for_its_environment_and_policy(desk: ms.Workspace) -> None:
    verdicts_of(desk, latency(p99_ms=500, requests=2))
    state, objects = desk.runtime.state, desk.runtime.objects
    version = find_version(state, "slow@v2").digest
    envelopes = read_envelopes(state, objects, environment="staging", version=version)
    predicates = [parse_statement(envelope.payload).predicate for envelope in envelopes]
    assert {(each.environment, each.policy) for each in predicates} == {("staging", POLICY)}


def test_what_is_not_passed_is_named_with_its_reason(desk: ms.Workspace) -> None:
    verdicts = verdicts_of(desk, min_metric("roc_auc", 0.999))
    version = read_version(desk.runtime.state, verdicts[0].subject)
    with pytest.raises(GatesFailed, match=r"slow v2 failed its gates for staging: min_metric:roc"):
        require_passed(verdicts, version, environment="staging")
