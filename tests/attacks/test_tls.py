"""TLS in front of both servers: who gets in, what a caller who does not is told, and that nobody
holds a place by a handshake.
"""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from mainspring.engines.http.certificates import ServerCertificates
from mainspring.engines.http.errors import TlsFileUnusable
from mainspring.engines.http.native.server import NativeServer
from mainspring.engines.http.server import UvicornServer
from mainspring.ports.access_log import AccessRecord, NoteAccess
from mainspring.ports.http import HttpServer, Reply, Route
from mainspring.ports.limits import HttpLimits
from mainspring.ports.tls import ServerTlsFiles
from tests.attacks.wire import (
    PATIENCE_S,
    SERVERS,
    Answer,
    Wire,
    bare_service,
    request,
    running,
    until,
)
from tests.authorities import Authority

LIVE = request("GET", "/healthz")
LIMITS = HttpLimits(head_s=0.5, linger_s=2.0)
Serving = Callable[..., Iterator[int]]
MAKE: dict[str, type[NativeServer] | type[UvicornServer]] = {
    "native": NativeServer,
    "uvicorn": UvicornServer,
}


class SafeWire(Wire):
    """A connection of TLS."""

    def __init__(self, port: int, context: ssl.SSLContext, name: str = "localhost") -> None:
        plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.socket = context.wrap_socket(plain, server_hostname=name)
        self._file = self.socket.makefile("rb")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def certificates(authority: Authority) -> ServerCertificates:
    return ServerCertificates(ServerTlsFiles(*authority.issue()))


@pytest.fixture(params=SERVERS)
def serving(request: pytest.FixtureRequest) -> Serving:
    """Serves by TLS."""

    @contextmanager
    def serving(
        tls: ServerCertificates,
        limits: HttpLimits = LIMITS,
        *,
        routes: tuple[Route, ...] = (),
        stop: threading.Event | None = None,
        access: NoteAccess | None = None,
    ) -> Iterator[int]:
        def made() -> HttpServer:
            return MAKE[request.param](tls=tls)

        service = replace(bare_service(limits, routes), access=access)
        with running(service, stop, make=made) as port:
            yield port

    return serving


def test_httpx_and_curl_are_answered_by_http_1_and_tls_1_3(serving, certificates, authority):
    with serving(certificates) as port:
        found = httpx.get(f"https://localhost:{port}/healthz", verify=authority.context())
        asked = ["curl", "-sv", "--cacert", str(authority.certificate)]
        told = subprocess.run(
            [*asked, f"https://127.0.0.1:{port}/healthz"], capture_output=True, text=True
        )
    assert (found.status_code, found.http_version) == (200, "HTTP/1.1")
    assert told.stdout == found.text
    assert "TLSv1.3" in told.stderr
    assert "server accepted http/1.1" in told.stderr


def test_what_is_older_than_tls_1_2_is_refused(serving, certificates, authority):
    context = authority.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(certificates) as port, pytest.raises(ssl.SSLError, match="protocol version"):
        SafeWire(port, context)


def test_tls_1_2_is_spoken_too_and_not_negotiated_anew(serving, certificates, authority):
    context = authority.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with serving(certificates) as port:
        wire = SafeWire(port, context)
        for _ in range(3):
            assert wire.send(LIVE).answer().status == 200
        assert wire.socket.version() == "TLSv1.2"
        wire.close()


def test_a_large_body_goes_in_and_a_large_answer_comes_out(serving, certificates, authority):
    routes = (Route("POST", "/echo", None, lambda call: Reply(200, call.body, "x/y"), "nothing"),)
    body = bytes(range(256)) * 20_000
    with serving(certificates, HttpLimits(), routes=routes) as port:
        url = f"https://localhost:{port}/echo"
        assert httpx.post(url, content=body, verify=authority.context()).content == body


def test_plain_http_is_told_that_tls_is_spoken(serving, certificates):
    with serving(certificates) as port:
        wire = Wire(port).send(LIVE)
        assert wire.answer().code == "SRV-056"
        assert wire.ends()
        wire.close()


def test_plain_http_to_a_port_of_tls_has_a_line_in_the_access_log(serving, certificates):
    noted = list[AccessRecord]()
    with serving(certificates, access=noted.append) as port:
        wire = Wire(port).send(LIVE)
        name = wire.answer().headers["x-request-id"]
        wire.close()
    assert [(each.request_id, each.code) for each in noted] == [(name, "SRV-056")]


def test_a_handshake_that_is_not_finished_ends(serving, certificates):
    with serving(certificates) as port:
        silent, begun = Wire(port), Wire(port).send(b"\x16\x03\x01\x02\x00\x01")
        assert silent.ends()
        assert begun.ends()
        silent.close()
        begun.close()


def test_a_handshake_gives_way_to_who_comes_later(serving, certificates, authority):
    limits = HttpLimits(connections=3, connections_per_address=3, reserved=0)
    with serving(certificates, limits) as port:
        begun = [Wire(port).send(b"\x16\x03\x01\x02\x00\x01") for _ in range(6)]
        wire = SafeWire(port, authority.context())
        assert wire.send(LIVE).answer().status == 200
        assert begun[0].ends()
        for each in (*begun, wire):
            each.close()


