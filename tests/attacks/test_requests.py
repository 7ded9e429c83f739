"""Requests of every shape: each is answered, by a problem document where it is none of ours."""

import contextlib
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mainspring.ports.http import Call, HttpService, Reply, Route
from mainspring.ports.limits import MAX_SHOWN, HttpLimits
from tests.attacks.wire import (
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

HOST = b"Host: localhost\r\n"
LIMITS = HttpLimits()
INFER = "/v2/models/means/infer"
SENT = "A" * 3_000


class Bug:
    """A route with a bug, and what became of it."""

    def __init__(self) -> None:
        self.calls = 0

    def fail(self, _: Call) -> Reply:
        """Fail in a way that is none of ours."""
        self.calls += 1
        raise ZeroDivisionError("a secret of ours")


@pytest.fixture(scope="module")
def service() -> HttpService:
    return bare_service(LIMITS, [Route("GET", "/bug", "read", Bug().fail)])


@pytest.fixture(scope="module")
def port(kind: str, service: HttpService) -> Iterator[int]:
    with running(service, kind=kind) as port:
        yield port


@pytest.fixture(scope="module")
def shop() -> Iterator[Server]:
    with serving(shop_project()) as server:
        yield server


def ask_shop(server: Server, method: str, path: str, body: bytes | None = None) -> Answer:
    token = (shop_project() / ".mainspring" / "token").read_text().strip()
    return ask(int(server.url.rpartition(":")[2]), request(method, path, body, token=token))


BROKEN = {
    "no request line": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    "no version": b"GET /healthz\r\n\r\n",
    "another version": b"GET /healthz HTTP/3.0\r\n" + HOST + b"\r\n",
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no path": b"GET HTTP/1.1\r\n" + HOST + b"\r\n",
    "path beyond ASCII": b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
    "fragment as target": b"GET #a HTTP/1.1\r\n" + HOST + b"\r\n",
    "connect": b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "header without colon": b"GET / HTTP/1.1\r\n" + HOST + b"nonsense\r\n\r\n",
    "space before colon": b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "folded header": b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n",
    "null in a header": b"GET / HTTP/1.1\r\n" + HOST + b"A: \x00\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunks": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "length below nothing": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    "length that is none": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: one\r\n\r\n",
    "length beyond numbers": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 9"
    + b"9" * 40
    + b"\r\n\r\n",
    "unknown encoding": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n",
    "encoding twice": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
}


@pytest.mark.parametrize("payload", BROKEN.values(), ids=BROKEN)
def test_what_is_no_request_is_a_problem_and_ends_the_connection(payload: bytes, port: int) -> None:
    wire = Wire(port).send(payload)
    answer = wire.answer()
    assert answer is not None
    assert answer.status in (400, 405)
    assert answer.code in ("SRV-004", "SRV-021")
    assert answer.headers["connection"] == "close"
    assert wire.ends()
    wire.close()


@pytest.mark.parametrize(
    "broken",
    [b"zz\r\n", b"-1\r\n", b"3\r\nabcdefg", b"1\r\nabc", b"f" * 17 + b"\r\n"],
    ids=repr,
)
def test_a_body_in_broken_pieces_is_a_problem(broken: bytes, port: int) -> None:
    head = request("POST", INFER, headers=["Host: localhost", "Transfer-Encoding: chunked"])
    for wire in (Wire(port).send(head + broken), Wire(port).send(head).send(broken + b"\r\n\r\n")):
        answer = wire.answer()
        assert answer is not None
        assert (answer.status, answer.code) == (400, "SRV-004")
        assert wire.ends()
        wire.close()


@pytest.mark.parametrize(
    ("payload", "status", "code"),
    [
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * (LIMITS.headers + 1), 431, "SRV-040"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"b" * 2 * LIMITS.head_bytes, 431, "SRV-040"),
        (b"GET /" + b"a" * 2 * LIMITS.head_bytes, 431, "SRV-040"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A" * 2 * LIMITS.head_bytes, 431, "SRV-040"),
        (
            b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % (LIMITS.body_bytes + 1),
            413,
            "SRV-043",
        ),
    ],
    ids=["headers", "value", "target", "name", "body"],
)
def test_more_than_a_request_may_have_is_refused_before_it_has_arrived(
    payload: bytes, status: int, code: str, port: int
) -> None:
    end = b"" if payload.endswith((b"b", b"A", b"a")) else b"\r\n"
    answer = ask(port, payload + end)
    assert (answer.status, answer.code) == (status, code)


def test_a_body_in_a_million_pieces_is_refused(port: int) -> None:
    head = request("POST", INFER, headers=["Host: localhost", "Transfer-Encoding: chunked"])
    wire = Wire(port).send(head)
    with contextlib.suppress(ConnectionError):
        wire.send(b"1\r\n \r\n" * 1_000_000)
    answer = wire.answer()
    assert answer is not None
    assert answer.code == "SRV-004"
    wire.close()


def test_trailers_are_no_headers(port: int) -> None:
    head = request("POST", INFER, headers=["Host: localhost", "Transfer-Encoding: chunked"])
    head = head.replace(b"Authorization: Bearer secret\r\n", b"")
    trailers = f"0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    assert ask(port, head + trailers).status == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1@evil", "", "a b", "[::2]:80"]
)
def test_another_host_is_refused(host: str, port: int) -> None:
    answer = ask(port, request("GET", "/v2/models/means", headers=[f"Host: {host}"]))
    assert (answer.status, answer.code) == (421, "SRV-046")
    target = request("GET", f"http://{host}/healthz")
    if host and " " not in host:
        assert ask(port, target).status in (400, 421)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:1", "[::1]:8000"])
