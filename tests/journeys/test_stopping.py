"""Ctrl-C stops a command in one line, at any moment; what is half done is not there, and the same
command goes on.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

import mainspring as ms
from mainspring.app.cli.faults import EXIT_OK, EXIT_STOPPED
from mainspring.sources.topic import topic_of
from tests.journeys.lateness import PROJECT, wait_until

pytestmark = pytest.mark.journey

ROWS = 40_000
STOPS = 3
STEP_S = 0.1


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that was not applied yet, with data that takes a while."""
    lines = ["sale,shop,at,amount"]
    for row in range(ROWS):
        day, rest = divmod(row * 4 * 86_400 // ROWS, 86_400)
        at = f"2024-05-0{1 + day}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}Z"
        lines.append(f"{row},{'aab'[row % 3]},{at},{2.0 * (row % 3 == 1 or row % 5 == 0)}")
    (tmp_path / "sales.csv").write_text("\n".join(lines))
    (tmp_path / "shop.py").write_text(PROJECT)
    return tmp_path


def has_opened(process: int, file: str) -> bool:
    """Whether a process has a file of this name open, so that it is at work."""
    for handle in Path(f"/proc/{process}/fd").iterdir():
        with suppress(OSError):
            if handle.readlink().name == file:
                return True
    return False


@pytest.mark.parametrize("words", [["apply"], ["ingest", "sales", "sales.csv", "--history"]])
def test_a_stopped_command_says_one_line_and_goes_on(words: list[str], project: Path) -> None:
    code, stopped = EXIT_STOPPED, 0
    while code == EXIT_STOPPED:
        program = [sys.executable, "-c", "from mainspring.app.cli import main; main()"]
        # In a group of its own, as a terminal has it: its workers are stopped with it.
        with subprocess.Popen(
            [*program, *words],
            cwd=project,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            wait_until(lambda: process.poll() is not None or has_opened(process.pid, "log.db"))
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=STEP_S * 3**stopped)
            if process.poll() is None and stopped < STOPS:
                os.killpg(process.pid, signal.SIGINT)
            _, told = process.communicate()
            code = process.returncode
        if code == EXIT_STOPPED:
            stopped += 1
            assert [line for line in told.splitlines() if "stopped" in line] == [
                "stopped; finished steps are stored, and the same command continues from there"
            ]
            assert "Traceback" not in told
    assert code == EXIT_OK, told
    assert stopped > 0
    workspace = ms.Workspace.open(project)
    if words == ["apply"]:
        assert [source.rows for source in workspace.status().sources] == [ROWS]
    assert workspace.runtime.log.head(topic_of(workspace.source("sales").stream)) == ROWS
