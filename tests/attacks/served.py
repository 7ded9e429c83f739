"""A small project in two environments, each behind a server of its own in this process, and
requests as bytes.
"""

import json
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import mainspring as ms
from mainspring.access.authorise import TokenGuard
from mainspring.app.serve import open_server
from mainspring.engines.http.server import UvicornServer
from mainspring.ports.http import HttpService
from tests.journeys.lateness import make_project

__all__ = ["Answer", "Served", "make_promoted_project", "serving"]

_PATIENCE_S = 30


class Answer(NamedTuple):
    """An answer: its status, its headers as they came, and its body."""

    status: int
    head: str
    body: str

    @property
    def code(self) -> str:
        """The code of a problem document."""
        return str(json.loads(self.body)["code"])


class Served(NamedTuple):
    """A server that answers for a workspace."""

    workspace: ms.Workspace
    service: HttpService
    guard: TokenGuard
    port: int

    def send(self, method: str, path: str, *headers: bytes, body: object = None) -> Answer:
        """Send a request with these lines of headers, and read the answer."""
        payload = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"{method} {path} HTTP/1.1".encode(),
            b"Host: 127.0.0.1",
            b"Connection: close",
            f"Content-Length: {len(payload)}".encode(),
            *headers,
        ]
        with socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE_S) as sent:
            sent.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + payload)
            received = b"".join(iter(lambda: sent.recv(65_536), b""))
        head, _, answered = received.partition(b"\r\n\r\n")
        return Answer(int(head.split(b" ", 2)[1]), head.decode("latin-1"), answered.decode())

    def ask(self, token: str, method: str, path: str, body: object = None) -> Answer:
        """Ask in the name of a token."""
        return self.send(method, path, f"Authorization: Bearer {token}".encode(), body=body)


def make_promoted_project(folder: Path) -> Path:
    """The project with two versions in dev, of which the second is promoted to `other`."""
    make_project(folder)
    ms.Workspace.open(folder).promote("other")
    return folder


@contextmanager
def serving(folder: Path, environment: str) -> Iterator[Served]:
    """A server of one environment of the project, until the block ends."""
    workspace = ms.Workspace.open(folder, environment)
    server, bound, stop = open_server(workspace), queue.SimpleQueue[int](), threading.Event()
    thread = threading.Thread(
        target=UvicornServer().serve,
        args=(server.service,),
        kwargs={"port": 0, "on_bound": bound.put, "stop": stop},
        daemon=True,
    )
    thread.start()
    try:
        yield Served(workspace, server.service, server.guard, bound.get(timeout=_PATIENCE_S))
    finally:
        stop.set()
        thread.join(_PATIENCE_S)
