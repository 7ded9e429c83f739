"""A plan and an apply agree about which revisions take over step by step."""

from collections.abc import Sequence
from pathlib import Path

import pytest

import mainspring as ms
from tests.journeys.lateness import PROJECT, call, make_project

SAID = "  late: canary, 5 % for 10m, then all"
STEPS = 'rollout=ms.Canary(steps=[5, 100], hold="10m")'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("projects") / "shop")


def moved(folder: Path, *edits: tuple[str, str]) -> tuple[Sequence[str], Sequence[str]]:
    """What plan and apply say of roll-outs, once the declarations have these edits."""
    text = PROJECT
    for before, after in edits:
        assert before in text
        text = text.replace(before, after)
    (folder / "shop.py").write_text(text)
    workspace = ms.Workspace.open(folder)
    planned = workspace.plan()
    return (
        [str(each) for each in planned.rollouts],
        [str(each) for each in workspace.apply(planned).rollouts],
    )


def test_only_another_revision_of_an_endpoint_takes_over_by_steps(folder: Path) -> None:
    canary = ("model=lateness)", f"model=lateness, {STEPS})")
    kept = ("model=lateness)", f'model=lateness, retention="9d", {STEPS})')
    other = ("LogisticRegression()", "LogisticRegression(C=0.5)")
    said = [SAID.strip()]
    assert moved(folder, canary) == ([], [])
    assert moved(folder, canary, other) == (said, said)
    assert moved(folder, kept, other) == ([], [])
    rolled_back = call(folder, ["rollback"])
    assert (rolled_back.code, "Roll-outs" in rolled_back.text) == (0, False)


def test_a_new_build_of_the_same_model_takes_over_by_steps(folder: Path) -> None:
    moved(folder, ("model=lateness)", f"model=lateness, {STEPS})"))
    (folder / "more.csv").write_text("sale,shop,at,amount\n900,a,2024-05-02T00:10:00Z,0.0\n")
    assert call(folder, ["ingest", "sales", "more.csv", "--history"]).code == 0
    planned = call(folder, ["run", "lateness", "--dry-run"])
    done = call(folder, ["run", "lateness"])
    assert f"Roll-outs\n{SAID}" in planned.text
    assert "follow it: mainspring rollout status late" in done.text


def test_a_version_that_is_pointed_at_takes_over_by_steps(folder: Path) -> None:
    moved(folder, ("model=lateness)", f"model=lateness, {STEPS})"))
    for words in (["--dry-run"], []):
        said = call(folder, ["promote", "dev", "--version", "lateness@v1", *words])
        assert (said.code, SAID in said.text) == (0, True), said.text


def test_a_renamed_endpoint_answers_at_once(folder: Path) -> None:
    moved(folder, ("model=lateness)", f"model=lateness, {STEPS})"))
    renamed = ('ms.Endpoint("late",', 'ms.Endpoint("slow",')
    other = ("LogisticRegression()", "LogisticRegression(C=0.25)")
    steps = ("model=lateness)", f"model=lateness, {STEPS})")
    assert moved(folder, renamed, other, steps) == ([], [])


def test_a_renamed_model_takes_over_by_steps(folder: Path) -> None:
    moved(folder, ("model=lateness)", f"model=lateness, {STEPS})"))
    named = ("def lateness(", "def slowness(")
    known = ("@ms.model(late, gates=[])", '@ms.model(late, gates=[], renamed_from="lateness")')
    endpoint = ("model=lateness)", f"model=slowness, {STEPS})")
    monitor = ("ms.Monitor(lateness,", "ms.Monitor(slowness,")
    other = ("LogisticRegression()", "LogisticRegression(C=0.125)")
    said = [SAID.strip()]
    assert moved(folder, named, known, endpoint, monitor, other) == (said, said)


def test_the_first_revision_of_an_environment_answers_at_once_and_the_next_by_steps(
    tmp_path: Path,
) -> None:
    folder = make_project(tmp_path / "shop")
    moved(folder, ("model=lateness)", f"model=lateness, {STEPS})"))
    assert "Roll-outs" not in call(folder, ["promote", "other"]).text
    moved(folder, ("model=lateness)", f"model=lateness, {STEPS})"), ('["2h"]', '["3h"]'))
    for words in (["--dry-run"], []):
        said = call(folder, ["promote", "other", *words])
        assert (said.code, SAID in said.text) == (0, True), said.text
