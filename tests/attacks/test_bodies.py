"""Bodies that cost much: while one is answered, others are; and none is held that is too large."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from mainspring.ports.http import Call, Reply, Route, json_reply
from mainspring.ports.limits import MAX_JSON_VALUES, MAX_PUSHED_ROWS, HttpLimits
from tests.attacks.wire import (
    PATIENCE_S,
    TOKEN,
    Answer,
    Wire,
    ask,
    bare_service,
    request,
    running,
    shop_project,
    until,
)
from tests.journeys.lateness import Server, serving

PREDICT, EVENTS = "/v1/endpoints/late/predict", "/v1/sources/sales/events"
SMALL = b'{"rows": [{"shop": "a"}]}'
MANY_ROWS = b'{"rows": [' + b",".join([b'{"shop": "a"}'] * 10_000) + b"]}"
NESTED = b'{"rows": [' + b"[" * 14_000_000 + b"]" * 14_000_000 + b"]}"
LISTS = b'{"rows": [' + b"[]," * 9_000_000 + b"[]]}"
EMPTY_ROWS = b'{"rows": [' + b"{}," * 9_000_000 + b"{}]}"
ROWS = 100_000
TENSOR = (
    b'{"inputs": [{"name": "features", "datatype": "FP64", "shape": [%d, 3], "data": [' % ROWS
    + b",".join([b"0.12345678901234567"] * ROWS * 3)
    + b"]}]}"
)


@pytest.fixture(scope="module")
def shop() -> Iterator[Server]:
    with serving(shop_project()) as server:
        yield server


@pytest.fixture(scope="module")
def port(shop: Server) -> int:
    return int(shop.url.rpartition(":")[2])


@pytest.fixture(scope="module")
def call(port: int) -> Callable[..., Answer]:
    token = (shop_project() / ".mainspring" / "token").read_text().strip()

    def call(method: str, path: str, body: bytes | None = None) -> Answer:
        return ask(port, request(method, path, body, token=token))

    return call


TIMES = 3
HEAVY = {
    "10,000 rows": (PREDICT, MANY_ROWS, 200),
    "nested lists": (PREDICT, NESTED, 413),
    "nine million lists": (PREDICT, LISTS, 413),
    "nine million rows": (EVENTS, EMPTY_ROWS, 413),
    "a large tensor": ("/v2/models/late/infer", TENSOR, 400),
}


@pytest.mark.parametrize(("path", "body", "status"), HEAVY.values(), ids=HEAVY)
def test_while_a_large_body_is_read_and_answered_others_are(
    path: str, body: bytes, status: int, call: Callable[..., Answer], port: int
) -> None:
    answered_before, is_done = 0, threading.Event()

    def heavy() -> list[Answer]:
        try:
            return [call("POST", path, body) for _ in range(TIMES)]
        finally:
            is_done.set()

    with ThreadPoolExecutor(1) as pool:
        large = pool.submit(heavy)
        while not is_done.is_set():
            small = ask(port, request("GET", "/healthz")), call("POST", PREDICT, SMALL)
            assert [each.status for each in small] == [200, 200]
            answered_before += 1
        assert {each.status for each in large.result()} == {status}
    # If they waited, one pair could be answered after each large body, and no more.
    assert answered_before > TIMES


def memory_kib(process: int) -> int:
    """The most that a process ever had."""
    with open(f"/proc/{process}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def test_rows_without_number_take_no_memory(shop: Server, call: Callable[..., Answer]) -> None:
    before = memory_kib(shop.process.pid)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: call("POST", EVENTS, EMPTY_ROWS), range(4)))
    assert [each.code for each in answers] == ["SRV-044"] * 4
    # Four bodies, each twice, and little more.
    assert memory_kib(shop.process.pid) - before < 400_000


def test_a_push_has_so_many_rows_and_no_more(call: Callable[..., Answer]) -> None:
    answer = call("POST", EVENTS, b'{"rows": [' + b"{}," * MAX_PUSHED_ROWS + b"{}]}")
    assert (answer.status, answer.code) == (413, "SRC-048")


@pytest.mark.parametrize(
    "tensor",
    [
        {"shape": [1, 2**62], "data": [1]},
        {"shape": [2**62, 2**62], "data": [1]},
        {"shape": [2**70, 1], "data": [1]},
        {"shape": [1, MAX_JSON_VALUES + 1], "data": []},
        {"shape": [1, 1], "data": [[[[1]]]]},
        {"shape": [1, 1], "data": [int("9" * 4_000)]},
        {"shape": [1, 1], "data": [10**18, 10**400]},
        {"shape": [-1, -1], "data": []},
        {"shape": [1, 1], "data": [{}], "parameters": {"a": [[[]]]}},
    ],
    ids=lambda tensor: str(tensor)[:40],
)
def test_a_tensor_of_any_shape_is_the_callers_fault(
    tensor: dict[str, object], call: Callable[..., Answer]
) -> None:
    whole = {"name": "features", "datatype": "FP64", **tensor}
    answer = call("POST", "/v2/models/late/infer", json.dumps({"inputs": [whole]}).encode())
    assert answer.status in (400, 413)
    assert answer.code


def test_bodies_that_are_held_at_once_are_bounded(kind: str) -> None:
    limits = HttpLimits(all_bodies_bytes=1_000_000, body_s=20)
    with running(bare_service(limits), kind=kind) as port:
        body = b" " * 700_000
        path = "/v2/models/means/infer"
        waiting = Wire(port).send(request("POST", path, body)[:-1])

        def is_refused() -> bool:
            return ask(port, request("POST", path, body)).status == 503

        until(is_refused)
        answer = ask(port, request("POST", path, body))
        assert (answer.code, answer.headers["retry-after"]) == ("SRV-045", "1")
        waiting.close()
        until(lambda: ask(port, request("POST", path, body)).status == 400)


CHUNKED = request(
    "POST", "/v2/models/means/infer", headers=["Host: localhost", "Transfer-Encoding: chunked"]
)
PIECE = b"ea60\r\n" + b" " * 60_000 + b"\r\n"


@pytest.mark.parametrize("token", [TOKEN, "none"])
@pytest.mark.parametrize("rest", [b"zz\r\n", b""], ids=["broken", "slow"])
def test_a_body_that_ends_badly_is_held_no_longer(kind: str, token: str, rest: bytes) -> None:
    limits = HttpLimits(all_bodies_bytes=100_000, body_s=0.5)
    broken = CHUNKED.replace(TOKEN.encode(), token.encode()) + PIECE + rest
    with running(bare_service(limits), kind=kind) as port:
        for _ in range(3):
            ask(port, broken)
        answer = ask(port, request("POST", "/v2/models/means/infer", b" " * 60_000))
        assert answer.status == 400


def test_a_body_behind_the_last_answer_of_a_connection_is_held_no_longer(kind: str) -> None:
    held, begun = threading.Event(), threading.Event()

    def hold(_: Call) -> Reply:
        begun.set()
        return json_reply(held.wait(PATIENCE_S))

    slow = Route("POST", "/held", "read", hold, blocks=True)
    service = bare_service(HttpLimits(all_bodies_bytes=100_000), [slow])
    keeping = ["Host: localhost", "Connection: keep-alive"]
    first, second = (
        request("POST", path, b" " * size, headers=keeping).replace(b"HTTP/1.1", b"HTTP/1.0")
        for path, size in (("/held", 1), ("/v2/models/means/infer", 60_000))
    )
    large = request("POST", "/v2/models/means/infer", b" " * 60_000)
    with running(service, kind=kind) as port:
        wire = Wire(port).send(first + second)
        # Both came at once.  Whoever asks before has the room that the second needs.
        assert begun.wait(PATIENCE_S)
        # uvicorn counts a body once its request is begun.
        until(lambda: kind == "uvicorn" or ask(port, large).status == 503)
        held.set()
        answer = wire.answer()
        assert answer is not None
        assert answer.status == 200
        assert wire.ends()
        wire.close()
        assert ask(port, large).status == 400


@contextmanager
def locked(name: str) -> Iterator[None]:
    """A foreign lock on a database."""
    path = shop_project() / ".mainspring" / name
    with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def databases() -> list[str]:
    return sorted(path.name for path in (shop_project() / ".mainspring").glob("*.db"))


@pytest.mark.parametrize("name", ["log-inference.db", "log.db", "state.db"])
def test_a_foreign_lock_makes_a_route_slow_and_no_other(
    name: str, call: Callable[..., Answer], port: int
) -> None:
    assert name in databases()
    row = {"sale": name, "shop": "a", "at": "2024-05-04", "amount": 1.0}
    event = json.dumps({"rows": [row]}).encode()
    with ThreadPoolExecutor(8) as pool:
        with locked(name):
            waiting = [pool.submit(call, "POST", PREDICT, SMALL) for _ in range(4)]
            waiting += [pool.submit(call, "POST", EVENTS, event) for _ in range(2)]
            for _ in range(50):
                for path in ("/healthz", "/v2/health/live", "/v2/health/ready"):
                    assert ask(port, request("GET", path)).status == 200
            is_slow = any(not each.done() for each in waiting)
        answers = [each.result() for each in waiting]
    assert is_slow
    assert {each.status for each in answers} <= {200, 503}


def test_a_lock_that_stays_is_said_with_a_code(call: Callable[..., Answer]) -> None:
    with locked("log-inference.db"):
        answer = call("POST", PREDICT, SMALL)
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "ENG-009", "1")
    assert call("POST", PREDICT, SMALL).status == 200
