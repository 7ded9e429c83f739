"""`mainspring top` shows what a server of bare models does, outside of any project."""

import json
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from mainspring.app.http.bare import build_model_service
from mainspring.engines.onnx.scorer import OnnxScorer
from tests.attacks.wire import running, served_scorer
from tests.unit.engines.onnx.test_scorer import row_means

PROGRAM = "from mainspring.app.cli import main; main()"
TENSOR = {"name": "features", "shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3]}
PATIENCE_S = 60


class Served(NamedTuple):
    """A server of one model, and the folder with the file of its token."""

    folder: Path
    url: str

    def top(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", PROGRAM, "top", "--url", self.url, *words]
        return subprocess.run(
            [*command, "--once", "--interval", "0.5"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )

    def infer(self) -> None:
        token = (self.folder / "token").read_text().strip()
        request = urllib.request.Request(
            f"{self.url}/v2/models/means/infer", json.dumps({"inputs": [TENSOR]}).encode()
        )
        request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            answer.read()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Asked all the time while the block runs."""
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                self.infer()

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("models")
    (folder / "means.onnx").write_bytes(row_means())
    words = ["serve-model", "means.onnx", "--name", "means", "--token-file", "token"]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words, "--queue", "7", "--port", "0"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        address = process.stdout.readline().split("http://")[1].split("/")[0]
        yield Served(folder, f"http://{address}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)


def test_rates_times_queues_and_versions_are_shown(served: Served) -> None:
    with served.busy():
        shown = served.top("--token-file", "token", "--json")
    assert shown.returncode == 0, shown.stderr
    traffic = json.loads(shown.stdout)
    [model], routes = traffic["endpoints"], {each["route"]: each for each in traffic["routes"]}
    [version] = model["shares"]
    assert (traffic["queue_limit"], traffic["map_version"]) == (7, 0)
    assert model["models"] == {"current": f"means {version}"}
    assert model["shares"] == {version: 1.0}
    assert model["rows_per_s"] > 0
    assert 0 < model["p50_ms"] <= model["p99_ms"]
    assert routes["/v2/models/{name}/infer"]["requests_per_s"] > 0


def test_they_are_a_table_for_people(served: Served) -> None:
    lines = served.top("--token-file", "token").stdout.splitlines()
    assert lines[0].endswith("s, queues of 7")
    assert "environment" not in lines[0]
    assert any(line.split()[:2] == ["means", "0.0"] and "(current)" in line for line in lines)


def test_a_token_that_is_not_known_there_is_said(served: Served) -> None:
    (served.folder / "other").write_text("x" * 40)
    refused = served.top("--token-file", "other")
    assert (refused.returncode, "ACC-008" in refused.stderr) == (2, True)
    assert "401" in refused.stderr


@pytest.mark.parametrize(
    "words", [["--token-file", "none"], ["--no-auth", "--token-file", "token"]]
)
def test_what_cannot_be_meant_is_misuse(served: Served, words: list[str]) -> None:
    assert served.top(*words).returncode == 2


def test_a_server_that_needs_no_token_is_asked_without_one(served: Served) -> None:
    service = build_model_service(served_scorer("open", OnnxScorer(row_means())), token=None)
    with running(service) as port:
        shown = served._replace(url=f"http://127.0.0.1:{port}").top("--no-auth", "--json")
    assert [each["endpoint"] for each in json.loads(shown.stdout)["endpoints"]] == ["open"]
    assert "401" in served.top("--no-auth").stderr
