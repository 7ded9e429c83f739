"""Every call that is traced has one span, whatever becomes of it; both servers note the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from mainspring.ports.traces import Sampling, SpanRecord, Tracer
from mainspring.testing.contracts.http_echo import EchoService
from tests.attacks.wire import SERVERS, Wire, ask, request, running, until

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HOST = "Host: localhost:81"


class Traced:
    """A server, and the spans of its calls."""

    def __init__(self, port: int, records: list[SpanRecord], echo: EchoService) -> None:
        self.port, self.records, self.echo = port, records, echo

    def span(self) -> SpanRecord:
        """The one span."""
        until(lambda: bool(self.records))
        [record] = self.records
        return record

    def ask(self, method: str, path: str, *headers: str, body: bytes | None = None) -> int:
        """The status of an answer."""
        return ask(self.port, request(method, path, body, headers=[HOST, *headers])).status


@contextmanager
def tracing(kind: str, sampling: Sampling | None = None) -> Iterator[Traced]:
    echo, records = EchoService(), list[SpanRecord]()
    tracer = Tracer(records.append, sampling or Sampling())
    with running(replace(echo.service, tracer=tracer), kind=kind) as port:
        yield Traced(port, records, echo)
        echo.let_go.set()


@pytest.fixture(params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def traced(kind: str) -> Iterator[Traced]:
    with tracing(kind) as traced:
        yield traced


def test_a_call_is_said_in_the_words_of_the_conventions(traced: Traced):
    traced.ask("POST", "/echo/a%20b?secret=1", f"traceparent: {TRACE}", "User-Agent: me/1")
    span = traced.span()
    size = span.attributes["http.response.body.size"]
    assert (span.name, span.kind, span.error) == ("POST /echo/{name}", "server", None)
    assert dict(span.attributes) == {
        "http.request.method": "POST",
        "http.route": "/echo/{name}",
        "http.response.status_code": 200,
        "http.response.body.size": size,
        "server.address": "localhost",
        "server.port": 81,
        "url.path": "/echo/a b",
        "url.scheme": "http",
        "user_agent.original": "me/1",
    }
    assert f"{span.context.trace_id:032x}-{span.parent_id:016x}" in TRACE


@pytest.mark.parametrize("path", ["/tick/free?x=a", "/tick/log?x=a", "/wait", "/many/a", "/size"])
def test_every_way_of_answering_has_one_span(traced: Traced, path: str):
    traced.echo.let_go.set()
    status = traced.ask("POST" if path == "/size" else "GET", path, body=b"abc")
    assert (traced.span().attributes["http.response.status_code"], status) == (200, 200)


@pytest.mark.parametrize(
    ("method", "path", "name", "status", "error"),
    [
        ("GET", "/none", "GET", 418, None),
        ("PATCH", "/echo/a", "PATCH", 418, None),
        ("PROPFIND", "/echo/a", "HTTP", 418, None),
        ("GET", "/bug", "GET /bug", 500, "500"),
    ],
)
def test_a_refusal_is_no_fault_and_a_bug_is_one(
    traced: Traced, method: str, path: str, name: str, status: int, error: str | None
):
    assert traced.ask(method, path) == status
    span = traced.span()
    assert (span.name, span.error) == (name, error)
    assert span.attributes["http.response.status_code"] == status


@pytest.mark.parametrize("path", ["/wait", "/many/a"])
def test_a_caller_that_left_has_a_span_without_a_status(traced: Traced, path: str):
    wire = Wire(traced.port)
    wire.send(request("GET", path, headers=[HOST]))
    assert traced.echo.entered.wait(30)
    wire.close()
    traced.echo.let_go.set()
    span = traced.span()
    assert span.attributes["mainspring.caller_left"] is True
    assert "http.response.status_code" not in span.attributes
    assert span.error is None


def test_what_is_not_sampled_has_none_and_is_answered_alike(kind: str):
    with tracing(kind, Sampling(share=0.0)) as traced:
        assert traced.ask("GET", "/echo/a") == 200
        assert traced.ask("GET", "/echo/a", f"traceparent: {TRACE}") == 200
        assert f"{traced.span().context.trace_id:032x}" in TRACE


def test_a_span_and_a_line_of_the_access_log_tell_of_one_call(kind: str):
    echo, records, lines = EchoService(), list[SpanRecord](), []
    service = replace(echo.service, tracer=Tracer(records.append), access=lines.append)
    with running(service, kind=kind) as port:
        answer = ask(port, request("GET", "/echo/a", headers=[HOST, f"traceparent: {TRACE}"]))
        until(lambda: len(records) == len(lines) == 1)
    assert lines[0].traceparent == TRACE
    assert lines[0].request_id == answer.headers["x-request-id"]
    assert f"{records[0].context.trace_id:032x}" in TRACE


def test_without_an_access_log_a_traced_call_has_no_id(traced: Traced):
    answer = ask(traced.port, request("GET", "/echo/a", headers=[HOST]))
    assert "x-request-id" not in answer.headers
    assert traced.span().name == "GET /echo/{name}"
