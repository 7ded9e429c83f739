"""HTTP/1.1 on a connection, as uvicorn reads it, within limits of its own; what is no request is
refused as everything else is, by a problem document, and not by a line of text.
"""

import asyncio
from collections import deque
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from mainspring.elements.errors import MainspringError
from mainspring.engines.http.guard import Admission, ConnectionGuard
from mainspring.engines.http.translate import CALLER
from mainspring.ports.http import Caller

__all__ = ["GuardedProtocol", "protocol_of"]


def protocol_of(admission: Admission) -> type[HttpToolsProtocol]:
    """The protocol of a server, which refuses in the words of its service."""

    class ServiceProtocol(GuardedProtocol):
        """Of this server."""

        def __init__(self, config: Config, server_state: ServerState, **more: Any) -> None:
            super().__init__(config, server_state, **more)
            self.admission = admission

    return ServiceProtocol


class GuardedProtocol(ConnectionGuard, HttpToolsProtocol):
    """One connection, as uvicorn reads it."""

    _unanswered: deque[RequestResponseCycle]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place, or say that there is none."""
        super().connection_made(transport)
        self._unanswered, self._caller = deque[RequestResponseCycle](), Caller()
        self.address = self.client[0] if self.client else ""
        self._take_place()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self.admission.connections.forget(self)
        self._stop_timer()
        self._stop_reply_timer()
        self._caller.has_left = True
        # uvicorn tells the newest request alone: one that came before it would be answered into a
        # connection that is gone.
        self._leave_unanswered()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes of a connection in."""
        if self._is_over:
            return
        self._unset_keepalive_if_required()
        if not self._take_in(data):
            return
        if self._timer is None:
            self._limit_rest()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self.scope[CALLER] = self._caller  # type: ignore[literal-required]
        self._phase, self._head_bytes, self._chunks = "head", 0, 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the target in."""
        super().on_url(url)
        self._limit_target()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header in; trailers, which come after the body, are passed over."""
        if self._is_trailer(name, value):
            return
        super().on_header(name, value)
        self._limit_headers()

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        fault = self._fault_of_head()
        if fault is not None:
            self._stop(fault)
        super().on_headers_complete()
        self._stop_timer()
        self._phase, self._head_bytes = "body", 0
        self._unanswered.append(self.cycle)
        self.admission.connections.note_busy(self)
        if self.admission.is_draining:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The request is there."""
        if self._is_body_to_come():
            return
        super().on_message_complete()
        self._stop_timer()
        self._phase = "between"

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of a body that nobody wants."""
        self._unanswered.popleft()
        super().on_response_complete()
        if self.transport.is_closing():
            self._limit_closing()
        elif not self._unanswered:
            if self._farewell is not None:
                self._say_last(self._farewell)
            elif self._phase == "body":
                self._wait_for_rest()
            elif self._phase == "head":
                self.admission.connections.note_half_open(self)
            else:
                self.admission.connections.note_idle(self)

    def timeout_keep_alive_handler(self) -> None:
        """Nothing more came."""
        self._close()

    def _refuse(self, error: MainspringError) -> None:
        """Answer what could not be read, after the answers that are due before; read no more."""
        self._is_over = True
        self._stop_timer()
        if self._phase == "body":
            # The request whose body is broken has begun to be answered, or waits for its turn.
            if self.pipeline:
                self.pipeline.popleft()
                self._unanswered.pop()
            elif self._unanswered and not self.cycle.response_started:
                self._leave_unanswered()
            else:
                self._close()
                return
        if self._unanswered:
            self._farewell = error
            self._resume_reading()
        else:
            self._say_last(error)

    def pause_writing(self) -> None:
        """The caller does not read."""
        HttpToolsProtocol.pause_writing(self)
        super().pause_writing()

    def resume_writing(self) -> None:
        """The caller reads again."""
        HttpToolsProtocol.resume_writing(self)
        super().resume_writing()

    def _waiting_count(self) -> int:
        return len(self.pipeline)

    def _is_reading_paused(self) -> bool:
        return self.flow.read_paused

    def _resume_reading(self) -> None:
        self._unset_keepalive_if_required()
        self.flow.resume_reading()

    def _leave_unanswered(self) -> None:
        """What answers sees that the caller is gone, and says nothing more."""
        for cycle in self._unanswered:
            cycle.disconnected = True
            cycle.message_event.set()
        self._unanswered.clear()
