"""What `mainspring stream` prints, and that it ends when it is asked to."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mainspring.app.cli import command_line
from mainspring.app.cli.commands.stream import stream_line
from mainspring.app.cli.paint import Paint
from mainspring.app.workspace import Workspace
from mainspring.features.stream.meter import StreamReport
from tests.unit.serving.state.shops import applied, counted, sell

REPORT = StreamReport(
    at=43_200_000_000,
    events_per_s=5012.4,
    lag_records=3,
    lag_ms=8.4,
    shards=5,
    of=14,
    members=3,
    cpu=0.231,
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    opened = applied(tmp_path / "shops")
    sell(opened, 0, 30)
    return opened


def test_once_folds_what_there_is(workspace: Workspace, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        command_line,
        ["stream", "--once", "--json", "--project", str(tmp_path / "shops")],
        catch_exceptions=False,
    )
    assert (done.exit_code, json.loads(done.stdout)["shards"]) == (0, 14)
    assert counted(workspace) == 30


def test_a_line_says_how_a_second_went() -> None:
    assert stream_line(REPORT, Paint(False)) == (
        "12:00:00      5,012 events/s  3 records behind  visible in 8 ms  5 of 14 shards  23% CPU"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_ends_well(
    workspace: Workspace, tmp_path: Path, number: signal.Signals
) -> None:
    command = [
        sys.executable,
        "-c",
        "from mainspring.app.cli import main; main()",
        "stream",
        "--project",
        str(tmp_path / "shops"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stream:
        assert stream.stdout is not None
        assert "of 14 shards" in stream.stdout.readline()
        stream.send_signal(number)
        assert stream.wait(timeout=20) == 0
    assert counted(workspace) == 30
    assert list(workspace.runtime.state.iter_documents("member")) == []


def test_a_view_that_is_not_kept_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        command_line, ["stream", "--view", "oldest", "--once", "--project", str(tmp_path / "shops")]
    )
    assert "ACC-006" in str(done.exception)