def test_this_machine_is_no_other_host(host: str, port: int) -> None:
    assert ask(port, request("GET", "/healthz", headers=[f"Host: {host}"])).status == 200


def test_a_host_that_is_allowed_is_answered(kind: str, service: HttpService) -> None:
    known = bare_service(LIMITS).hosts | {"models.example"}
    with running(replace(service, hosts=known), kind=kind) as port:
        sent = request("GET", "/healthz", headers=["Host: models.example:443"])
        assert ask(port, sent).status == 200


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "PROPFIND", "QUERY", "M-SEARCH", "BREW"])
@pytest.mark.parametrize("path", ["/healthz", INFER])
def test_a_method_that_no_route_has_is_a_problem(method: str, path: str, port: int) -> None:
    answer = ask(port, request(method, path))
    assert (answer.status, answer.code) == (405, "SRV-021")
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    "path",
    [
        "*",
        "//",
        "/healthz/",
        "//healthz",
        "/../healthz",
        "/healthz%00",
        "/%2e%2e/",
        "/v2/models//infer",
        "/%ff",
    ],
)
def test_a_path_that_no_route_has_is_a_problem(path: str, port: int) -> None:
    answer = ask(port, request("GET", path))
    assert (answer.status, answer.code) == (404, "SRV-020")


