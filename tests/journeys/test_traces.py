"""`--traces`, `[environments.NAME.traces]` and the variables of OpenTelemetry: what a collector is
sent of a server, and what stops one that is to be traced from starting.
"""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.attacks.wire import shop_project, until
from tests.called_server import COMMAND, serving
from tests.copies import copied_tree
from tests.otlp_receiver import Collector, ReceivedSpan, collecting
from tests.unit.engines.onnx.test_scorer import row_means

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PREDICT = "POST /v1/endpoints/{name}/predict"
WITHOUT = "import sys; sys.modules['opentelemetry'] = None; "
MAIN = "from mainspring.app.cli import main; main()"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


def ask(url: str, path: str, body: object = None, *, flags: str = "", folder: Path) -> bytes:
    token = (folder / ".mainspring" / "token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    if flags:
        headers["traceparent"] = f"00-{TRACE}-{CALLER}-{flags}"
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url + path, data, headers)) as answer:
        return bytes(answer.read())


def predict(url: str, folder: Path, flags: str = "") -> dict[str, object]:
    path, body = "/v1/endpoints/late/predict", {"rows": [{"shop": "a"}]}
    found = json.loads(ask(url, path, body, flags=flags, folder=folder))["predictions"][0]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("kind", ["native", "uvicorn"])
def test_a_prediction_is_followed_from_its_caller_to_the_model(collector: Collector, kind: str):
    folder = shop_project()
    words = ("--traces", collector.url, "--server", kind)
    with serving(folder, *words) as url:
        answer = predict(url, folder, "01")
        predict(url, folder, "00")
        [call] = collector.spans(named=PREDICT)
        until(lambda: b"mainspring_spans_sent_total 4.0" in ask(url, "/metrics", folder=folder))
        assert b"mainspring_spans_dropped_total 0.0" in ask(url, "/metrics", folder=folder)
    assert (call.trace, call.parent, call.is_server) == (TRACE, CALLER, True)
    parts = [each for each in collector.spans() if each.parent == call.span]
    assert [each.name for each in parts] == ["features", "model", "log"]
    assert {each.trace for each in parts} == {TRACE}
    assert sum(each.took_ns for each in parts) <= call.took_ns
    assert call.attributes["mainspring.prediction.ids"] == [answer["id"]]
    assert call.attributes["mainspring.model.version"] == answer["version"]
    assert call.resource["deployment.environment.name"] == "dev"
    said = [each for each in collector.spans() if each.trace == TRACE]
    assert len(said) == 4, "the caller that is not recorded has no spans"


def test_a_server_that_ends_sends_what_it_has(collector: Collector):
    folder = shop_project()
    with serving(folder, "--traces", collector.url) as url:
        predict(url, folder, "01")
    assert [each.name for each in collector.spans(4) if each.trace == TRACE] == [
        "features",
        "model",
        "log",
        PREDICT,
    ]


def test_settings_of_an_environment_say_where_and_how_much(collector: Collector, tmp_path: Path):
    folder = tmp_path / "shop"
    copied_tree(shop_project(), folder)
    with (folder / "project.toml").open("a") as file:
        file.write(f'\n[environments.dev.traces]\nendpoint = "{collector.url}"\n')
        file.write('sample = 0.0\nservice = "late"\nheaders = { x-key = "env:COLLECTOR_KEY" }\n')
    refused = subprocess.run(
        [COMMAND, "serve", "--port", "0"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert "ENG-014" in refused.stderr
    assert "traces.headers.x-key" in refused.stderr
    with changed_environment(COLLECTOR_KEY="secret"), serving(folder) as url:
        predict(url, folder)
        predict(url, folder, "01")
    [call] = collector.spans(named=PREDICT)
    assert (call.trace, call.resource["service.name"]) == (TRACE, "late")
    assert collector.headers[0]["x-key"] == "secret"


@contextmanager
def changed_environment(**variables: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def model_server(
    folder: Path, *words: str, variables: Mapping[str, str] = {}, before: str = ""
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`serve-model`, and its address."""
    (folder / "means.onnx").write_bytes(row_means())
    command = [sys.executable, "-c", before + MAIN, "serve-model", "means=means.onnx", "--no-auth"]
    with subprocess.Popen(
        [*command, "--port", "0", *words],
        cwd=folder,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        found = re.search(r"http://[^/\s]+", process.stdout.readline())
        try:
            yield process, found[0] if found else ""
        finally:
            process.terminate()


def infer(url: str) -> None:
    with urllib.request.urlopen(f"{url}/v2/models/means") as answer:
        about = json.load(answer)["inputs"][0]
    width = about["shape"][1]
    tensor = {"name": about["name"], "datatype": about["datatype"], "shape": [1, width]}
    body = json.dumps({"inputs": [tensor | {"data": [1.0] * width}]}).encode()
    with urllib.request.urlopen(f"{url}/v2/models/means/infer", body) as answer:
        assert answer.status == 200


def test_workers_of_a_bare_model_are_traced_by_the_variables_alone(
    collector: Collector, tmp_path: Path
):
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_SERVICE_NAME": "means"}
    instances = set[str]()

    def seen() -> list[ReceivedSpan]:
        infer(url)
        spans = collector.spans(named="POST /v2/models/{name}/infer")
        instances.update(str(each.resource["service.instance.id"]) for each in spans)
        return spans

    with model_server(tmp_path, "--workers", "2", variables=variables) as (_, url):
        until(lambda: bool(seen()) and len(instances) == 2)
        [*runs] = collector.spans(named="model")
    assert {each.resource["service.name"] for each in runs} == {"means"}
    assert {each.attributes["mainspring.model"] for each in runs} == {"means"}


def test_a_collector_that_is_down_changes_no_answer(tmp_path: Path):
    with model_server(tmp_path, "--traces", "http://127.0.0.1:9") as (process, url):
        for _ in range(20):
            infer(url)
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "spans were not sent" in said


def test_what_is_asked_for_and_not_installed_stops_the_server(tmp_path: Path):
    words = ("--traces", "http://127.0.0.1:9")
    with model_server(tmp_path, *words, before=WITHOUT) as (process, _):
        _, said = process.communicate(timeout=60)
    assert process.returncode not in (0, None)
    assert "SRV-058" in said
    assert "pip install 'mainspring[otel]'" in said


def test_variables_of_the_machine_alone_do_not(tmp_path: Path):
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with model_server(tmp_path, variables=variables, before=WITHOUT) as (process, url):
        infer(url)
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert (said.count("SRV-058"), said.count("pip install")) == (1, 1)


def test_an_address_that_is_none_stops_the_server(tmp_path: Path):
    with model_server(tmp_path, "--traces", "localhost:4318") as (process, _):
        _, said = process.communicate(timeout=60)
    assert process.returncode not in (0, None)
    assert "SRV-059" in said
    assert "http://localhost:4318" in said
