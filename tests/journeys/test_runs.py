"""Runs as a person sees them: while they go on, when they are cancelled, and afterwards."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.called_server import COMMAND
from tests.journeys.lateness import Answer, call, wait_until
from tests.unit.project.desk import edited, write_desk

pytestmark = pytest.mark.journey

WAITING = """\
    from pathlib import Path
    from threading import Event

    while not Path({go!r}).exists():
        Event().wait(0.02)
    return shape.fit("""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A project whose model is trained once there is a file `go`."""
    write_desk(tmp_path)
    edited(tmp_path, "    return shape.fit(", WAITING.format(go=str(tmp_path / "go")))
    return tmp_path


@pytest.fixture
def applying(desk: Path) -> Iterator["subprocess.Popen[str]"]:
    """`mainspring apply`, which is at the training."""
    with subprocess.Popen(
        [COMMAND, "apply"], cwd=desk, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_until(lambda: "train_model running" in standing(desk))
            yield process
        finally:
            (desk / "go").touch()


def show(desk: Path) -> Answer:
    return call(desk, ["runs", "show", "--json"])


def standing(desk: Path) -> list[str]:
    """The steps of the newest run, and how they stand."""
    shown = show(desk)
    steps = json.loads(shown.text)["steps"] if shown.code == 0 else []
    return [f"{step['kind']} {step['state']}" for step in steps]


def test_a_run_is_shown_cancelled_and_gone_on_with(
    desk: Path, applying: "subprocess.Popen[str]"
) -> None:
    assert {"import_source finished", "move_environment waiting"} <= {*standing(desk)}
    assert re.search(r"run-\w+  running  dev", call(desk, ["runs"]).text)

    cancelled = call(desk, ["runs", "cancel", "last"])
    assert (cancelled.code, "ends before its next step" in cancelled.text) == (0, True)
    assert "has cancelled it" in call(desk, ["runs", "show"]).text
    (desk / "go").touch()
    _, told = applying.communicate(timeout=60)

    assert applying.returncode == 1
    assert "FLO-003 run-" in told
    assert "train_model finished" in standing(desk)
    assert "move_environment not run" in standing(desk)
    assert json.loads(show(desk).text)["state"] == "cancelled"
    again = call(desk, ["runs", "cancel", "last"])
    assert (again.code, "FLO-005" in again.text) == (1, True)

    assert call(desk, ["apply"]).code == 0
    assert "move_environment finished" in standing(desk)
    assert "train_model finished" not in standing(desk), "what is finished is kept"


def test_what_follows_a_run_ends_with_it(desk: Path, applying: "subprocess.Popen[str]") -> None:
    with subprocess.Popen(
        [COMMAND, "runs", "logs", "-f"], cwd=desk, stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        assert "run.started" in following.stdout.readline()
        (desk / "go").touch()
        rest, _ = following.communicate(timeout=60)
    assert (following.returncode, applying.wait(60)) == (0, 0)

    assert "run.finished" in rest.splitlines()[-1]
    assert rest.count("step.finished  train model of model.slow") == 1
    events = call(desk, ["runs", "logs", "--json"])
    assert events.text.count('"kind": "step.finished"') == len(standing(desk))


def test_no_run_and_none_of_that_name(desk: Path) -> None:
    assert "There are no runs yet" in call(desk, ["runs"]).text
    for words in (["show"], ["logs"], ["cancel", "nobody"]):
        answer = call(desk, ["runs", *words])
        assert (answer.code, "FLO-004" in answer.text) == (2, True)
