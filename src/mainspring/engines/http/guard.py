"""What keeps one connection within its limits, whichever server reads it: what a head may be, how
long its parts may take, and how it is ended.

A connection has at most one timer for what it sends: until the head of a request is there, until
its body is, until it may be closed; and one for what it reads: until its answers are.  A timer that
data sets back would let a caller who sends a byte a second keep a place for ever.
"""

import asyncio
import re
import select
from abc import ABC, abstractmethod
from collections.abc import Sized
from contextlib import suppress
from typing import Literal
from urllib.parse import unquote

import httptools

from mainspring.elements.errors import MainspringError
from mainspring.engines.http.connections import Connections
from mainspring.engines.http.errors import (
    BodyTooLarge,
    HeadTooLarge,
    RequestTooSlow,
    TlsWanted,
    TooManyConnections,
    UnknownHost,
)
from mainspring.engines.http.notes import call_notes_of
from mainspring.engines.http.tls import TlsTransport
from mainspring.engines.http.translate import closing_bytes
from mainspring.engines.http.upgrades import has_body, parser_of_body
from mainspring.ports.errors import BadRequest, MethodNotAllowed
from mainspring.ports.http import Call, HttpService

__all__ = ["Admission", "ConnectionGuard"]

_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}) (\S{1,2000}) HTTP/1\.[01]\r?\n")
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^\[\]:@/?#\s]+)(:\d{0,5})?")
_KNOWN_METHODS = "GET, HEAD, POST, PUT"
_METHODS_THAT_ARE_READ = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)


class Admission:
    """What the connections of one server share.

    Args:
        is_draining: the server is about to end: every answer is the last of its connection.
    """

    def __init__(self, service: HttpService) -> None:
        self.service, self.limits = service, service.limits
        self.notes = call_notes_of(service)
        self.connections = Connections(service.limits)
        self.open_paths = frozenset(r.path for r in service.routes if r.permission is None)
        self.is_draining = False

    def answer_plain(self) -> bytes:
        """What a caller is told who does not speak TLS where it is spoken."""
        return self.refusal(TlsWanted())

    def refusal(self, error: MainspringError, method: str = "", path: str = "") -> bytes:
        """The last answer of a connection, to what never became a request; it is noted.

        Args:
            method, path: as far as they were read.
        """
        reply = self.service.refuse(Call(""), error)
        if self.notes is not None:
            reply = self.notes.refuse(method, path, reply)
        return closing_bytes(reply)


class _Refused(Exception):
    """Ends parsing; the reason lies beside."""


