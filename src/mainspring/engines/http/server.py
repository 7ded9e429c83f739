"""The server process: HTTP in the event loop, until it is asked to stop."""

import asyncio
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from mainspring.elements.collector import collecting_often
from mainspring.elements.listening import let_none_in
from mainspring.engines.http.application import asgi_application
from mainspring.engines.http.protocol import Admission, GuardedProtocol, protocol_of
from mainspring.engines.http.workers import WorkInFlight
from mainspring.ports.errors import PortTaken
from mainspring.ports.http import HttpService

__all__ = ["UvicornServer"]

_DRAIN_S = 10.0
_IDLE_S = 1.0
_PERIOD_S = 0.05
_SWITCH_S = 0.001
_LOG = logging.getLogger("mainspring.server")


class UvicornServer:
    """A server in this process, for one call of `serve` at a time.

    It looks for `stop` ten times a second.

    Args:
        beat: called then too, by the event loop, with the port: to say that the loop turns, and
            that no thread has worked for one request for longer than `HttpLimits.stuck_s`.
        listener: a socket that is bound, in place of one for the port.  It belongs to whoever
            opened it and shares it with other servers, so at the end it is closed here, and goes
            on to take connections for the others.
    """

    def __init__(
        self,
        beat: Callable[[int], None] = lambda _: None,
        *,
        listener: socket.socket | None = None,
    ) -> None:
        self._beat, self._listener = beat, listener

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
        config = uvicorn.Config(
            asgi_application(service, flying),
            http=protocol_of(admission),
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
        server.beat, server.flying = self._beat, flying
        server.is_shared = self._listener is not None
        with self._listening(port) as listener, _surviving(signal.SIGTERM), _unhindered():
            server.run(sockets=[listener])

    @contextmanager
    def _listening(self, port: int) -> Iterator[socket.socket]:
        if self._listener is None:
            with _listening(port) as listener:
                yield listener
        else:
            with self._listener:
                yield self._listener


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


@contextmanager
def _unhindered() -> Iterator[None]:
    """Have the event loop wait less for the interpreter.

    It asks for it after each call of the system, and by default a thread that computes gives it up
    after 5 ms.  A process that does something else in its main thread stays as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        with collecting_often():
            yield
    finally:
        sys.setswitchinterval(before)


class _StoppableServer(uvicorn.Server):
    """Says which port it got, and ends when an event is set: not before everybody who asked in time
    is answered.
    """

    beat: Callable[[int], None]
    flying: WorkInFlight
    is_shared = False
    _port = 0
    _is_stuck = False

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
        self._say_alive()
        return await super().on_tick(counter) or self._stop.is_set()

    def _say_alive(self) -> None:
        """Beat, unless a thread does not come back: it would keep its place for ever, and only
        another process has a new one.
        """
        length_s = self.flying.longest_s()
        if length_s < self._admission.limits.stuck_s:
            self.beat(self._port)
        elif not self._is_stuck:
            _LOG.error(
                "the work for a request has gone on for %.0f s, and cannot be ended", length_s
            )
            self._is_stuck = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is under way, then end.

        From now on every answer closes its connection, so a caller learns of the end by an answer,
        and the service is told, so that readiness says so too.
        Kept connections stay for a moment, for the request that is on its way; then each is closed
        at an instant at which it has nothing to read.
        """
        loop = asyncio.get_running_loop()
        until, idle_until = loop.time() + _DRAIN_S, loop.time() + _IDLE_S
        self._admission.is_draining = True
        self._admission.service.draining.set()
        for listener in () if self.is_shared else sockets or ():
            # Whom the kernel has connected is answered.
            let_none_in(listener)
        await asyncio.sleep(_PERIOD_S)
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        while self._is_at_work(is_late=loop.time() > idle_until) and loop.time() < until:
            self._say_alive()
            await asyncio.sleep(_PERIOD_S)
        for task in self.server_state.tasks:
            task.cancel()
        await asyncio.sleep(_PERIOD_S)

    def _is_at_work(self, *, is_late: bool) -> bool:
        """Whether somebody is to be answered still."""
        connections = list(self.server_state.connections)
        if is_late:
            connections = [each for each in connections if not _leaves(each)]
        return not self.force_exit and bool(connections or self.server_state.tasks)


def _leaves(connection: object) -> bool:
    return isinstance(connection, GuardedProtocol) and connection.leave()
