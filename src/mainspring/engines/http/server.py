"""The server process: HTTP in the event loop, until it is asked to stop."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from mainspring.engines.http.application import asgi_application
from mainspring.ports.http import HttpService

__all__ = ["UvicornServer"]

_DRAIN_S = 10


class UvicornServer:
    """A server in this process, for one call of `serve` at a time.

    It looks for `stop` ten times a second.
    """

    def serve(
        self,
        service: HttpService,
        *,
        port: int,
        on_bound: Callable[[int], None],
        stop: threading.Event | None = None,
    ) -> None:
        """See `HttpServer`.  A port that is taken ends the process with a message, status 1."""
        config = uvicorn.Config(
            asgi_application(service),
            host="127.0.0.1",
            port=port,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_DRAIN_S,
        )
        server = _StoppableServer(config, on_bound=on_bound, stop=stop or threading.Event())
        with _surviving(signal.SIGTERM):
            server.run()


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

    def __init__(
        self, config: uvicorn.Config, *, on_bound: Callable[[int], None], stop: threading.Event
    ) -> None:
        super().__init__(config)
        self._on_bound, self._stop = on_bound, stop

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Bind, then say where."""
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            self._on_bound(self.servers[0].sockets[0].getsockname()[1])

    async def on_tick(self, counter: int) -> bool:
        """Whether to end now; called ten times a second."""
        return await super().on_tick(counter) or self._stop.is_set()
