"""Our own servers, started as a user starts them."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.serving import hello
from benchmarks.serving.contender import Contender, Question, Rows, starting, wait_until_right
from benchmarks.serving.load import Load
from benchmarks.serving.model import ServedModel
from benchmarks.serving.peers import free_port
from benchmarks.serving.servers import words_for

__all__ = ["bare_model", "hello_world", "mainspring"]

_ROOT = Path(__file__).parents[2]
_MAIN = "from mainspring.app.cli import main; main()"
_MODEL, _TOKEN = "scoring", "secret-of-a-benchmark-that-is-not-one"
_PATIENCE_S = 60.0


def mainspring(*words: str) -> list[str]:
    """The command line."""
    return [sys.executable, "-c", _MAIN, *words]


@contextmanager
def bare_model(server: str, model: ServedModel, folder: Path) -> Iterator[Contender]:
    """`mainspring serve-model` of the model."""
    port, room = free_port(), folder / f"bare-{server}"
    room.mkdir(parents=True)
    token = room / "token"
    token.write_text(f"{_TOKEN}\n")
    token.chmod(0o600)
    words = ["serve-model", str(model.path), "--name", _MODEL, "--port", str(port)]
    command = mainspring(*words, "--token-file", str(token), *words_for(server))
    log, began = room / "said", time.monotonic()
    with starting(command, folder=room, log=log) as process:
        url = f"http://127.0.0.1:{port}"
        path, headers = f"/v2/models/{_MODEL}", {"Authorization": f"Bearer {_TOKEN}"}
        tensor = _input_of(json.loads(_first_answer(process, url, path, headers, log=log)))
        question = Question(f"{path}/infer", tensor, _outputs, headers)
        contender = Contender(
            f"Mainspring, {server}",
            url,
            question,
            process,
            room,
            started_s=began,
        )
        wait_until_right(contender, model, log=log)
        yield contender


@contextmanager
def hello_world(server: str, folder: Path) -> Iterator[Load]:
    """The same server with a route that does nothing."""
    port, room = free_port(), folder / f"hello-{server}"
    room.mkdir(parents=True)
    command = [sys.executable, "-m", "benchmarks.serving.hello", server, str(port)]
    log, url = room / "said", f"http://127.0.0.1:{port}"
    with starting(command, folder=_ROOT, log=log) as process:
        _first_answer(process, url, hello.PATH, {}, log=log)
        yield Load(f"{url}{hello.PATH}", (), {}, room)


def _first_answer(
    process: "subprocess.Popen[bytes]",
    url: str,
    path: str,
    headers: Mapping[str, str],
    *,
    log: Path,
) -> bytes:
    """The body of the first answer to a GET."""
    until = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < until:
        request = urllib.request.Request(f"{url}{path}", headers=dict(headers))
        with suppress(OSError), urllib.request.urlopen(request, timeout=5) as answer:
            payload: bytes = answer.read()
            return payload
        time.sleep(0.005)
    raise RuntimeError(f"no answer from {path}: {log.read_text()[-2000:]}")


def _input_of(described: Mapping[str, Sequence[Mapping[str, str]]]) -> Callable[[Rows], object]:
    """What makes the body of a request for rows, as the model describes itself."""
    name, datatype = described["inputs"][0]["name"], described["inputs"][0]["datatype"]

    def as_tensor(rows: Rows) -> object:
        data = rows.ravel().tolist()
        return {"inputs": [{"name": name, "shape": rows.shape, "datatype": datatype, "data": data}]}

    return as_tensor


def _outputs(document: object) -> Sequence[float]:
    return document["outputs"][0]["data"]  # type: ignore[index, no-any-return, call-overload]
