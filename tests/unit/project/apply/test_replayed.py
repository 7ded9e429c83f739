"""A candidate is compared with the model in charge on what was asked in production, before it
answers anybody.
"""

from datetime import UTC, datetime, timedelta

import pytest

import mainspring as ms
from mainspring.elements.identity import Digest
from mainspring.gates.spec import BeatsChampion, beats_champion
from mainspring.gates.verdict import Verdict
from mainspring.project.apply.judge import judge_version
from mainspring.registry.read import find_version
from tests.unit.project.desk import edited, write_desk

ASKED = 60


@pytest.fixture(scope="module")
def asked_desk(tmp_path_factory: pytest.TempPathFactory) -> ms.Workspace:
    """Version 1 is in charge and was asked; labels of half the requests have come; version 2 knows
    more, and version 3 nothing.
    """
    folder = write_desk(tmp_path_factory.mktemp("desk"))
    ms.Workspace.open(folder).apply()
    edited(folder, "n_estimators=3", "n_estimators=60")
    candidate = ms.Workspace.open(folder)
    candidate.apply()
    candidate.rollback()
    workspace = ms.Workspace.open(folder)
    now = datetime.now(UTC)
    rows = [
        {"n": 1000 + n, "team": f"team{n % 3}", "words": n * 37 % 101, "opened_at": now.isoformat()}
        for n in range(ASKED)
    ]
    workspace.predict("slow", rows)
    solved = [
        {
            "n": row["n"],
            "solved_at": (now - timedelta(seconds=1)).isoformat(),
            "minutes": 10 + row["words"] // 3 + row["n"] * 53 % 41,
        }
        for row in rows[: ASKED // 2]
    ]
    workspace.ingest("solved", solved)
    return workspace


def version_of(desk: ms.Workspace, name: str) -> Digest:
    return find_version(desk.runtime.state, name).digest


def verdict_on(desk: ms.Workspace, gate: BeatsChampion, *, against: str = "slow@v1") -> Verdict:
    *_, verdict = judge_version(
        [gate],
        version_of(desk, "slow@v2"),
        runtime=desk.runtime,
        environment="dev",
        policy=Digest("sha256:" + "1" * 64),
        champion=version_of(desk, against),
    )
    return verdict


def test_both_models_answer_the_requests_whose_labels_have_come(asked_desk: ms.Workspace) -> None:
    gate = beats_champion("log_loss", tolerance=5.0, on="replay", min_rows=10)
    verdict = verdict_on(asked_desk, gate)
    assert verdict.passed
    assert f"{ASKED // 2} requests replayed" in verdict.summary
    assert verdict.evidence["rows"] == ASKED // 2


def test_a_replay_of_too_few_labels_proves_nothing(asked_desk: ms.Workspace) -> None:
    verdict = verdict_on(asked_desk, beats_champion("log_loss", on="replay", min_rows=31))
    assert not verdict.passed
    assert "GAT-021" in verdict.summary
    assert "60 are logged in the last 7d, and 30 of them have a label" in verdict.summary


def test_requests_before_the_span_are_not_replayed(asked_desk: ms.Workspace) -> None:
    gate = beats_champion("log_loss", on="replay", min_rows=1, span="1us")
    assert "0 are logged" in verdict_on(asked_desk, gate).summary


def test_without_a_model_in_charge_the_test_rows_are_compared(asked_desk: ms.Workspace) -> None:
    gate = beats_champion("log_loss", on="replay", min_rows=1)
    verdict = verdict_on(asked_desk, gate, against="slow@v2")
    assert "base rate" in verdict.summary


def test_features_are_those_that_were_known_at_the_request(asked_desk: ms.Workspace) -> None:
    """The count of tickets of a team at the request, whatever has come since."""
    gate = beats_champion("log_loss", tolerance=5.0, on="replay", min_rows=10)
    before = verdict_on(asked_desk, gate).evidence
    assert before["rows"] == ASKED // 2
    soon = (datetime.now(UTC) + timedelta(seconds=-1)).isoformat()
    asked_desk.ingest(
        "tickets",
        [{"n": 5000 + n, "opened_at": soon, "team": "team1", "words": 5} for n in range(9)],
    )
    assert verdict_on(asked_desk, gate).evidence == before


def test_a_comparison_on_anything_else_is_refused() -> None:
    with pytest.raises(TypeError, match="'test' or on='replay'"):
        beats_champion("log_loss", on="production")  # type: ignore[arg-type]
