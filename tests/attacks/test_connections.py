"""Connections without a request, without an end or without number: health is answered meanwhile."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from mainspring.ports.http import Call, Reply, Route, json_reply
from mainspring.ports.limits import HttpLimits
from tests.attacks.wire import PATIENCE_S, Wire, ask, bare_service, request, running, until

LIMITS = HttpLimits(
    connections=12,
    connections_per_address=8,
    reserved=3,
    head_s=0.4,
    body_s=0.4,
    idle_s=1,
    linger_s=0.4,
    reply_s=0.6,
)
HEALTH = request("GET", "/healthz")
LARGE = 8_000_000


class Held:
    """A route that answers once it is let go."""

    def __init__(self) -> None:
        self.let_go, self.entered = threading.Event(), threading.Semaphore(0)

    def wait(self, _: object) -> Reply:
        """Answer then."""
        self.entered.release()
        return json_reply(self.let_go.wait(PATIENCE_S))


@pytest.fixture(scope="module")
def held() -> Held:
    return Held()


@pytest.fixture(scope="module")
def port(kind: str, held: Held) -> Iterator[int]:
    routes = [
        Route("GET", "/held", "read", held.wait, blocks=True),
        Route("GET", "/large", "read", lambda _: Reply(200, bytes(LARGE))),
    ]
    with running(bare_service(LIMITS, routes), kind=kind) as port:
        yield port


@pytest.fixture
def wires(port: int) -> Iterator[list[Wire]]:
    """Connections that are closed at the end."""
    opened: list[Wire] = []
    yield opened
    for each in opened:
        each.close()


@pytest.mark.parametrize(
    "begun", [b"", b"\r\n", b"GET / HT", b"GET / HTTP/1.1\r\nX-A: b\r\n"], ids=repr
)
def test_half_open_connections_give_way_to_whoever_asks(
    begun: bytes, port: int, wires: list[Wire]
) -> None:
    for _ in range(5 * LIMITS.connections):
        wires.append(Wire(port).send(begun) if begun else Wire(port))
    for _ in range(3):
        assert ask(port, HEALTH).status == 200
    oldest = wires[0].answer()
    assert oldest is None or oldest.code == "SRV-042"


def test_connections_that_are_kept_open_give_way_when_no_half_open_one_is_left(
    port: int, wires: list[Wire]
) -> None:
    for _ in range(2 * LIMITS.connections):
        wires.append(Wire(port).send(HEALTH))
        answer = wires[-1].answer()
        assert answer is not None
        assert answer.status == 200
    assert ask(port, HEALTH).status == 200


def test_places_in_reserve_are_for_health_while_all_others_are_at_work(
    port: int, held: Held, wires: list[Wire]
) -> None:
    held.let_go.clear()
    for _ in range(LIMITS.connections_per_address):
        wires.append(Wire(port).send(request("GET", "/held")))
        assert held.entered.acquire(timeout=PATIENCE_S)
    refused = ask(port, request("GET", "/v2/models/means"))
    assert (refused.status, refused.code, refused.headers["retry-after"]) == (503, "SRV-042", "1")
    for _ in range(LIMITS.reserved + 2):
        wires.append(Wire(port))
        assert ask(port, HEALTH).status == 200
    held.let_go.set()
    for each in wires[: LIMITS.connections_per_address]:
        answer = each.answer()
        assert answer is not None
        assert answer.status == 200


@pytest.mark.parametrize("begun", [b"GET / HT", b"POST /x HTTP/1.1\r\nHost: a\r\nX: "], ids=repr)
def test_a_head_that_never_ends_is_refused(begun: bytes, port: int, wires: list[Wire]) -> None:
    wires.append(Wire(port).send(begun))
    answer = wires[0].answer()
    assert answer is not None
    assert (answer.status, answer.code, answer.headers["connection"]) == (408, "SRV-041", "close")
    assert wires[0].ends()


@pytest.mark.parametrize("piece", [b"\r\n", b"X-A: b\r\n"], ids=repr)
def test_a_byte_now_and_then_does_not_set_the_time_back(
    piece: bytes, port: int, wires: list[Wire]
) -> None:
    wire = Wire(port)
    wires.append(wire)
    if piece != b"\r\n":
        wire.send(b"GET /healthz HTTP/1.1\r\n")
    ended = threading.Event()

    def trickle() -> None:
        try:
            while not ended.wait(0.05):
                wire.send(piece)
        except OSError:
            return

    thread = threading.Thread(target=trickle)
    thread.start()
    answer = wire.answer()
    ended.set()
    thread.join()
    assert answer is None or answer.code == "SRV-041"


def test_a_body_that_never_ends_is_refused(port: int, wires: list[Wire]) -> None:
    head = request("POST", "/v2/models/means/infer", b"{" + b" " * 100)
    wires.append(Wire(port).send(head[:-50]))
    answer = wires[0].answer()
    assert answer is not None
    assert (answer.status, answer.code) == (408, "SRV-041")


def test_a_body_that_nobody_asked_for_is_not_read_for_ever(port: int, wires: list[Wire]) -> None:
    head = (
        b"POST /v2/models/means/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    )
    wires.append(Wire(port).send(head))
    answer = wires[0].answer()
    assert answer is not None
    assert answer.status == 401
    wires[0].send(b" ")
    assert wires[0].ends()


def test_who_does_not_read_the_answers_is_left(port: int, wires: list[Wire]) -> None:
    for _ in range(LIMITS.connections_per_address):
        wires.append(Wire(port).send(request("GET", "/large")))

    def are_all_gone() -> bool:
        # The others are busy with an answer that nobody reads, so only the places in reserve are
        # free, until the server gives up.
        return ask(port, request("GET", "/v2/models/means")).status == 200

    assert ask(port, HEALTH).status == 200
    until(are_all_gone)


@pytest.mark.parametrize(
    "rest",
    [b"GET / HT", request("POST", "/v2/models/means/infer", bytes(100))[:-50]],
    ids=["head", "body"],
)
def test_what_is_begun_behind_an_answer_that_is_read_late_has_to_come_in_time(
    rest: bytes, port: int, wires: list[Wire]
) -> None:
    wires.append(Wire(port).send(request("GET", "/large") + rest))
    answer = wires[0].answer()
    assert answer is not None
    assert answer.status == 200
    answer = wires[0].answer()
    assert answer is None or answer.code == "SRV-041"
    assert wires[0].ends()


def test_who_asks_on_and_reads_nothing_is_left(port: int, wires: list[Wire]) -> None:
    wires.append(Wire(port).send(request("GET", "/large")))

    def is_gone() -> bool:
        with suppress(ConnectionError):
            wires[0].send(request("GET", "/v2/models/means"))
            return False
        return True

    until(is_gone)


def test_answers_that_nobody_reads_are_not_gathered(kind: str) -> None:
    asked = threading.Semaphore(0)

    def answer(_: Call) -> Reply:
        asked.release()
        return Reply(200, bytes(LARGE))

    service = bare_service(HttpLimits(), [Route("GET", "/large", "read", answer)])
    with running(service, kind=kind) as port:
        wire = Wire(port)
        for _ in range(8):
            wire.send(request("GET", "/large"))
            threading.Event().wait(0.02)
        assert asked.acquire(timeout=PATIENCE_S)
        # What had arrived with the first may be answered too.
        assert sum(asked.acquire(blocking=False) for _ in range(7)) <= 1
        for _ in range(8):
            answered = wire.answer()
            assert answered is not None
            assert (answered.status, len(answered.body)) == (200, LARGE)
        wire.close()


def test_requests_that_nobody_waits_for_are_bounded(port: int, wires: list[Wire]) -> None:
    wires.append(Wire(port).send(request("GET", "/v2/models/means") * 3_000))
    answers = []
    while (answer := wires[0].answer()) is not None:
        answers.append(answer)
    assert 1 <= len(answers) <= LIMITS.pipelined + 2
    assert [each.status for each in answers[:-1]] == [200] * (len(answers) - 1)
    assert answers[-1].code == "SRV-004"


def test_a_caller_that_leaves_costs_nothing(port: int, held: Held) -> None:
    held.let_go.clear()
    for _ in range(LIMITS.connections):
        wire = Wire(port).send(request("GET", "/held"))
        assert held.entered.acquire(timeout=PATIENCE_S)
        wire.close()
    held.let_go.set()
    until(lambda: ask(port, request("GET", "/v2/models/means")).status == 200)


def test_a_caller_that_leaves_several_requests_behind_is_no_error(
    port: int, held: Held, caplog: pytest.LogCaptureFixture
) -> None:
    held.let_go.clear()
    wire = Wire(port).send(request("GET", "/held") + request("GET", "/v2/models/means") * 3)
    assert held.entered.acquire(timeout=PATIENCE_S)
    # Closed so, it is reset: the server hears at once that nobody reads any more.
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()
    for _ in range(5):
        assert ask(port, HEALTH).status == 200
    held.let_go.set()
    until(lambda: ask(port, request("GET", "/v2/models/means")).status == 200)
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []
