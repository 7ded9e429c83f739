"""The server process: HTTP in the event loop, until it is asked to stop."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

__all__ = ["run_server"]


def run_server(app: Starlette, *, port: int, on_bound: Callable[[int], None]) -> None:
    """Serve on the loopback address until the process is asked to stop; requests in flight are
    answered first.

    Args:
        port: 0 takes a free one.
        on_bound: told the port once the server answers.
    """
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=10,
    )
    server = _Server(config, on_bound)
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


class _Server(uvicorn.Server):
    """Tells the port that it got."""

    def __init__(self, config: uvicorn.Config, on_bound: Callable[[int], None]) -> None:
        super().__init__(config)
        self._on_bound = on_bound

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Bind, then tell."""
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            self._on_bound(self.servers[0].sockets[0].getsockname()[1])
