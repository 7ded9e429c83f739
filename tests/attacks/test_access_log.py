"""Every call has its line in the access log, whatever becomes of it, and so has what is refused
before it is a call; both servers note the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from mainspring.ports.access_log import AccessRecord
from mainspring.ports.limits import HttpLimits
from mainspring.testing.contracts.http_echo import EchoService
from tests.attacks.wire import SERVERS, Answer, Wire, ask, bare_service, request, running, until

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HOST = "Host: localhost"


class Noted:
    """A server and what it noted."""

    def __init__(self, port: int, records: list[AccessRecord], echo: EchoService) -> None:
        self.port, self.records, self.echo = port, records, echo

    def of(self, answer: Answer) -> AccessRecord:
        """The record of an answer."""
        return self.named(answer.headers["x-request-id"])

    def named(self, request_id: str) -> AccessRecord:
        """The one record of a request."""
        until(lambda: any(each.request_id == request_id for each in self.records))
        [record] = [each for each in self.records if each.request_id == request_id]
        return record

    def ask(self, method: str, path: str, *headers: str, body: bytes | None = None) -> Answer:
        """An answer."""
        return ask(self.port, request(method, path, body, headers=[HOST, *headers]))


@contextmanager
def noting(kind: str, limits: HttpLimits | None = None) -> Iterator[Noted]:
    """An echo, and what is noted of it."""
    echo, records = EchoService(), list[AccessRecord]()
    service = replace(echo.service, access=records.append, limits=limits or HttpLimits())
    with running(service, kind=kind) as port:
        yield Noted(port, records, echo)
        echo.let_go.set()


@pytest.fixture(params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def noted(kind: str) -> Iterator[Noted]:
    with noting(kind) as noted:
        yield noted


def test_a_call_is_noted_by_its_path_without_the_query_its_caller_and_its_outcome(noted: Noted):
    answer = noted.ask("POST", "/guarded?secret=1", f"traceparent: {TRACE}", body=b"abc")
    record = noted.of(answer)
    assert record.duration_s is not None
    assert record.duration_s >= 0
    assert record._replace(began_s=0, duration_s=0, request_id="") == AccessRecord(
        0, 0, "POST", "/guarded", "/guarded", 200, len(answer.body), "Bearer secret", "", TRACE,
        "", "",
    )  # fmt: skip


@pytest.mark.parametrize("path", ["/tick/free?x=a", "/tick/log?x=a", "/wait", "/many/a", "/size"])
def test_every_way_of_answering_is_noted_once(noted: Noted, path: str):
    noted.echo.let_go.set()
    answer = noted.ask("POST" if path == "/size" else "GET", path, body=b"abc")
    record = noted.of(answer)
    assert (record.status, record.size_bytes) == (200, len(answer.body))
    assert len(noted.records) == 1


def test_the_id_of_a_caller_goes_through(noted: Noted):
    assert noted.ask("GET", "/echo/a", "X-Request-Id: a/7").headers["x-request-id"] == "a/7"
    assert noted.named("a/7").path == "/echo/a"


@pytest.mark.parametrize("given", ["a b", "a" * 129, "\u00e9", ""], ids=repr)
def test_an_id_that_is_none_is_replaced(noted: Noted, given: str):
    answer = noted.ask("GET", "/echo/a", f"X-Request-Id: {given}")
    assert answer.headers["x-request-id"] not in (given, "")
    assert noted.of(answer).status == 200


def test_each_call_has_an_id_of_its_own(noted: Noted):
    ids = {noted.ask("GET", "/echo/a").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == len(noted.records) == 5


def test_a_trace_that_is_none_is_not_noted(noted: Noted):
    answer = noted.ask("GET", "/echo/a", "traceparent: 00-zz-1-01")
    assert noted.of(answer).traceparent == ""


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [("GET", "/none?a=b", ""), ("PATCH", "/echo/a", ""), ("GET", "/busy", "/busy")],
)
def test_a_refusal_is_noted_with_its_status(noted: Noted, method: str, path: str, route: str):
    record = noted.of(noted.ask(method, path))
    assert (record.method, record.route, record.status) == (method, route, 418)
    assert record.path == path.partition("?")[0]


def test_a_head_is_noted_without_a_body(noted: Noted):
    wire = Wire(noted.port).send(request("HEAD", "/plain", headers=[HOST, "X-Request-Id: h"]))
    until(lambda: bool(noted.records))
    wire.close()
    assert (noted.named("h").status, noted.named("h").size_bytes) == (202, 0)


@pytest.mark.parametrize("path", ["/wait", "/many/a"])
def test_a_caller_that_left_is_noted_once(noted: Noted, path: str):
    wire = Wire(noted.port)
    wire.send(request("GET", path, headers=[HOST, "X-Request-Id: gone"]))
    assert noted.echo.entered.wait(30)
    wire.close()
    noted.echo.let_go.set()
    record = noted.named("gone")
    assert (record.status, record.size_bytes) == (499, 0)


def test_a_caller_that_left_in_the_middle_of_a_body_is_noted(noted: Noted):
    wire = Wire(noted.port)
    head = request("POST", "/size", headers=[HOST, "X-Request-Id: half", "Content-Length: 9"])
    wire.send(head + b"abc").close()
    assert noted.named("half").status == 499


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        (b"\x16\x03\x01\x00\r\n\r\n", ""),
        (b"GET /echo/a?b=c HTTP/1.1\r\nHost: localhost\r\nHost: b\r\n\r\n", "/echo/a"),
        (b"GET /echo/%0aa HTTP/1.1\r\nHost: evil.example\r\n\r\n", "/echo/\na"),
    ],
    ids=["no HTTP", "two hosts", "another host"],
)
def test_what_never_became_a_request_is_noted(noted: Noted, sent: bytes, path: str):
    record = noted.of(ask(noted.port, sent))
    assert (record.route, record.path, record.status) == ("", path, 418)
    assert record.duration_s is None


def test_a_body_that_breaks_off_is_noted_once_as_what_is_wrong_with_it(noted: Noted):
    sent = request("POST", "/size", headers=[HOST, "Transfer-Encoding: chunked"]) + b"zz\r\n"
    record = noted.of(ask(noted.port, sent))
    assert (record.method, record.path, record.status) == ("POST", "/size", 418)
    assert len(noted.records) == 1


def test_a_connection_without_a_place_is_noted(kind: str):
    limits = HttpLimits(connections=1, connections_per_address=1, reserved=0)
    with noting(kind, limits) as noted:
        first = Wire(noted.port).send(request("GET", "/wait"))
        assert noted.echo.entered.wait(30)
        second = Wire(noted.port)
        answer = second.answer()
        assert answer is not None
        record = noted.of(answer)
        assert (record.method, record.path, record.status) == ("", "", 418)
        noted.echo.let_go.set()
        first.close()
        second.close()


def test_requests_behind_each_other_are_noted_in_their_order(noted: Noted):
    wire = Wire(noted.port)
    sent = [
        request("GET", f"/echo/{name}", headers=[HOST, f"X-Request-Id: {name}"]) for name in "abc"
    ]
    wire.send(b"".join(sent))
    answers = [wire.answer() for _ in sent]
    wire.close()
    assert [each.headers["x-request-id"] for each in answers if each] == ["a", "b", "c"]
    until(lambda: len(noted.records) == 3)
    assert [each.request_id for each in noted.records] == ["a", "b", "c"]


def test_the_code_of_an_error_is_noted_and_not_sent(kind: str):
    records = list[AccessRecord]()
    service = bare_service(HttpLimits())
    with running(replace(service, access=records.append), kind=kind) as port:
        answer = ask(port, request("GET", "/v2/models/none"))
        until(lambda: bool(records))
    assert (answer.status, records[0].code) == (404, "SRV-091")
    assert records[0].actor == "service:bearer"


def test_without_a_log_no_id_is_made(kind: str):
    with running(EchoService().service, kind=kind) as port:
        assert "x-request-id" not in ask(port, request("GET", "/plain")).headers
