"""The server process: HTTP in the event loop, until it is asked to stop."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from mainspring.engines.http.application import asgi_application
from mainspring.engines.http.protocol import protocol_of
from mainspring.ports.errors import PortTaken
from mainspring.ports.http import HttpService

__all__ = ["UvicornServer"]

_DRAIN_S = 10


class UvicornServer:
    """A server in this process, for one call of `serve` at a time.

    It looks for `stop` ten times a second.

    Args:
        beat: called then too, by the event loop, with the port: to say that the loop turns.
    """

    def __init__(self, beat: Callable[[int], None] = lambda _: None) -> None:
        self._beat = beat

    def serve(
        self,
        service: HttpService,
        *,
        port: int,
        on_bound: Callable[[int], None],
        stop: threading.Event | None = None,
    ) -> None:
        """See `HttpServer`."""
        config = uvicorn.Config(
            asgi_application(service),
            http=protocol_of(service),
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_DRAIN_S,
        )
        server = _StoppableServer(config, on_bound=on_bound, stop=stop or threading.Event())
        server.beat = self._beat
        with _listening(port) as listener, _surviving(signal.SIGTERM):
            server.run(sockets=[listener])


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """A socket of the loopback address; uvicorn itself would end the process where it gets none."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTaken(port=port, reason=error.strerror or str(error)) from error
        yield listener


@contextmanager
def _surviving(number: signal.Signals) -> Iterator[None]:
    """Let what runs around a server end well: when it is done it raises the signal that stopped it
    again, and that would be the end of the process.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(number, before)


class _StoppableServer(uvicorn.Server):
    """Says which port it got, and ends when an event is set."""

    beat: Callable[[int], None]

    def __init__(
        self, config: uvicorn.Config, *, on_bound: Callable[[int], None], stop: threading.Event
    ) -> None:
        super().__init__(config)
        self._on_bound, self._stop = on_bound, stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say where."""
        await super().startup(sockets)
        if self.started:
            self._on_bound(self._port())

    async def on_tick(self, counter: int) -> bool:
        """Whether to end now; called ten times a second."""
        self.beat(self._port())
        return await super().on_tick(counter) or self._stop.is_set()

    def _port(self) -> int:
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port
