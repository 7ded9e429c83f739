"""What every HTTP server keeps.  It is spoken to over a socket, as anybody would."""

import json
import queue
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection, HTTPResponse
from types import MappingProxyType
from typing import NamedTuple

import pytest

from mainspring.ports.errors import PortTaken
from mainspring.ports.http import (
    TIMEOUT_HEADER,
    HttpServer,
    HttpService,
    Route,
)
from mainspring.ports.limits import HttpLimits
from mainspring.testing.contracts.http_echo import ECHO_BODY_BYTES, ECHO_PATIENCE_S, EchoService

__all__ = ["HttpServerContract"]

_LIMIT = ECHO_BODY_BYTES
_PATIENCE_S = ECHO_PATIENCE_S
_NONE: Mapping[str, str] = MappingProxyType({})


class _Client:
    """A connection of its own; HTTP as the standard library speaks it."""

    def __init__(self, port: int) -> None:
        self._http = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)

    def call(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] = b"",
        headers: Mapping[str, str] = _NONE,
    ) -> tuple[int, bytes, HTTPResponse]:
        """Status, body and the rest of the answer."""
        self._http.request(method, path, body or None, dict(headers))
        response = self._http.getresponse()
        return response.status, response.read(), response

    def echoed(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = _NONE
    ) -> dict[str, object]:
        """The call that an echo answers with."""
        echo: dict[str, object] = json.loads(self.call(method, path, body, headers)[1])
        return echo

    def call_without_body(self, method: str, path: str, *, length: int) -> tuple[int, bytes]:
        """The answer to a call whose body is announced and never sent."""
        self._http.putrequest(method, path)
        self._http.putheader("Content-Length", str(length))
        self._http.endheaders()
        response = self._http.getresponse()
        return response.status, response.read()

    def close(self) -> None:
        """Give the connection up."""
        self._http.close()


@contextmanager
def _connected(port: int) -> Iterator[_Client]:
    client = _Client(port)
    try:
        yield client
    finally:
        client.close()


class _Running(NamedTuple):
    """A server that answers in a thread until it is asked to stop."""

    port: int
    stop: threading.Event
    thread: threading.Thread

    def wait_until_closed(self) -> None:
        """Until it takes no more connections."""
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                return
            time.sleep(0.02)
        pytest.fail("the server still takes connections")


@contextmanager
def _running(server: HttpServer, service: HttpService) -> Iterator[_Running]:
    ports, stop = queue.SimpleQueue[int](), threading.Event()
    thread = threading.Thread(
        target=server.serve,
        args=(service,),
        kwargs={"port": 0, "on_bound": ports.put, "stop": stop},
        daemon=True,
    )
    thread.start()
    try:
        yield _Running(ports.get(timeout=_PATIENCE_S), stop, thread)
    finally:
        stop.set()
        thread.join(_PATIENCE_S)


def _asked(port: int, path: str, *, timeout_ms: str | None = None) -> tuple[int, object]:
    """The status, and the answer or the code of its refusal."""
    headers = {} if timeout_ms is None else {TIMEOUT_HEADER: timeout_ms}
    with _connected(port) as client:
        status, body, _ = client.call("GET", path, headers=headers)
    answer = json.loads(body)
    return status, answer.get("code") if isinstance(answer, dict) else answer


def _ticked(
    port: int, name: str, value: str, *, timeout_ms: str | None = None
) -> tuple[int, object]:
    """The same of the route that answers in turns."""
    return _asked(port, f"/tick/{name}?x={value}", timeout_ms=timeout_ms)


