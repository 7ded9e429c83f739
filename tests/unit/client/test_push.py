"""What a client sends, in which order, and what it tells of the rows."""

import http.server
import json
import math
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, repeat

import pytest

from mainspring.client import (
    BatchLimits,
    Client,
    ClientClosed,
    QueueFull,
    RequestRefused,
    ServerUnreachable,
)
from mainspring.client.connection import Retries

PATIENCE_S = 30.0
TAKEN: tuple[int, dict[str, str], bytes] = (200, {}, b'{"accepted": 1, "quarantined": {"late": 2}}')
QUICK = Retries(give_up_s=20.0, first_s=0.001, longest_s=0.002)


class Server:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked = list[tuple[str, dict[str, str], list[dict[str, object]]]]()
        self.answers: Iterator[tuple[int, dict[str, str], bytes] | None] = repeat(TAKEN)
        self.may_answer = threading.Event()
        self.may_answer.set()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                server.may_answer.wait(PATIENCE_S)
                rows = [json.loads(line) for line in body.splitlines()]
                server.asked.append((self.path, dict(self.headers), rows))
                answer = next(server.answers)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, payload = answer
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(payload))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"

    def rows(self) -> list[list[object]]:
        """The numbers of the rows of each request."""
        return [[row["n"] for row in rows] for _, _, rows in self.asked]


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    thread = threading.Thread(target=found.http.serve_forever, args=(0.01,))
    thread.start()
    yield found
    found.may_answer.set()
    found.http.shutdown()
    thread.join()
    found.http.server_close()


def client_of(server: Server, **more: object) -> Client:
    options = {"retries": QUICK, "batches": BatchLimits(max_rows=3, max_delay_s=60.0), **more}
    return Client(server.url, token="secret", **options)  # type: ignore[arg-type]


def test_rows_are_sent_in_their_order_in_batches(server: Server) -> None:
    with client_of(server) as client:
        client.push("a b", [{"n": n} for n in range(7)])
        client.push("a b", {"n": 7}, op="delete")
        client.push("c", {"n": 8})
        summary = client.flush()
    assert server.rows() == [[0, 1, 2], [3, 4, 5], [6], [7], [8]]
    paths = [path for path, _, _ in server.asked]
    assert paths[2:] == [
        "/v1/sources/a%20b/events",
        "/v1/sources/a%20b/events?op=delete",
        "/v1/sources/c/events",
    ]
    assert (summary.rows, summary.requests, summary.accepted) == (9, 5, 5)
    assert summary.quarantined == {"late": 10}
    assert server.asked[0][1]["Authorization"] == "Bearer secret"


def test_a_row_waits_no_longer_than_it_may(server: Server) -> None:
    limits = BatchLimits(max_delay_s=0.001)
    with client_of(server, batches=limits) as client:
        client.push("a", {"n": 1})
        with client._changed:
            assert client._changed.wait_for(lambda: not client._waiting_rows, PATIENCE_S)
    assert server.rows() == [[1]]


def test_values_are_written_as_a_server_reads_them(server: Server) -> None:
    row = {"n": 1, "at": datetime(2024, 5, 1, tzinfo=UTC), "x": math.nan, "v": [1, 2.5], "t": None}
    with client_of(server) as client:
        client.push("a", row)
    assert server.asked[0][2] == [
        {"n": 1, "at": "2024-05-01T00:00:00Z", "x": "NaN", "v": [1, 2.5], "t": None}
    ]


@pytest.mark.parametrize(
    "failure", [None, (503, {"Retry-After": "0"}, b""), (429, {}, b""), (502, {}, b"<html>")]
)
def test_what_was_not_answered_is_sent_again(
    server: Server, failure: tuple[int, dict[str, str], bytes] | None
) -> None:
    server.answers = chain([failure, failure, failure], repeat(TAKEN))
    with client_of(server) as client:
        client.push("a", [{"n": 1}, {"n": 2}])
        assert client.flush().rows == 2
    assert server.rows() == [[1, 2]] * 4


def test_one_refused_call_ends_no_other(server: Server) -> None:
    problem = json.dumps({"code": "SRV-004", "detail": "no rows", "remedy": "send some"}).encode()
    refused = (400, {}, problem)
    server.answers = iter([refused, TAKEN, refused, TAKEN, TAKEN])
    with client_of(server) as client:
        for number in range(3):
            client.push("a", {"n": number})
        with pytest.raises(RequestRefused, match="SRV-004: no rows") as caught:
            client.flush()
        assert (caught.value.rows, caught.value.advice) == ([{"n": 1}], "send some")
        assert client.flush().rows == 2
    assert server.rows() == [[0, 1, 2], [0], [1], [2]]


def test_a_batch_that_is_too_large_is_halved(server: Server) -> None:
    server.answers = chain([(413, {}, b"")], repeat(TAKEN))
    with client_of(server) as client:
        client.push("a", [{"n": n} for n in range(3)])
    assert server.rows() == [[0, 1, 2], [0], [1, 2]]


def test_rows_that_nobody_takes_come_back(server: Server) -> None:
    server.answers = repeat((503, {"Retry-After": "99"}, b""))
    client = client_of(server)
    client.push("a", {"n": 1})
    with pytest.raises(ServerUnreachable, match="it said 503") as caught:
        client.close()
    assert caught.value.rows == [{"n": 1}]
    with pytest.raises(ClientClosed):
        client.push("a", {"n": 2})


def test_whoever_pushes_too_much_waits(server: Server) -> None:
    server.may_answer.clear()
    limits = BatchLimits(max_rows=2, max_waiting_rows=4)
    with client_of(server, batches=limits) as client:
        client.push("a", [{"n": n} for n in range(4)])
        with pytest.raises(QueueFull):
            client.push("a", {"n": 4}, timeout_s=0.01)
        with pytest.raises(TimeoutError):
            client.flush(timeout_s=0.01)
        pushed = queue.SimpleQueue[None]()
        thread = threading.Thread(target=lambda: pushed.put(client.push("a", {"n": 5})))
        thread.start()
        server.may_answer.set()
        pushed.get(timeout=PATIENCE_S)
        thread.join()
    assert server.rows() == [[0, 1], [2, 3], [5]]


def test_a_closed_client_does_not_go_on_trying(server: Server) -> None:
    server.answers = repeat((503, {"Retry-After": "9"}, b""))
    client = client_of(server, retries=Retries(give_up_s=3_600))
    client.push("a", {"n": 1})
    with pytest.raises(TimeoutError):
        client.close(timeout_s=0.05)


@pytest.mark.parametrize("url", ["", "localhost:80", "ftp://a", "file:///etc/passwd"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        Client(url, token="secret")


PROGRAM = """
import sys
from mainspring.client import BatchLimits, Client
client = Client(sys.argv[1], token="t", batches=BatchLimits(max_delay_s=60.0))
client.push("a", {"n": 1})
heavy = {"numpy", "polars", "numba", "httpx", "starlette", "uvicorn"} & set(sys.modules)
assert not heavy, heavy
"""


def test_what_waits_at_the_end_of_a_program_is_sent(server: Server) -> None:
    subprocess.run([sys.executable, "-c", PROGRAM, server.url], check=True, timeout=PATIENCE_S)
    assert server.rows() == [[1]]
