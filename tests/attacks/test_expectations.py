"""Callers that send a head and wait to be told to go on (`Expect: 100-continue`)."""

import threading
from collections.abc import Iterator

import pytest

from mainspring.ports.limits import HttpLimits
from tests.attacks.wire import TOKEN, Wire, bare_service, running

_PAUSE_S = 0.2
BODY = b'{"inputs": [{"name": "features", "datatype": "FP64", "shape": [1, 3], "data": [1, 2, 3]}]}'


def head(version: str, *, token: str = TOKEN) -> bytes:
    lines = [
        f"POST /v2/models/means/infer HTTP/{version}",
        "Host: localhost",
        f"Authorization: Bearer {token}",
        f"Content-Length: {len(BODY)}",
        "Expect: 100-continue",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.fixture
def wire(kind: str) -> Iterator[Wire]:
    with running(bare_service(HttpLimits()), kind=kind) as port:
        wire = Wire(port)
        yield wire
        wire.close()


def test_a_caller_is_told_to_go_on_and_is_answered(wire: Wire) -> None:
    told = b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.send(head("1.1"))
    assert wire.socket.recv(len(told)) == told
    answer = wire.send(BODY).answer()
    assert answer is not None
    assert answer.status == 200


def test_a_caller_of_http_1_0_gets_one_answer_alone(wire: Wire, kind: str) -> None:
    if kind == "uvicorn":
        pytest.skip("uvicorn tells every caller to go on")
    wire.send(head("1.0"))
    threading.Event().wait(_PAUSE_S)
    answer = wire.send(BODY).answer()
    assert answer is not None
    assert (answer.status, wire.ends()) == (200, True)


def test_nobody_is_told_to_go_on_to_a_refusal(wire: Wire, kind: str) -> None:
    if kind == "uvicorn":
        pytest.skip("uvicorn tells whoever is read from to go on")
    answer = wire.send(head("1.1", token="another")).answer()
    assert answer is not None
    assert answer.status == 401
