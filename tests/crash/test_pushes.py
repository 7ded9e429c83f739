"""Kill a server while many push to it: whatever was acknowledged is there, and nothing twice."""

import hashlib
import json
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from mainspring.app.workspace import Workspace
from mainspring.client import BatchLimits, Client
from mainspring.client.connection import Retries
from mainspring.sources.raw.log import iter_segments

PROJECT = """
import mainspring as ms
sales = ms.Source("sales", id="n", event_time="at", contract=ms.Contract(n=ms.Int64(),
    at=ms.Timestamp(), amount=ms.Float64(between=(0, 100))))
"""
CALLERS, ROWS, KILLS = 4, 200, 2
QUICK = Retries(give_up_s=120.0, first_s=0.01, longest_s=0.05)
SMALL = BatchLimits(max_rows=7, max_delay_s=0.0)


def started(folder: Path, port: int) -> tuple["subprocess.Popen[str]", int]:
    """A server, and its port."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.serving", str(folder), str(port)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    return child, int(child.stdout.readline())


def ended(child: "subprocess.Popen[str]") -> None:
    """Kill it, and see it dead."""
    child.kill()
    child.communicate()


class Caller(threading.Thread):
    """Pushes rows of its own, every tenth of them broken; `pushed` grows as it does."""

    def __init__(self, url: str, token: str, first: int) -> None:
        super().__init__()
        self._client = Client(url, token=token, retries=QUICK, batches=SMALL)
        self._first, self.acknowledged = first, 0
        self.error: Exception | None = None

    def run(self) -> None:
        """Push, one row after the other, and wait for their answers now and then."""
        try:
            with self._client as client:
                for place in range(ROWS):
                    amount = -1.0 if place % 10 == 0 else 1.0
                    row = {"n": self._first + place, "at": "2026-01-01", "amount": amount}
                    client.push("sales", row)
                    if place % 20 == 19:
                        self.acknowledged += client.flush().rows
        except Exception as error:
            self.error = error


def opened(folder: Path) -> tuple[Workspace, str]:
    """The project, and a token of its server."""
    (folder / "shop.py").write_text(PROJECT)
    (folder / "project.toml").write_text('name = "shop"\n[environments.dev]\n')
    workspace = Workspace.open(folder)
    return workspace, workspace.token().read_text().strip()


def asked(port: int, request: bytes, *, hangs: bool = False) -> dict[str, object]:
    """The answer to a request; nothing of one that stays unfinished."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        if hangs:
            return {}
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    found: dict[str, object] = json.loads(received.partition(b"\r\n\r\n")[2])
    return found


@pytest.mark.crash
def test_an_upload_goes_on_after_its_server_died(tmp_path: Path) -> None:
    workspace, token = opened(tmp_path)
    rows = [{"n": n, "at": "2026-01-01", "amount": 1.0} for n in range(100)]
    payload = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    digest = f"sha256:{hashlib.sha256(payload).hexdigest()}"
    declared = {"file": "a.jsonl", "size_bytes": len(payload), "digest": digest}
    head = f"HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n"

    def put(upload: object, offset: int, part: bytes) -> bytes:
        lines = f"{head}Upload-Offset: {offset}\r\nContent-Length: {len(part)}\r\n\r\n"
        return f"PUT /v1/sources/sales/files/{upload} {lines}".encode() + part

    body = json.dumps(declared).encode()
    lines = f"{head}Content-Length: {len(body)}\r\n\r\n"
    begin = f"POST /v1/sources/sales/files {lines}".encode() + body
    child, port = started(tmp_path, 0)
    try:
        upload = asked(port, begin)["upload"]
        assert asked(port, put(upload, 0, payload[:1_000]))["offset"] == 1_000
        asked(port, put(upload, 1_000, payload[1_000:])[:-500], hangs=True)
        ended(child)
        child, _ = started(tmp_path, port)
        assert asked(port, begin) == {
            "upload": upload,
            "offset": 1_000,
            "size_bytes": len(payload),
            "is_finished": False,
            "report": None,
        }
        done = asked(port, put(upload, 1_000, payload[1_000:]))
        ended(child)
        child, _ = started(tmp_path, port)
        assert asked(port, begin) == asked(port, put(upload, 1_000, payload[1_000:])) == done
    finally:
        ended(child)
    assert sorted(workspace.facts_of(workspace.source("sales"))["n"].to_list()) == list(range(100))


@pytest.mark.crash
def test_acknowledged_rows_are_there_once(tmp_path: Path) -> None:
    workspace, token = opened(tmp_path)
    child, port = started(tmp_path, 0)
    callers = [
        Caller(f"http://127.0.0.1:{port}", token, number * ROWS) for number in range(CALLERS)
    ]
    for caller in callers:
        caller.start()
    try:
        for kill in range(1, KILLS + 1):
            enough = kill * CALLERS * ROWS // (KILLS + 2)
            while sum(caller.acknowledged for caller in callers) < enough:
                threading.Event().wait(0.005)
                assert not any(caller.error for caller in callers)
            ended(child)
            child, _ = started(tmp_path, port)
        for caller in callers:
            caller.join()
    finally:
        ended(child)
    assert [caller.error for caller in callers] == [None] * CALLERS
    assert [caller.acknowledged for caller in callers] == [ROWS] * CALLERS
    assert_each_once(workspace)


def assert_each_once(workspace: Workspace) -> None:
    """Each row is a fact or in quarantine, once, and once in the raw log."""
    numbers = set(range(CALLERS * ROWS))
    broken = {number for number in numbers if number % ROWS % 10 == 0}
    facts = workspace.facts_of(workspace.source("sales"))["n"].to_list()
    assert Counter(facts) == Counter(numbers - broken)
    quarantined = workspace.quarantine("sales")
    assert len(quarantined) == len(broken)
    generation = workspace.writer("sales").generation
    segments = [stored.segment for stored in iter_segments(generation.raw, workspace.runtime.log)]
    assert [segment.start for segment in segments] == [
        sum(segment.rows for segment in segments[:place]) for place in range(len(segments))
    ]
    assert sum(segment.rows for segment in segments) == len(numbers)
    assert generation.tally().segment == len(segments)
