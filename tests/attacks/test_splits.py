"""However the bytes of a request arrive, the answer is the same; other bytes end nothing."""

import random
from collections.abc import Iterator

import pytest

from mainspring.ports.limits import HttpLimits
from tests.attacks.wire import TOKEN, Answer, Wire, ask, bare_service, request, running

TENSOR = b'{"name": "features", "shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3]}'
INFER = b'{"inputs": [%b]}' % TENSOR
WHOLE = request("POST", "/v2/models/means/infer", INFER)
CHUNKED = (
    b"POST /v2/models/means/infer HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
    + TOKEN.encode()
    + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"%x\r\n%b\r\n" % (40, INFER[:40])
    + b"%x\r\n%b\r\n0\r\n\r\n" % (len(INFER) - 40, INFER[40:])
)


@pytest.fixture(scope="module")
def port(kind: str) -> Iterator[int]:
    with running(bare_service(HttpLimits()), kind=kind) as port:
        yield port


@pytest.mark.parametrize("whole", [WHOLE, CHUNKED], ids=["length", "chunked"])
def test_every_split_of_a_request_has_the_same_answer(whole: bytes, port: int) -> None:
    wanted = ask(port, whole)
    assert wanted.status == 200
    wire = Wire(port)
    wire.socket.setsockopt(6, 1, 1)  # TCP_NODELAY: a piece is a piece
    for place in range(1, len(whole)):
        wire.send(whole[:place])
        wire.send(whole[place:])
        answer = wire.answer()
        assert answer is not None
        assert (answer.status, answer.body) == (wanted.status, wanted.body)
    wire.close()


def test_requests_that_come_at_once_are_answered_in_their_order(port: int) -> None:
    paths = ["/healthz", "/v2/models/means", "/nowhere", "/v2/health/ready"] * 4
    wire = Wire(port).send(b"".join(request("GET", path) for path in paths))
    answers = [wire.answer() for _ in paths]
    wire.close()
    assert [each.status for each in answers if each] == [200, 200, 404, 200] * 4


def test_what_was_changed_at_random_is_never_a_fault_of_ours(port: int) -> None:
    chance = random.Random(27)
    for _ in range(400):
        broken = bytearray(chance.choice([WHOLE, CHUNKED]))
        for _ in range(chance.randint(1, 6)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        wire = Wire(port).send(bytes(broken))
        wire.socket.shutdown(1)
        answer = wire.answer()
        wire.close()
        assert answer is None or answer.status < 500, bytes(broken)
    assert isinstance(ask(port, WHOLE), Answer)