class HttpServerContract:
    """Override `server`."""

    @pytest.fixture
    def server(self) -> HttpServer:
        """A server that does not serve yet."""
        raise NotImplementedError

    @pytest.fixture
    def echo(self) -> EchoService:
        """What is served."""
        return EchoService()

    @pytest.fixture
    def running(self, server: HttpServer, echo: EchoService) -> Iterator[_Running]:
        """The server, answering in a thread."""
        with _running(server, echo.service) as running:
            yield running
            echo.let_go.set()

    @pytest.fixture
    def client(self, running: _Running) -> Iterator[_Client]:
        """A connection to it."""
        client = _Client(running.port)
        yield client
        client.close()

    def test_a_port_that_is_taken_is_refused(self, server: HttpServer, echo: EchoService) -> None:
        """By a code that names the port; nothing is served."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(PortTaken) as refused:
                server.serve(echo.service, port=port, on_bound=lambda _: pytest.fail("it serves"))
        assert (refused.value.code, refused.value.port) == ("SRV-030", port)

    def test_a_call_holds_what_the_request_said(self, client: _Client) -> None:
        """Method, template, path, query, headers and body."""
        call = client.echoed("POST", "/echo/a%20b?x=1&y=&x=2", b"body", headers={"X-Many": "1"})
        assert (call["method"], call["route"], call["path"], call["query"], call["body"]) == (
            "POST",
            "/echo/{name}",
            {"name": "a b"},
            {"x": "2", "y": ""},
            "body",
        )

    def test_names_of_headers_come_in_lower_case(self, client: _Client) -> None:
        """Whatever case the caller wrote."""
        for name in ("x-trace", "X-Trace", "X-TRACE"):
            headers = client.echoed("GET", "/echo/a", headers={name: "AbC"})["headers"]
            assert isinstance(headers, dict)
            assert headers["x-trace"] == "AbC"

    def test_a_reply_is_sent_as_it_was_given(self, client: _Client) -> None:
        """Status, body, type and headers."""
        status, body, response = client.call("GET", "/plain")
        assert (status, body) == (202, b"as is")
        assert (response.getheader("content-type"), response.getheader("x-a")) == ("text/x-a", "b")

    def test_a_connection_is_kept_for_the_next_call(self, client: _Client) -> None:
        """Replies do not run into each other."""
        names = [client.echoed("GET", f"/echo/{name}")["path"] for name in range(5)]
        assert names == [{"name": str(name)} for name in range(5)]

    def test_head_is_answered_as_get_without_the_body(self, client: _Client) -> None:
        """And the connection goes on."""
        assert client.call("HEAD", "/plain")[:2] == (202, b"")
        assert client.call("GET", "/plain")[:2] == (202, b"as is")

    def test_a_path_that_no_route_has_is_refused_with_its_code(self, client: _Client) -> None:
        """SRV-020, without a route."""
        for path in ("/", "/echo", "/echo/a/b", "/echo//"):
            status, body, _ = client.call("GET", path)
            assert (status, json.loads(body)["code"], json.loads(body)["route"]) == (
                418,
                "SRV-020",
                "",
            )

    def test_a_method_that_no_route_has_is_refused_with_its_code(self, client: _Client) -> None:
        """SRV-021, with the route that nothing was asked of."""
        for method in ("DELETE", "PATCH", "OPTIONS"):
            status, body, _ = client.call(method, "/echo/a")
            assert (status, json.loads(body)["code"]) == (418, "SRV-021")

    def test_an_error_of_ours_becomes_the_reply_that_the_service_gives(
        self, client: _Client
    ) -> None:
        """With the route that it happened at."""
        status, body, _ = client.call("GET", "/busy")
        assert (status, json.loads(body)["code"], json.loads(body)["route"]) == (
            418,
            "ENG-009",
            "/busy",
        )

    def test_a_bug_is_answered_and_says_nothing_of_our_insides(
        self, client: _Client, running: _Running
    ) -> None:
        """And the server goes on."""
        status, body, _ = client.call("GET", "/bug")
        assert status == 500
        assert b"ZeroDivision" not in body
        with _connected(running.port) as another:
            assert another.call("GET", "/plain")[0] == 202

    def test_the_actor_is_whom_the_service_authorised(self, client: _Client) -> None:
        """Nobody on an open route."""
        assert client.echoed("POST", "/guarded", headers={"Authorization": "person:ada"})[
            "actor"
        ] == ("person:ada")
        assert (
            client.echoed("POST", "/echo/a", headers={"Authorization": "person:ada"})["actor"] == ""
        )

    def test_a_body_is_asked_for_only_when_the_caller_may_send_it(self, running: _Running) -> None:
        """The refusal comes before the first byte of the body is sent."""
        with _connected(running.port) as client:
            status, body = client.call_without_body("POST", "/guarded", length=_LIMIT)
        assert (status, json.loads(body)["detail"]) == (
            418,
            "the request cannot be read: nobody may write",
        )

    def test_a_large_body_arrives_whole(self, client: _Client) -> None:
        """Up to the limit, to the byte."""
        assert client.call("POST", "/size", bytes(_LIMIT))[:2] == (200, str(_LIMIT).encode())

    def test_a_body_beyond_the_limit_is_refused(self, running: _Running) -> None:
        """SRV-043, whether its length was declared or not."""
        for body in (bytes(_LIMIT + 1), iter([bytes(2**20)] * (_LIMIT // 2**20 + 1))):
            with _connected(running.port) as client:
                status, answer, _ = client.call("POST", "/size", body)
            assert (status, json.loads(answer)["code"]) == (418, "SRV-043")

    def test_a_handler_that_blocks_holds_up_nobody(
        self, client: _Client, running: _Running, echo: EchoService
    ) -> None:
        """Others are answered meanwhile."""
        with ThreadPoolExecutor(1) as pool, _connected(running.port) as another:
            waiting = pool.submit(another.call, "GET", "/wait")
            assert echo.entered.wait(_PATIENCE_S)
            assert client.call("GET", "/plain")[0] == 202
            echo.let_go.set()
            assert waiting.result(_PATIENCE_S)[:2] == (200, b"true")

    def test_a_call_that_takes_too_long_is_refused(
        self, server: HttpServer, echo: EchoService
    ) -> None:
        """SRV-048, while its handler goes on; a further call of a route that wants to be alone
        waits for its end.
        """
        limits = HttpLimits(work_s=0.05, queue_s=0.2)
        routes = [Route("GET", "/wait", None, echo.wait, blocks=True, alone=True)]
        service = replace(echo.service, routes=routes, limits=limits)
        with _running(server, service) as running, _connected(running.port) as client:
            codes = [json.loads(client.call("GET", "/wait")[1])["code"] for _ in range(2)]
            echo.let_go.set()
        assert codes == ["SRV-048", "SRV-045"]

    def test_a_route_that_wants_to_be_alone_is_called_once_at_a_time(
        self, running: _Running, echo: EchoService
    ) -> None:
        """And many that wait for it hold up no other that blocks."""

        def call(path: str) -> int:
            with _connected(running.port) as client:
                return client.call("GET", path)[0]

        echo.let_go.set()
        with ThreadPoolExecutor(60) as pool:
            statuses = list(pool.map(call, ["/alone"] * 60 + ["/wait"]))
        assert (set(statuses), echo.most_at_once) == ({200}, 1)

    def test_calls_that_wait_for_one_path_may_be_answered_together(
        self, running: _Running, echo: EchoService
    ) -> None:
        """In their order, apart from other paths; each has its own answer, a bug its own too."""

        def call(name: str) -> tuple[int, object]:
            with _connected(running.port) as client:
                status, body, _ = client.call("GET", f"/many/{name}")
            return status, json.loads(body)

        with ThreadPoolExecutor(9) as pool:
            first = pool.submit(call, "a")
            assert echo.entered.wait(_PATIENCE_S)
            others = [pool.submit(call, "a") for _ in range(4)]
            refused = [pool.submit(call, name) for name in ("busy", "bug")]
            echo.let_go.set()
            assert [each.result(_PATIENCE_S) for each in (first, *others)] == [(200, "a")] * 5
            statuses = [each.result(_PATIENCE_S)[0] for each in refused]
        assert statuses == [418, 500]
        assert sorted(len(turn) for turn in echo.turns if turn[0] == "a")[0] == 1
        assert all(len(set(turn)) == 1 for turn in echo.turns)

    def test_calls_of_one_turn_are_answered_by_one_call(
        self, running: _Running, echo: EchoService
    ) -> None:
        """Whatever connections they come on: here all wait for the one that holds the turn."""
        names = [str(number) for number in range(8)]
        with ThreadPoolExecutor(9) as pool:
            first = pool.submit(_ticked, running.port, "held", "first")
            assert echo.entered.wait(_PATIENCE_S)
            others = [pool.submit(_ticked, running.port, "held", name) for name in names]
            time.sleep(0.3)
            assert (echo.recorded, [each.done() for each in others]) == ([], [False] * 8)
            echo.let_go.set()
            assert first.result(_PATIENCE_S) == (200, "first")
            assert [each.result(_PATIENCE_S) for each in others] == [(200, n) for n in names]
        assert [len(turn) for turn in echo.ticks] == [1, 8]
        assert sorted(echo.recorded) == sorted([*names, "first"])

    def test_each_call_of_a_turn_has_an_answer_of_its_own(
        self, running: _Running, echo: EchoService
    ) -> None:
        """What is refused, what ends with a bug, and what could not be put on record."""
        assert _ticked(running.port, "free", "a") == (200, "a")
        assert _ticked(running.port, "free", "no")[0] == 418
        assert _ticked(running.port, "free", "bug")[0] == 500
        assert _ticked(running.port, "full", "a") == (418, "ENG-009")
        assert _ticked(running.port, "full", "no") == (418, "SRV-004")
        assert echo.recorded == []

    def test_a_call_whose_time_has_passed_is_not_begun(
        self, running: _Running, echo: EchoService
    ) -> None:
        """SRV-052, after the turn that it waited for; a time that is none is refused."""
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(_ticked, running.port, "held", "first")
            assert echo.entered.wait(_PATIENCE_S)
            late = pool.submit(_ticked, running.port, "held", "late", timeout_ms="1")
            time.sleep(0.2)
            echo.let_go.set()
            assert first.result(_PATIENCE_S)[0] == 200
            assert late.result(_PATIENCE_S) == (418, "SRV-052")
        assert echo.recorded == ["first"]
        assert _ticked(running.port, "free", "a", timeout_ms="soon") == (418, "SRV-004")

    def test_a_call_whose_caller_has_left_is_not_begun(
        self, running: _Running, echo: EchoService
    ) -> None:
        """Nobody would read the answer."""
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(_ticked, running.port, "held", "first")
            assert echo.entered.wait(_PATIENCE_S)
            with socket.create_connection(("127.0.0.1", running.port)) as leaving:
                leaving.sendall(b"GET /tick/held?x=gone HTTP/1.1\r\nHost: localhost\r\n\r\n")
                time.sleep(0.2)
            time.sleep(0.2)
            echo.let_go.set()
            assert first.result(_PATIENCE_S)[0] == 200
        assert _ticked(running.port, "held", "last") == (200, "last")
        assert echo.recorded == ["first", "last"]

    def test_calls_wait_for_others_until_there_are_rows_enough(
        self, running: _Running, echo: EchoService
    ) -> None:
        """By a rule of their route; each path has a turn of its own, and its calls their order."""
        with ThreadPoolExecutor(3) as pool:
            calls = []
            for number, rows in enumerate((1, 2, 1)):
                path = f"/gather/far?x={number}&rows={rows}"
                calls.append(pool.submit(_asked, running.port, path))
                time.sleep(0.1)
            answers = [each.result(_PATIENCE_S) for each in calls]
        assert answers == [(200, "0"), (200, "1"), (200, "2")]
        assert echo.gathered == [["0", "1", "2"]]

    def test_what_is_answered_in_the_event_loop_does_not_wait_for_others(
        self, running: _Running, echo: EchoService
    ) -> None:
        """Whatever the rule says."""
        with ThreadPoolExecutor(1) as pool:
            far = pool.submit(_asked, running.port, "/gather/far?x=far")
            assert _asked(running.port, "/gather/near?x=near") == (200, "near")
            assert not far.done()
            assert _asked(running.port, "/gather/far?x=last&rows=4")[0] == 200
            assert far.result(_PATIENCE_S) == (200, "far")
        assert echo.gathered[0] == ["near"]

    def test_no_call_waits_for_others_until_its_own_time_has_passed(
        self, running: _Running, echo: EchoService
    ) -> None:
        """Nor does one that came before it have to be alone: both are in the turn."""
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(_asked, running.port, "/gather/far?x=first")
            time.sleep(0.1)
            path = "/gather/far?x=hasty"
            assert _asked(running.port, path, timeout_ms="2000") == (200, "hasty")
            assert first.result(_PATIENCE_S) == (200, "first")
        assert echo.gathered == [["first", "hasty"]]

    def test_what_nobody_waits_for_any_more_is_left_out_of_what_was_gathered(
        self, running: _Running, echo: EchoService
    ) -> None:
        """Of one that has left, and of one whose time passed during the turn before."""
        with ThreadPoolExecutor(3) as pool:
            first = pool.submit(_asked, running.port, "/gather/held?x=first&rows=4")
            assert echo.entered.wait(_PATIENCE_S)
            late = pool.submit(_asked, running.port, "/gather/held?x=late", timeout_ms="1")
            with socket.create_connection(("127.0.0.1", running.port)) as leaving:
                head = b"GET /gather/held?x=gone&rows=3 HTTP/1.1\r\nHost: localhost\r\n\r\n"
                leaving.sendall(head)
                time.sleep(0.2)
            last = pool.submit(_asked, running.port, "/gather/held?x=last&rows=3")
            time.sleep(0.2)
            echo.let_go.set()
            assert late.result(_PATIENCE_S) == (418, "SRV-052")
            assert [each.result(_PATIENCE_S)[0] for each in (first, last)] == [200, 200]
        assert echo.gathered == [["first"], ["last"]]

    @pytest.mark.parametrize("path", ["/echo/a", "/tick/free?x=a", "/many/free?x=a", "/wait"])
    def test_a_call_is_let_in_until_its_work_has_ended(
        self, echo: EchoService, client: _Client, path: str
    ) -> None:
        """Whatever it ends with and wherever it is answered; who is not let in is refused."""
        echo.let_go.set()
        assert client.call("GET", path, headers={"X-No-Room": "1"})[0] == 418
        assert client.call("GET", path)[0] == 200
        assert client.call("GET", "/bug")[0] == 500
        assert echo.admitted == 2
        assert echo.under_way == []

    def test_calls_in_flight_are_answered_before_the_server_ends(
        self, server: HttpServer, echo: EchoService
    ) -> None:
        """New ones are not taken any more, and the service knows of it."""
        with _running(server, echo.service) as running, _connected(running.port) as client:
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(client.call, "GET", "/wait")
                assert echo.entered.wait(_PATIENCE_S)
                running.stop.set()
                running.wait_until_closed()
                assert running.thread.is_alive()
                assert echo.service.draining.is_set()
                echo.let_go.set()
                assert waiting.result(_PATIENCE_S)[:2] == (200, b"true")
            running.thread.join(_PATIENCE_S)
            assert not running.thread.is_alive()
