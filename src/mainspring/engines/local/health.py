"""Health on a port of its own: three paths, answered by threads that can wait for nobody long."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from mainspring.ports.errors import PortTaken

__all__ = ["serving_health"]

_TIMEOUT_S = 2.0
_MOST_CONNECTIONS = 64

Report = Callable[[], tuple[bool, dict[str, object]]]


@contextmanager
def serving_health(port: int, report: Report) -> Iterator[int]:
    """Answer on the loopback address while the block runs; the port.

    `/healthz` is 200 while this process lives, `/readyz` and `/v2/health/ready` are 200 or 503.

    Args:
        port: 0 takes a free one.
        report: whether it is ready, and what else is to be said; called by any thread.

    Raises: PortTaken SRV-030.
    """
    try:
        server = _HealthServer(port, report)
    except OSError as error:
        raise PortTaken(port=port, reason=error.strerror or str(error)) from error
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


class _HealthServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, report: Report) -> None:
        self.report = report
        self._free = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        super().__init__(("127.0.0.1", port), _HealthRequest)

    def process_request(self, request: object, client_address: object) -> None:
        """Answer in a thread, or hang up where there are too many."""
        assert isinstance(request, socket.socket)
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Answer one connection."""
        assert isinstance(request, socket.socket)
        # In all, and not from byte to byte: who sends one now and then would hold a thread.
        ending = threading.Timer(_TIMEOUT_S, _hang_up, [request])
        ending.daemon = True
        ending.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            ending.cancel()
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that left, or said nothing in time, is no error."""


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _HealthRequest(BaseHTTPRequestHandler):
    timeout: ClassVar[float] = _TIMEOUT_S
    server: _HealthServer

    def do_GET(self) -> None:
        """Answer one of the paths."""
        is_ready, record = self.server.report()
        ready = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        status = {
            "/healthz": HTTPStatus.OK,
            "/readyz": ready,
            "/v2/health/live": HTTPStatus.OK,
            "/v2/health/ready": ready,
        }.get(self.path, HTTPStatus.NOT_FOUND)
        payload = json.dumps(record if status != HTTPStatus.NOT_FOUND else {}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: probes come every few seconds."""
