"""Killed with -9 between any two stages, or inside one, and applied again: the same pointers,
artifacts and tables as without.
"""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from mainspring.app.cli.create import create_project
from mainspring.app.workspace import Workspace
from mainspring.elements.events import ProjectName
from mainspring.engines.local.state import SqliteState
from mainspring.registry.read_environment import read_environment
from tests.copies import copied_tree
from tests.topics import facts_topic

pytestmark = pytest.mark.crash

STAGES = 8
OBSERVED = ("_appended_at",)


def apply_in_child(project: Path, *when: str) -> subprocess.CompletedProcess[str]:
    """Apply in a process of its own, perhaps to be killed."""
    command = [sys.executable, "-m", "tests.crash.applying", str(project), *when]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def outcome_of(workspace: Workspace) -> dict[str, object]:
    """Pointers by asset, the artifacts that they name, and the tables without the instants at which
    records were appended.
    """
    environment = read_environment(workspace.runtime.state, "dev")
    tables = {
        source.name: workspace.runtime.tables.scan(facts_topic(workspace, source.name))
        for source in workspace.project.declarations.sources
    }
    rows = {
        name: scan.sort("_offset").drop(OBSERVED).collect().hash_rows().sum()
        for name, scan in tables.items()
        if scan is not None
    }
    return {"pointers": environment.pointers, "tables": rows, "version": environment.version}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    create_project(folder, "deliveries")
    # Latency is a measurement and differs from run to run; what was made must not.
    text = (folder / "deliveries.py").read_text().replace(", ms.gates.latency(p99_ms=50)", "")
    (folder / "deliveries.py").write_text(text)
    return folder


@pytest.fixture(scope="module")
def undisturbed(project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("undisturbed") / "project"
    copied_tree(project, folder)
    assert apply_in_child(folder).returncode == 0
    return outcome_of(Workspace.open(folder))


@pytest.mark.parametrize(
    ("when", "finished"), [("start:2", 1), ("end:4", 4), ("end:6", 6), ("start:8", 7)]
)
def test_an_apply_killed_at_a_stage_goes_on_and_ends_as_if_undisturbed(
    project: Path, tmp_path: Path, undisturbed: dict[str, object], when: str, finished: int
) -> None:
    folder = tmp_path / "project"
    copied_tree(project, folder)
    assert apply_in_child(folder, when).returncode == -9
    again = apply_in_child(folder)
    assert again.returncode == 0, again.stderr
    performed, reused = map(int, again.stdout.split())
    assert reused >= finished
    assert performed + reused >= STAGES
    assert outcome_of(Workspace.open(folder)) == undisturbed


def test_an_apply_killed_inside_a_stage_ends_as_if_undisturbed(
    project: Path, tmp_path: Path, undisturbed: dict[str, object]
) -> None:
    folder = tmp_path / "project"
    copied_tree(project, folder)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crash.applying", str(folder)], stdout=subprocess.DEVNULL
    ) as process:
        wait_for_step(folder, "train_model")
        process.kill()
    assert process.returncode == -9
    assert apply_in_child(folder).returncode == 0
    assert outcome_of(Workspace.open(folder)) == undisturbed


def wait_for_step(folder: Path, kind: str) -> None:
    """Return once a step of this kind has begun."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if (folder / ".mainspring" / "state.db").exists() and _has_begun(folder, kind):
            return
    raise AssertionError(f"no {kind} began within a minute")


def _has_begun(folder: Path, kind: str) -> bool:
    state = SqliteState(folder / ".mainspring" / "state.db", ProjectName("deliveries"))
    try:
        return any(
            record.event.facts.get("kind") == kind
            for record in state.iter_events(kind="step.started")
        )
    finally:
        state.close()
