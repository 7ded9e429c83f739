"""Servers to attack, and raw connections to attack them with."""

import atexit
import functools
import json
import queue
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from mainspring.app.http.bare import build_model_service
from mainspring.engines.http.native.server import NativeServer
from mainspring.engines.http.server import UvicornServer
from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.ports.http import HttpServer, HttpService, Route
from mainspring.ports.limits import HttpLimits
from mainspring.serving.protocol import matrix_model
from mainspring.serving.protocol.files import FileModels
from tests.journeys.lateness import make_project
from tests.unit.engines.onnx.test_scorer import row_means

__all__ = [
    "PATIENCE_S",
    "SERVERS",
    "TOKEN",
    "Answer",
    "Wire",
    "ask",
    "bare_service",
    "request",
    "running",
    "served_scorer",
    "shop_project",
    "until",
]

PATIENCE_S = 30.0
TOKEN = "secret"
SERVERS: Mapping[str, Callable[[], HttpServer]] = {
    "native": NativeServer,
    "uvicorn": UvicornServer,
}
"""Every attack on the wire is made on each of them."""


class Answer(NamedTuple):
    """What came back; `headers` by name in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, object]:
        """The problem document that it must be."""
        assert self.headers["content-type"] == "application/problem+json", self
        problem: dict[str, object] = json.loads(self.body)
        assert problem["status"] == self.status, self
        return problem

    @property
    def code(self) -> object:
        """The code of the problem."""
        return self.problem["code"]


class Wire:
    """A connection on which bytes are sent as they are."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._file = self.socket.makefile("rb")

    def send(self, payload: bytes) -> "Wire":
        """Send bytes."""
        self.socket.sendall(payload)
        return self

    def answer(self) -> Answer | None:
        """The next answer; None where the connection ended."""
        with suppress(ConnectionError):
            line = self._file.readline()
            if line:
                status, headers = int(line.split()[1]), {}
                while (header := self._file.readline().strip()) != b"":
                    name, _, value = header.decode().partition(":")
                    headers[name.lower()] = value.strip()
                return Answer(status, headers, self._file.read(int(headers["content-length"])))
        return None

    def ends(self) -> bool:
        """Whether the server closes it, with nothing more to say."""
        with suppress(ConnectionError):
            return self._file.read(1) == b""
        return True

    def close(self) -> None:
        """Leave."""
        self._file.close()
        self.socket.close()


def request(
    method: str,
    path: str,
    body: bytes | None = None,
    *,
    token: str = TOKEN,
    headers: Sequence[str] = ("Host: localhost",),
) -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", f"Authorization: Bearer {token}", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def ask(port: int, payload: bytes) -> Answer:
    """The answer to the bytes of one request, on a connection of its own."""
    wire = Wire(port)
    try:
        answer = wire.send(payload).answer()
        assert answer is not None
        return answer
    finally:
        wire.close()


@functools.cache
def shop_project() -> Path:
    """A project with an endpoint and a source, made once for all that attack a server of it."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return make_project(folder / "shop")


def served_scorer(name: str, scorer: OnnxScorer) -> FileModels:
    """A scorer as the one model of a server."""
    columns = [str(place) for place in range(scorer.feature_count)]
    return FileModels({name: lambda: matrix_model(name, "abc", scorer, columns)})


def bare_service(limits: HttpLimits, routes: Sequence[Route] = ()) -> HttpService:
    """What `serve-model` serves, within these limits and with further routes."""
    service = build_model_service(served_scorer("means", OnnxScorer(row_means())), token=TOKEN)
    return replace(service, limits=limits, routes=[*service.routes, *routes])


@contextmanager
def running(
    service: HttpService,
    stop: threading.Event | None = None,
    *,
    kind: str = "native",
    make: Callable[[], HttpServer] | None = None,
) -> Iterator[int]:
    """The port of a server, which ends with the block; of the kind, or as it is made."""
    ports, stop = queue.SimpleQueue[int](), stop or threading.Event()
    thread = threading.Thread(
        target=(make or SERVERS[kind])().serve,
        args=(service,),
        kwargs={"port": 0, "on_bound": ports.put, "stop": stop},
        daemon=True,
    )
    thread.start()
    try:
        yield ports.get(timeout=PATIENCE_S)
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def until(holds: Callable[[], bool]) -> None:
    """Return once it holds."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        threading.Event().wait(0.01)
