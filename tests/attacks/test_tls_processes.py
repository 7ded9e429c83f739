"""Servers that speak TLS as processes: what they print, how they end, and what they refuse."""

import re
import shlex
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from mainspring.client.errors import AnswerLost, ServerUnreachable
from mainspring.client.serving import CallRetries, ServingClient, TlsFiles
from tests.attacks.test_tls import SafeWire
from tests.attacks.wire import PATIENCE_S, request
from tests.authorities import Authority, KeyPair
from tests.journeys.lateness import make_project
from tests.unit.engines.onnx.test_scorer import row_means

CALLERS = 8
PROGRAM = (sys.executable, "-c", "from mainspring.app.cli import main; main()")


def model_words(folder: Path, pair: KeyPair, *more: str) -> list[str]:
    (folder / "model.onnx").write_bytes(row_means())
    tls = ["--tls-cert", str(pair.certificate), "--tls-key", str(pair.key)]
    token = ["--token-file", str(folder / "token")]
    return ["serve-model", str(folder / "model.onnx"), "--port", "0", *token, *tls, *more]


@contextmanager
def started(words: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server, and the curl that it prints."""
    with subprocess.Popen(
        [*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = ""
            while "  curl" not in said:
                line = process.stdout.readline()
                assert line, said
                said += line
            yield process, said
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def port_of(said: str) -> int:
    found = re.search(r"https://[a-z0-9.]+:(\d+)", said)
    assert found, said
    return int(found[1])


@pytest.mark.parametrize("kind", ["native", "uvicorn"])
def test_a_signal_under_load_of_tls_loses_no_request(tmp_path: Path, kind: str) -> None:
    authority = Authority(tmp_path)
    words = model_words(tmp_path, authority.issue(), "--server", kind)
    with started(words) as (process, said), ThreadPoolExecutor(CALLERS) as pool:
        token = (tmp_path / "token").read_text().strip()
        payload = request("GET", "/v2/models/model", token=token)
        calling = [
            pool.submit(_ask_until_told, port_of(said), payload, authority) for _ in range(CALLERS)
        ]
        threading.Event().wait(0.5)
        process.send_signal(signal.SIGTERM)
        for each in calling:
            sent, statuses = each.result(PATIENCE_S)
            assert statuses == [200] * sent
            assert sent > 1
        assert process.wait(PATIENCE_S) == 0


def _ask_until_told(port: int, payload: bytes, authority: Authority) -> tuple[int, list[int]]:
    """How often it was sent on one connection until the server said that it ends, and answered."""
    wire, sent, statuses = SafeWire(port, authority.context()), 0, list[int]()
    try:
        while True:
            wire.send(payload)
            sent += 1
            answer = wire.answer()
            if answer is None:
                return sent, statuses
            statuses.append(answer.status)
            if answer.headers.get("connection") == "close":
                return sent, statuses
    finally:
        wire.close()


@pytest.mark.parametrize("names", [("localhost", "127.0.0.1"), ("models.example",)])
def test_the_curl_that_is_printed_works_as_it_stands(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    pair = Authority(tmp_path).issue(names=names)
    with started(model_words(tmp_path, pair)) as (_, said):
        curl = said[said.index("curl") :].strip()
        told = subprocess.run(["sh", "-c", f"{curl} -s"], capture_output=True, text=True)
    assert "--cacert" in curl
    assert names[-1] in curl
    assert '"name":"model"' in told.stdout


def test_workers_speak_tls_and_the_health_of_their_supervisor_does_not(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    words = model_words(tmp_path, authority.issue(), "--workers", "2", "--health-port", "0")
    with started([*words, "--server", "native"]) as (_, said):
        found = re.search(r"http://127\.0\.0\.1:\d+/readyz", said)
        assert found
        with urllib.request.urlopen(found[0], timeout=PATIENCE_S) as answer:
            assert answer.status == 200
        wires = [SafeWire(port_of(said), authority.context()) for _ in range(4)]
        answers = [wire.send(request("GET", "/healthz")).answer() for wire in wires]
        assert [answer.status for answer in answers if answer] == [200] * 4
        for wire in wires:
            wire.close()


def test_the_client_for_programs_shows_its_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair, caller = authority.issue(), authority.issue("caller", names=())
    words = model_words(tmp_path, pair, "--client-ca", str(authority.certificate))
    with started(words) as (_, said):
        url = f"https://localhost:{port_of(said)}"
        assert "--cert client.crt --key client.key" in said
        known = TlsFiles(authority.certificate, *caller)
        with ServingClient(url, token_file=tmp_path / "token", tls=known) as client:
            assert client.is_ready()
        unknown, once = TlsFiles(authority.certificate), CallRetries(most=0)
        with (
            ServingClient(url, tls=unknown, retries=once) as client,
            pytest.raises((AnswerLost, ServerUnreachable)),
        ):
            client.openapi()


def test_an_environment_declares_its_files_in_the_settings(tmp_path: Path) -> None:
    project = make_project(tmp_path / "shop")
    authority = Authority(project)
    authority.issue()
    settings = project / "project.toml"
    table = '[environments.dev.tls]\ncert = "server.crt"\nkey = "server.key"\n'
    settings.write_text(settings.read_text().replace("[environments.dev]\n", table))
    with started(["serve", "--project", str(project), "--port", "0"]) as (_, said):
        wire = SafeWire(port_of(said), authority.context())
        answer = wire.send(request("GET", "/healthz")).answer()
        assert answer is not None
        assert answer.status == 200
        assert f"--cacert {shlex.quote(str(project / 'server.crt'))}" in said
        wire.close()


@pytest.mark.parametrize("more", [(), ("--workers", "2")], ids=["alone", "supervised"])
@pytest.mark.parametrize(("spoil", "code"), [("mode", "SRV-055"), ("content", "SRV-054")])
def test_a_server_does_not_start_with_files_that_it_cannot_use(
    tmp_path: Path, spoil: str, code: str, more: tuple[str, ...]
) -> None:
    pair = Authority(tmp_path).issue()
    if spoil == "mode":
        pair.key.chmod(0o640)
    else:
        pair.certificate.write_text("none")
    words = model_words(tmp_path, pair, *more)
    told = subprocess.run([*PROGRAM, *words], capture_output=True, text=True, timeout=PATIENCE_S)
    assert told.returncode == 2
    assert told.stderr.startswith(code)
