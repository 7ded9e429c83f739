"""`mainspring serve --access-log`: what a person who reads the file finds there."""

import json
import os
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.attacks.wire import shop_project, until
from tests.called_server import COMMAND


class Logging:
    """A server of the shop that writes an access log."""

    def __init__(self, process: subprocess.Popen[str], url: str, log: Path) -> None:
        self.process, self.url, self.log = process, url, log
        self.token = (shop_project() / ".mainspring" / "token").read_text().strip()

    def ask(self, path: str, body: bytes | None = None, name: str = "a") -> bytes:
        """The body of an answer."""
        headers = {"Authorization": f"Bearer {self.token}", "X-Request-Id": name}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, body, headers)) as got:
            return bytes(got.read())

    def line(self, name: str) -> dict[str, object]:
        """The line of a request."""
        until(lambda: self.log.exists() and f'"request_id":"{name}"' in self.log.read_text())
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return next(line for line in lines if line["request_id"] == name)


@pytest.fixture(params=["native", "uvicorn"])
def served(request, tmp_path):
    log = tmp_path / "access.log"
    command = [
        COMMAND, "serve", "--port", "0", "--project", shop_project(),
        "--access-log", log, "--server", request.param,
    ]  # fmt: skip
    pipes = {"stdout": subprocess.PIPE, "stdin": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        words = process.stdout.readline().split()
        try:
            yield Logging(process, next(each for each in words if each.startswith("http://")), log)
        finally:
            process.terminate()


def test_a_prediction_has_the_revision_that_its_answer_names_and_its_caller(served):
    answer = json.loads(served.ask("/v1/endpoints/late/predict", b'{"rows":[{"shop":"a"}]}'))
    line = served.line("a")
    assert line["revision"] == answer["predictions"][0]["revision"]
    assert line["route"] == "/v1/endpoints/{name}/predict"
    assert str(line["actor"]).startswith("person:")


def test_a_log_that_is_moved_away_goes_on_in_a_new_file_and_a_hangup_ends_nothing(served):
    served.ask("/healthz", name="before")
    served.line("before")
    moved = served.log.with_name("moved")
    served.log.rename(moved)
    os.kill(served.process.pid, signal.SIGHUP)
    served.ask("/healthz", name="after")
    assert served.line("after")["status"] == 200
    assert "after" not in moved.read_text()


def test_metrics_say_what_was_written_and_what_was_left_out(served):
    served.ask("/healthz", name="counted")
    served.line("counted")
    scraped = served.ask("/metrics").decode()
    assert "mainspring_access_log_lines_total 1.0" in scraped
    assert "mainspring_access_log_dropped_total 0.0" in scraped


def test_on_standard_output_there_are_lines_of_the_log_alone():
    command = [COMMAND, "serve", "--port", "0", "--project", shop_project(), "--access-log", "-"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        words = process.stderr.readline().split()
        url = next(each for each in words if each.startswith("http://"))
        with urllib.request.urlopen(f"{url}/healthz") as answer:
            name = answer.headers["x-request-id"]
        line = json.loads(process.stdout.readline())
        process.terminate()
        process.communicate()
    assert (line["request_id"], line["path"], line["status"]) == (name, "/healthz", 200)