class ConnectionGuard(ABC):
    """The limits of one connection; a server's protocol reads it.

    `_phase` is what is read: a head, a body, or nothing that belongs to a request yet.
    `_unanswered` are the requests that were read, the one that is being answered first.
    """

    parser: httptools.HttpRequestParser
    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    url: bytes
    headers: list[tuple[bytes, bytes]]
    _unanswered: Sized

    admission: Admission
    address = ""
    is_reserved = False

    _phase: Literal["head", "body", "between"] = "between"
    _timer: asyncio.TimerHandle | None = None
    _reply_timer: asyncio.TimerHandle | None = None
    _fault: MainspringError | None = None
    _farewell: MainspringError | None = None
    _is_over = False
    _head_bytes = _chunks = 0

    @abstractmethod
    def _waiting_count(self) -> int:
        """How many requests wait for the answer before theirs."""

    @abstractmethod
    def _is_reading_paused(self) -> bool: ...

    @abstractmethod
    def _resume_reading(self) -> None: ...

    @abstractmethod
    def _refuse(self, error: MainspringError) -> None:
        """Answer what could not be read, after the answers that are due before; read no more."""

    def on_chunk_header(self) -> None:
        """A piece of a body begins."""
        self._chunks += 1
        if self._chunks > self.admission.limits.chunks:
            self._stop(BadRequest(reason=f"the body comes in more than {self._chunks - 1:,} parts"))

    def pause_writing(self) -> None:
        """The caller does not read; what it sends meanwhile does not set its time back."""
        self._stop_reply_timer()
        self._reply_timer = self.loop.call_later(
            self.admission.limits.reply_s, self.transport.abort
        )

    def resume_writing(self) -> None:
        """The caller reads again."""
        self._stop_reply_timer()

    def give_way(self) -> None:
        """Close at once, since others need the place."""
        if not self._is_over and not self.transport.is_closing():
            self._is_over = True
            self._write(TooManyConnections())
        self._close()

    def leave(self) -> bool:
        """Close a connection on which nothing is under way: no request is read, answered or on its
        way; whether it is closing, and its last answer sent.

        What has arrived and was not read yet is a request too: a connection that is closed over it
        would be reset, and the caller could not know whether it was answered.
        """
        if not (self._unanswered or self._phase == "head" or self._has_unread()):
            self._close()
        return self.transport.is_closing() and not self.transport.get_write_buffer_size()

    def _has_unread(self) -> bool:
        if self._is_reading_paused():
            return True
        if isinstance(self.transport, TlsTransport) and self.transport.has_unread:
            return True
        poll = select.poll()
        with suppress(OSError, ValueError):
            poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
            return bool(poll.poll(0))
        return False

    def _take_place(self) -> None:
        """Take a place among the connections, or say that there is none."""
        if self.admission.connections.admit(self):
            self._limit_time("head")
        else:
            self.give_way()

    def _take_in(self, data: bytes) -> bool:
        """Have bytes parsed; whether they were in order."""
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self._refuse(self._fault or _error_of(data))
            return False
        if self._phase == "head":
            # A header without an end is seen by nobody else.
            self._head_bytes += len(data)
            if self._head_bytes > self.admission.limits.head_bytes:
                self._refuse(self._too_many_bytes())
                return False
        return True

    def _limit_target(self) -> None:
        if len(self.url) > self.admission.limits.head_bytes:
            self._stop(self._too_many_bytes())

    def _limit_headers(self) -> None:
        if len(self.headers) > self.admission.limits.headers:
            self._stop(HeadTooLarge(limit=f"{self.admission.limits.headers} headers"))

    def _is_trailer(self, name: bytes, value: bytes) -> bool:
        """Whether a header comes after the body; it counts among the bytes of the head all the
        same.
        """
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > self.admission.limits.head_bytes:
            self._stop(self._too_many_bytes())
        return self._phase == "body"

    def _wait_for_rest(self) -> None:
        """All requests are answered, and a body that nobody wants is on its way."""
        self._stop_timer()
        self._timer = self.loop.call_later(self.admission.limits.linger_s, self._close)
        self.admission.connections.note_half_open(self)

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # No other protocol is spoken here, so the request to change it is passed over.
                data = data[upgrade.args[0] :]
                if self._phase == "body":
                    self.parser = parser_of_body(self, self.headers)
            else:
                return

    def _is_body_to_come(self) -> bool:
        """Whether the request is not there yet, whatever the parser says of one that asks for
        another protocol.
        """
        return self._phase == "body" and self.parser.should_upgrade() and has_body(self.headers)

    def _limit_rest(self) -> None:
        """Set the timer for what is still to come."""
        if self._phase == "body":
            self._limit_time("body")
        elif self._phase == "head" or not self._unanswered:
            self._limit_time("head")
            if not self._unanswered:
                self.admission.connections.note_half_open(self)

    def _fault_of_head(self) -> MainspringError | None:
        if self._waiting_count() >= self.admission.limits.pipelined:
            return BadRequest(reason="too many requests wait on this connection")
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            return BadRequest(reason=f"HTTP/{version} is not HTTP/1.1")
        path = self.url.partition(b"?")[0].decode("latin-1")
        if self.is_reserved and path not in self.admission.open_paths:
            return TooManyConnections()
        named = [value for name, value in self.headers if name == b"host"]
        lengths = [value for name, value in self.headers if name == b"content-length"]
        if lengths and lengths[0].isdigit() and int(lengths[0]) > self.admission.limits.body_bytes:
            return BodyTooLarge(limit=self.admission.limits.body_bytes)
        return _fault_of_host(
            named,
            self.url,
            known=self.admission.service.hosts,
            is_needed=version == "1.1",
        )

    def _too_many_bytes(self) -> HeadTooLarge:
        return HeadTooLarge(limit=f"{self.admission.limits.head_bytes:,} bytes of headers")

    def _stop(self, fault: MainspringError) -> None:
        self._fault = fault
        raise _Refused

    def _limit_time(self, part: Literal["head", "body"]) -> None:
        limits = self.admission.limits
        timeout_s = limits.head_s if part == "head" else limits.body_s
        self._timer = self.loop.call_later(timeout_s, self._end_waiting, part, timeout_s)

    def _end_waiting(self, part: Literal["head", "body"], timeout_s: float) -> None:
        if self._is_reading_paused():
            # The rest may lie here, unread.
            self._limit_time(part)
        elif self._phase == "between" and not self._unanswered:
            self._close()
        else:
            self._refuse(RequestTooSlow(part=part, timeout_s=timeout_s))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_reply_timer(self) -> None:
        if self._reply_timer is not None:
            self._reply_timer.cancel()
            self._reply_timer = None

    def _say_last(self, error: MainspringError) -> None:
        """Answer, and close once the caller has read it: closed at once over bytes that nobody
        read, the connection would be reset, and the answer lost.
        """
        if self.transport.is_closing():
            return
        self._write(error)
        self._stop_timer()
        self._resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.admission.connections.note_half_open(self)
        self._timer = self.loop.call_later(self.admission.limits.linger_s, self._close)

    def _write(self, error: MainspringError) -> None:
        self.transport.write(self.admission.refusal(error, *self._asked()))

    def _asked(self) -> tuple[str, str]:
        """Method and path of what is refused, as far as they were read."""
        if self._phase == "between" or not self.url:
            return "", ""
        path = self.url.partition(b"?")[0].decode("latin-1")
        return self.parser.get_method().decode("ascii"), unquote(path)

    def _close(self) -> None:
        """Close, however little of the last answer the caller has read."""
        self._is_over = True
        self._stop_timer()
        self.transport.close()
        self._limit_closing()

    def _limit_closing(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(self.admission.limits.reply_s, self.transport.abort)


def _error_of(received: bytes) -> MainspringError:
    """What is wrong with bytes that are no request."""
    line = _REQUEST_LINE.match(received)
    if line is None:
        return BadRequest(reason="these bytes are not a request of HTTP/1.1")
    method, path = (part.decode("latin-1") for part in line.groups())
    if method in _METHODS_THAT_ARE_READ:
        return BadRequest(reason=f"the {method} request is not well-formed HTTP/1.1")
    return MethodNotAllowed(path=path.partition("?")[0], method=method, allowed=_KNOWN_METHODS)


def _fault_of_host(
    named: list[bytes], target: bytes, *, known: frozenset[str], is_needed: bool
) -> MainspringError | None:
    """What is wrong with the host that a request names, in its header or in its target."""
    if len(named) > 1 or (is_needed and not named):
        return BadRequest(reason=f"a request has one Host header, and this one {len(named)}")
    if not target.startswith(b"/"):
        scheme, _, rest = target.partition(b"://")
        if scheme.lower() in (b"http", b"https"):
            named = [*named, re.split(rb"[/?#]", rest, maxsplit=1)[0]]
    for each in named:
        host = each.decode("latin-1").strip()
        found = _HOST.fullmatch(host)
        if found is None or found["name"].lower() not in known:
            return UnknownHost(host=host)
    return None