def test_a_bug_is_answered_logged_once_and_counted_under_one_id(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = ask(port, request("GET", "/bug"))
    assert (answer.status, answer.code) == (500, "SRV-047")
    assert b"secret of ours" not in answer.body
    [record] = [each for each in caplog.records if each.exc_info]
    assert str(answer.problem["id"]) in record.getMessage()


WISHES = (
    ("Connection: Upgrade", "Upgrade: websocket"),
    ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ"),
)


@pytest.mark.parametrize("wish", WISHES, ids=["websocket", "h2c"])
@pytest.mark.parametrize("at_once", [1_000_000, 50, 1])
def test_a_body_behind_a_wish_for_another_protocol_is_that_of_its_request(
    kind: str, wish: tuple[str, ...], at_once: int
) -> None:
    within = request("GET", "/within")
    routes = [
        Route("POST", "/bytes", "read", lambda call: Reply(200, call.body)),
        Route("GET", "/within", "read", lambda _: Reply(200, b"smuggled")),
    ]
    headers = ["Host: localhost", *wish]
    whole = request("POST", "/bytes", within, headers=headers)
    chunked = request("POST", "/bytes", headers=[*headers, "Transfer-Encoding: chunked"])
    chunked += b"%x\r\n%b\r\n3\r\nend\r\n0\r\n\r\n" % (len(within), within)
    empty = request("POST", "/bytes", b"", headers=headers)
    asked = whole + chunked + empty + request("GET", "/healthz", headers=headers) + whole
    with running(bare_service(LIMITS, routes), kind=kind) as port:
        wire = Wire(port)
        for begin in range(0, len(asked), at_once):
            wire.send(asked[begin : begin + at_once])
        bodies = [answer.body for _ in range(5) if (answer := wire.answer())]
        wire.close()
    assert bodies == [within, within + b"end", b"", b'{"live":true}', within]


def test_what_is_broken_is_no_line_of_a_log(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for payload in BROKEN.values():
            ask(port, payload)
        upgrade = ["Host: localhost", "Connection: Upgrade", "Upgrade: websocket"]
        assert ask(port, request("GET", "/healthz", headers=upgrade)).status == 200
    assert caplog.records == []


ROW = {"shop": "a"}
TENSOR = {"name": "features", "shape": [1, 1], "datatype": "FP64", "data": [1.0]}
PREDICT, EVENTS = "/v1/endpoints/late/predict", "/v1/sources/sales/events"
SHOP_INFER = "/v2/models/late/infer"
REPEATING = [
    ("GET", f"/{SENT}", None),
    ("GET", f"/v1/predictions/{SENT}/replay", None),
    ("GET", f"/v2/models/{SENT}", None),
    ("POST", f"/v1/endpoints/{SENT}/predict", {"rows": [ROW]}),
    ("POST", f"/v1/sources/{SENT}/events", {"rows": [ROW]}),
    ("POST", PREDICT, {SENT: 1}),
    ("POST", PREDICT, {"rows": [{"shop": [SENT]}]}),
    ("POST", PREDICT, {"rows": [{"shop": {SENT: SENT}}]}),
    ("POST", PREDICT, {"rows": [{SENT: 1}]}),
    ("POST", EVENTS, {"rows": [{SENT: [1]}], "op": SENT}),
    ("POST", EVENTS, {"rows": [{"sale": SENT, "shop": SENT, "at": SENT, "amount": SENT}]}),
    ("POST", EVENTS, {"rows": [{SENT: {SENT: 1}}]}),
    ("POST", EVENTS, {"rows": [{SENT: 1}]}),
    ("POST", SHOP_INFER, {"inputs": [TENSOR | {"name": SENT}]}),
    ("POST", SHOP_INFER, {"inputs": [TENSOR | {"datatype": SENT}]}),
    ("POST", SHOP_INFER, {"inputs": [TENSOR | {"data": [SENT]}]}),
    ("POST", SHOP_INFER, {"inputs": [TENSOR | {"data": [10**300]}]}),
    ("POST", SHOP_INFER, {"inputs": [TENSOR | {"shape": [1] * 3_000}]}),
    ("POST", SHOP_INFER, {"inputs": [TENSOR], "outputs": [{"name": SENT}]}),
    ("POST", SHOP_INFER, {"inputs": [TENSOR] * 300}),
]


@pytest.mark.parametrize(
    ("method", "path", "body"), REPEATING, ids=lambda value: str(value)[:40].replace("A", "")
)
def test_an_answer_repeats_little_of_what_was_sent(
    method: str, path: str, body: object, shop: Server
) -> None:
    payload = None if body is None else json.dumps(body).encode()
    answer = ask_shop(shop, method, path, payload)
    assert answer.status < 500
    assert "A" * (MAX_SHOWN + 1) not in answer.body.decode()
    assert len(answer.body) < 2_500


def test_what_callers_send_is_never_counted_as_an_error_of_the_server(shop: Server) -> None:
    port = int(shop.url.rpartition(":")[2])
    token = (shop_project() / ".mainspring" / "token").read_text().strip()
    for body in (b'{"rows": [{"shop": "a"}]}', b"x" * 100_000):
        wire = Wire(port).send(request("POST", PREDICT, body, token=token)[:-2])
        wire.close()
    until(lambda: ask_shop(shop, "GET", "/healthz").status == 200)
    told = ask_shop(shop, "GET", "/metrics").body.decode()
    assert not re.search(r"mainspring_unhandled_errors_total{", told)
    assert 'status="500"' not in told
