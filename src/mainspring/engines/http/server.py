"""The server process: HTTP in the event loop, until it is asked to stop."""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

import uvicorn

from mainspring.engines.http.application import asgi_application
from mainspring.engines.http.drain import drain
from mainspring.engines.http.guard import Admission
from mainspring.engines.http.process import (
    PERIOD_S,
    LoopServer,
    Pulse,
    listening,
    surviving,
    unhindered,
)
from mainspring.engines.http.protocol import GuardedProtocol, protocol_of
from mainspring.engines.http.workers import WorkInFlight
from mainspring.ports.http import HttpService

__all__ = ["UvicornServer"]


class UvicornServer(LoopServer):
    """uvicorn, as a server of the ASGI application."""

    def serve(
        self,
        service: HttpService,
        *,
        port: int,
        on_bound: Callable[[int], None],
        stop: threading.Event | None = None,
    ) -> None:
        """See `HttpServer`."""
        service.draining.clear()
        admission, flying = Admission(service), WorkInFlight()
        reading = protocol_of(admission)

        def connection(*args: Any, **settings: Any) -> asyncio.Protocol:
            return self._in_front_of(reading(*args, **settings), admission)

        config = uvicorn.Config(
            asgi_application(service, flying),
            # It asks for a class, and calls it.
            http=connection,  # type: ignore[arg-type]
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            # Nothing here asks where a request came from first.
            proxy_headers=False,
            timeout_keep_alive=service.limits.idle_s,
        )
        server = _StoppableServer(
            config, admission, on_bound=on_bound, stop=stop or threading.Event()
        )
        server.is_shared = self._listener is not None
        server.pulse = Pulse(self._beat, flying, stuck_s=service.limits.stuck_s)
        with (
            listening(port, self._listener) as listener,
            surviving(signal.SIGTERM),
            unhindered(),
            self._following(),
        ):
            server.run(sockets=[listener])


class _StoppableServer(uvicorn.Server):
    """Says which port it got, and ends when an event is set: not before everybody who asked in time
    is answered.
    """

    pulse: Pulse
    is_shared = False
    _port = 0

    def __init__(
        self,
        config: uvicorn.Config,
        admission: Admission,
        *,
        on_bound: Callable[[int], None],
        stop: threading.Event,
    ) -> None:
        super().__init__(config)
        self._admission, self._on_bound, self._stop = admission, on_bound, stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say where."""
        await super().startup(sockets)
        if self.started:
            self._port = self.servers[0].sockets[0].getsockname()[1]
            self._on_bound(self._port)

    async def on_tick(self, counter: int) -> bool:
        """Whether to end now; called ten times a second."""
        self.pulse.beat(self._port)
        return await super().on_tick(counter) or self._stop.is_set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is under way, then end."""
        listeners = sockets or ()
        await drain(
            self._admission,
            () if self.is_shared else listeners,
            close=lambda: self._stop_listening(listeners),
            is_at_work=self._is_at_work,
            beat=lambda: self.pulse.beat(self._port),
        )
        for task in self.server_state.tasks:
            task.cancel()
        await asyncio.sleep(PERIOD_S)

    def _stop_listening(self, listeners: Iterable[socket.socket]) -> None:
        for server in self.servers:
            server.close()
        for listener in listeners:
            listener.close()

    def _is_at_work(self, is_late: bool) -> bool:
        """Whether somebody is to be answered still."""
        connections = list(self.server_state.connections)
        if is_late:
            connections = [each for each in connections if not _leaves(each)]
        return not self.force_exit and bool(connections or self.server_state.tasks)


def _leaves(connection: object) -> bool:
    return isinstance(connection, GuardedProtocol) and connection.leave()
