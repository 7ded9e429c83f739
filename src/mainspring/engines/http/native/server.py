"""The native server process: one event loop, until it is asked to stop."""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack

import uvloop

from mainspring.engines.http.desk import Desk
from mainspring.engines.http.drain import drain
from mainspring.engines.http.guard import Admission
from mainspring.engines.http.native.connection import NativeConnection
from mainspring.engines.http.native.router import Router
from mainspring.engines.http.process import (
    PERIOD_S,
    LoopServer,
    Pulse,
    listening,
    surviving,
    unhindered,
)
from mainspring.engines.http.workers import WorkInFlight
from mainspring.ports.http import HttpService

__all__ = ["NativeServer"]

_BACKLOG = 2_048


class NativeServer(LoopServer):
    """httptools and uvloop, straight to the routes."""

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
        running = _Running(service, self._beat, stop or threading.Event())
        running.in_front_of = self._in_front_of
        running.is_shared = self._listener is not None
        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        with (
            listening(port, self._listener) as listener,
            surviving(signal.SIGTERM),
            unhindered(),
            self._following(),
            runner,
        ):
            runner.run(running.run(listener, on_bound))
        if running.interrupted:
            signal.raise_signal(signal.SIGINT)


class _Running:
    """One server while it runs: what its connections share."""

    in_front_of: Callable[[asyncio.Protocol, Admission], asyncio.Protocol]

    def __init__(
        self, service: HttpService, beat: Callable[[int], None], stop: threading.Event
    ) -> None:
        flying = WorkInFlight()
        self.admission, self.desk = Admission(service), Desk(service, flying)
        self.router = Router(service.routes, self.desk)
        self.connections: set[NativeConnection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.interrupted = self.is_shared = False
        self._service, self._stop = service, stop
        self._pulse = Pulse(beat, flying, stuck_s=service.limits.stuck_s)
        self._must_end = False
        self._port = 0

    async def run(self, listener: socket.socket, on_bound: Callable[[int], None]) -> None:
        """Answer until the server is asked to stop, then answer what is under way."""
        loop = asyncio.get_running_loop()
        with ExitStack() as heeding:
            if threading.current_thread() is threading.main_thread():
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.add_signal_handler(number, self._end_by, number)
                    heeding.callback(loop.remove_signal_handler, number)
            server = await loop.create_server(
                lambda: self.in_front_of(NativeConnection(self), self.admission),
                sock=listener,
                backlog=_BACKLOG,
            )
            self._port = listener.getsockname()[1]
            on_bound(self._port)
            while not self._stop.is_set():
                await self._look()
            await self._drain(listener, server)

    def _end_by(self, number: signal.Signals) -> None:
        # Who asks twice does not wait for what is under way.
        self._must_end = self._stop.is_set()
        self.interrupted = self.interrupted or number == signal.SIGINT
        self._stop.set()

    async def _look(self) -> None:
        self._pulse.beat(self._port)
        now, idle_s = asyncio.get_running_loop().time(), self._service.limits.idle_s
        for connection in self.admission.connections.iter_idle():
            if not isinstance(connection, NativeConnection) or now < connection.idle_since + idle_s:
                break
            connection.leave()
        await asyncio.sleep(PERIOD_S)

    async def _drain(self, listener: socket.socket, server: asyncio.Server) -> None:
        await drain(
            self.admission,
            () if self.is_shared else (listener,),
            close=server.close,
            is_at_work=self._is_at_work,
            beat=lambda: self._pulse.beat(self._port),
        )
        for task in self.tasks:
            task.cancel()
        await asyncio.sleep(PERIOD_S)

    def _is_at_work(self, is_late: bool) -> bool:
        """Whether somebody is to be answered still."""
        connections = list(self.connections)
        if is_late:
            connections = [each for each in connections if not each.leave()]
        return not self._must_end and bool(connections or self.tasks)
