"""What a server needs of its process: a socket, signals, the interpreter's time, and a pulse."""

import asyncio
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from mainspring.elements.collector import collecting_often
from mainspring.engines.http.guard import Admission
from mainspring.engines.http.heaps import return_large_blocks
from mainspring.engines.http.tls import TlsProtocol
from mainspring.engines.http.workers import WorkInFlight
from mainspring.ports.errors import PortTaken

if TYPE_CHECKING:
    from mainspring.engines.http.certificates import ServerCertificates

__all__ = ["PERIOD_S", "LoopServer", "Pulse", "listening", "surviving", "unhindered"]

PERIOD_S = 0.05
"""How often a server looks whether it is to end."""

_SWITCH_S = 0.001
_LOG = logging.getLogger("mainspring.server")


class Pulse:
    """Says that the event loop turns, unless a thread does not come back: it would keep its place
    for ever, and only another process has a new one.

    Args:
        beat: called with the port.
        stuck_s: see `HttpLimits`.
    """

    def __init__(
        self, beat: Callable[[int], None], flying: WorkInFlight, *, stuck_s: float
    ) -> None:
        self._beat, self._flying, self._stuck_s = beat, flying, stuck_s
        self._is_stuck = False

    def beat(self, port: int) -> None:
        """Say it."""
        length_s = self._flying.longest_s()
        if length_s < self._stuck_s:
            self._beat(port)
        elif not self._is_stuck:
            _LOG.error(
                "the work for a request has gone on for %.0f s, and cannot be ended", length_s
            )
            self._is_stuck = True


class LoopServer:
    """A server in an event loop of this process, for one call of `serve` at a time.

    It looks for `stop` ten times a second at least.

    Args:
        beat: called then too, by the event loop, with the port: to say that the loop turns, and
            that no thread has worked for one request for longer than `HttpLimits.stuck_s`.
        listener: a socket that is bound, in place of one for the port.  It belongs to whoever
            opened it and shares it with other servers, so at the end it is closed here, and goes
            on to take connections for the others.
        tls: has the server speak TLS, and nothing else.
    """

    def __init__(
        self,
        beat: Callable[[int], None] = lambda _: None,
        *,
        listener: socket.socket | None = None,
        tls: "ServerCertificates | None" = None,
    ) -> None:
        self._beat, self._listener, self._tls = beat, listener, tls

    def _in_front_of(self, within: asyncio.Protocol, admission: Admission) -> asyncio.Protocol:
        """What the event loop calls for a connection: the protocol itself, or TLS with what the
        files say now.
        """
        if self._tls is None:
            return within
        return TlsProtocol(
            within,
            self._tls.context,
            answer_plain=admission.answer_plain,
            note_failure=self._tls.note_failure,
        )

    def _following(self) -> AbstractContextManager[None]:
        """Follows the files of TLS."""
        return self._tls.followed() if self._tls else nullcontext()


@contextmanager
def listening(port: int, given: socket.socket | None = None) -> Iterator[socket.socket]:
    """A socket of the loopback address, closed at the end; uvicorn itself would end the process
    where it gets none.

    Args:
        given: is taken in its place.
    """
    if given is not None:
        with given:
            yield given
        return
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTaken(port=port, reason=error.strerror or str(error)) from error
        yield listener


@contextmanager
def surviving(number: signal.Signals) -> Iterator[None]:
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
def unhindered() -> Iterator[None]:
    """Have the event loop wait less for the interpreter.

    It asks for it after each call of the system, and by default a thread that computes gives it up
    after 5 ms.  What is large does not stay in its heaps.  A process that does something else in
    its main thread stays as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    return_large_blocks()
    try:
        with collecting_often():
            yield
    finally:
        sys.setswitchinterval(before)