def test_bytes_that_are_no_handshake_are_refused_and_logged(serving, certificates, caplog):
    with serving(certificates) as port:
        wire = Wire(port).send(b"\x16\x03\x01\x00\x05hello")
        assert wire.socket.recv(1) == b"\x15"  # an alert
        wire.close()
        until(lambda: "handshakes that failed: 1" in caplog.text)


def test_a_broken_record_ends_the_connection_and_no_other(serving, certificates, authority):
    with serving(certificates) as port:
        one, other = (SafeWire(port, authority.context()) for _ in range(2))
        assert one.send(LIVE).answer().status == 200
        broken = socket.socket(fileno=one.socket.detach())
        broken.settimeout(PATIENCE_S)
        broken.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        with broken, suppress(ConnectionError):
            while broken.recv(4_096):
                pass
        assert other.send(LIVE).answer().status == 200
        other.close()


def test_a_refused_request_is_answered_over_a_body_that_nobody_reads(
    serving, certificates, authority
):
    limits = HttpLimits(body_bytes=1_000, linger_s=2.0)
    head = request("POST", "/v2/models/means/infer", headers=("Host: localhost",))
    head = head.replace(b"\r\n\r\n", b"\r\nContent-Length: 200000\r\n\r\n")
    with serving(certificates, limits) as port:
        wire = SafeWire(port, authority.context())
        with suppress(OSError):
            wire.send(head).send(b"x" * 200_000)
        assert wire.answer().code == "SRV-043"
        wire.close()


def test_who_has_no_certificate_of_the_authority_is_refused(serving, authority, tmp_path):
    (tmp_path / "others").mkdir()
    foreign = Authority(tmp_path / "others").issue("caller", names=())
    caller = authority.issue("caller", names=())
    tls = ServerCertificates(ServerTlsFiles(*authority.issue(), authority.certificate))
    with serving(tls) as port:
        url = f"https://localhost:{port}/healthz"
        assert httpx.get(url, verify=authority.context(caller)).status_code == 200
        for refused in (None, foreign):
            with pytest.raises(httpx.TransportError, match=r"(?i)alert|required|unknown"):
                httpx.get(url, verify=authority.context(refused))


def test_new_files_are_for_new_connections_and_kept_ones_go_on(serving, certificates, authority):
    def serial(wire: SafeWire) -> object:
        return wire.socket.getpeercert()["serialNumber"]

    with serving(certificates, HttpLimits(idle_s=60.0)) as port:
        kept = SafeWire(port, authority.context())
        assert kept.send(LIVE).answer().status == 200
        before = certificates.context
        authority.issue()
        until(lambda: certificates.context is not before)
        fresh = SafeWire(port, authority.context())
        assert fresh.send(LIVE).answer().status == 200
        assert kept.send(LIVE).answer().status == 200
        assert serial(fresh) != serial(kept)
        for each in (kept, fresh):
            each.close()


def test_a_replacement_that_cannot_be_used_is_logged_and_changes_nothing(
    serving, certificates, authority, caplog
):
    with serving(certificates) as port:
        certificates.files.key.write_text("none")
        until(lambda: "goes on with the files before: SRV-054" in caplog.text)
        assert caplog.text.count("SRV-054") == 1
        wire = SafeWire(port, authority.context())
        assert wire.send(LIVE).answer().status == 200
        wire.close()
    with pytest.raises(TlsFileUnusable):
        ServerCertificates(certificates.files)


def test_a_server_that_ends_answers_handshakes_that_had_begun(serving, certificates, authority):
    stop = threading.Event()
    with (
        serving(certificates, HttpLimits(), stop=stop) as port,
        ThreadPoolExecutor(8) as pool,
    ):
        slow = [pool.submit(_ask_slowly, port, authority.context()) for _ in range(8)]
        threading.Event().wait(0.2)
        stop.set()
        answers = [each.result(PATIENCE_S) for each in slow]
    assert [answer.status for answer in answers] == [200] * 8
    assert {answer.headers["connection"] for answer in answers} == {"close"}


def _ask_slowly(port: int, context: ssl.SSLContext) -> Answer:
    """Connect, and make the handshake byte by byte over the time in which idle ones are closed."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain:
        is_first = True
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                hello = outgoing.read()
                plain.sendall(hello[:100])
                threading.Event().wait(1.8 if is_first else 0)
                plain.sendall(hello[100:])
                is_first = False
                incoming.write(plain.recv(65_536))
        session.write(LIVE)
        plain.sendall(outgoing.read())
        received = b""
        while b"\r\n\r\n" not in received:
            incoming.write(plain.recv(65_536))
            with suppress(ssl.SSLWantReadError):
                received += session.read(65_536)
    return _answer(received)


def _answer(received: bytes) -> Answer:
    line, *headers = received.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return Answer(int(line.split()[1]), dict(each.lower().split(": ", 1) for each in headers), b"")
