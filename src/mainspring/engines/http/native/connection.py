"""HTTP/1.1 on a connection, read by httptools and answered without a task wherever the answer needs
none.

A request is authorised once its head is there and those before it allow, then its body is asked
for, then its route.  Requests that wait behind others are read no further than one buffer.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable
from contextlib import ExitStack
from typing import Protocol
from urllib.parse import parse_qsl, unquote

import httptools

from mainspring.elements.errors import MainspringError
from mainspring.elements.events import Actor
from mainspring.engines.http.desk import Desk, RouteDesk
from mainspring.engines.http.errors import ServerBusy
from mainspring.engines.http.guard import Admission, ConnectionGuard
from mainspring.engines.http.native.exchange import RequestExchange
from mainspring.engines.http.native.router import Router
from mainspring.engines.http.translate import with_deadline
from mainspring.ports.errors import BadRequest, MethodNotAllowed, UnknownRoute
from mainspring.ports.http import Call, Caller

__all__ = ["ConnectionOwner", "NativeConnection"]


class ConnectionOwner(Protocol):
    """What the connections of one server share."""

    admission: Admission
    desk: Desk
    router: Router
    connections: "set[NativeConnection]"
    tasks: set[asyncio.Task[None]]


class NativeConnection(ConnectionGuard, asyncio.Protocol):
    """One connection."""

    idle_since = 0.0
    _unanswered: deque[RequestExchange]
    _is_paused = _is_leaving = _is_unread = False
    _requests = 0

    def __init__(self, owner: ConnectionOwner) -> None:
        self._owner, self._desk = owner, owner.desk
        self.admission, self.loop = owner.admission, asyncio.get_running_loop()
        self.parser = httptools.HttpRequestParser(self)
        # What comes after the last request of a connection is nobody's fault but the caller's.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._unanswered, self._caller = deque(), Caller()
        self.url, self.headers = b"", []

    # What the event loop calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place, or say that there is none."""
        self.transport = transport
        self._owner.connections.add(self)
        peer = transport.get_extra_info("peername")
        self.address = peer[0] if isinstance(peer, tuple) else ""
        self._take_place()

    def connection_lost(self, _: Exception | None) -> None:
        """Give the place back."""
        self.admission.connections.forget(self)
        self._owner.connections.discard(self)
        self._stop_timer()
        self._stop_reply_timer()
        self._caller.has_left = self._is_over = True
        self._drop_unanswered()

    def data_received(self, data: bytes) -> None:
        """Take bytes of a connection in."""
        if self._is_over or self._is_leaving:
            return
        before = self._requests
        if not self._take_in(data):
            return
        if self._unanswered:
            self._advance()
        if self._timer is None and (self._phase != "between" or self._requests == before):
            self._limit_rest()

    def pause_writing(self) -> None:
        """The caller does not read, so nothing more of it is read or begun: the answers would wait
        here, as many as it asks for.
        """
        super().pause_writing()
        self._is_unread = True
        self._pause_reading()

    def resume_writing(self) -> None:
        """The caller reads again."""
        super().resume_writing()
        self._is_unread = False
        if self._unanswered:
            self.loop.call_soon(self._advance_later)
        else:
            self._resume_reading()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """A head begins."""
        self.url, self.headers = b"", []
        self._phase, self._head_bytes, self._chunks = "head", 0, 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the target in."""
        self.url += url
        self._limit_target()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header in; trailers, which come after the body, are passed over."""
        if self._is_trailer(name, value):
            return
        self.headers.append((name.lower(), value))
        self._limit_headers()

    def on_headers_complete(self) -> None:
        """The head is there."""
        fault = self._fault_of_head()
        if fault is not None:
            self._stop(fault)
        exchange = self._exchange()
        self._stop_timer()
        self._phase, self._head_bytes = "body", 0
        if not self._unanswered:
            self.admission.connections.note_busy(self)
        knows_1_1 = self.parser.get_http_version() == "1.1"
        exchange.is_kept = knows_1_1 and self.parser.should_keep_alive()
        # A caller of 1.0 would take the interim answer for the whole one.
        exchange.wants_continue &= knows_1_1
        self._requests += 1
        self._unanswered.append(exchange)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body in."""
        if self._unanswered:
            self._unanswered[-1].take(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        if self._is_body_to_come():
            return
        self._stop_timer()
        self._phase = "between"
        if self._unanswered:
            last = self._unanswered[-1]
            last.is_read = True
            self._is_leaving = not last.is_kept

    # A request becomes an exchange, and is answered.

    def _exchange(self) -> RequestExchange:
        method = self.parser.get_method().decode("ascii")
        path, query = self._target()
        headers: dict[str, str] = {}
        for raw_name, raw_value in self.headers:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        place = self._owner.router.find(path)
        at = place.desks.get(method) if place else None
        call = Call(
            method,
            at.route.path if at else "",
            place.values if place else {},
            dict(parse_qsl(query, keep_blank_values=True)) if query else {},
            headers,
            caller=self._caller,
        )
        notes = self._desk.notes
        begun = None if notes is None else notes.begin(call, path)
        if begun is not None and begun.span is not None:
            call = call._replace(span=begun.span)
        exchange = RequestExchange(call, at, self._desk, self._flush)
        exchange.begun = begun
        exchange.wants_continue = headers.get("expect", "").lower() == "100-continue"
        if place is None:
            exchange.answered = self._desk.refusal(call, UnknownRoute(path=path))
        elif at is None:
            allowed = ", ".join(sorted(place.desks))
            error = MethodNotAllowed(path=path, method=method, allowed=allowed)
            exchange.answered = self._desk.refusal(call, error)
        return exchange

    def _target(self) -> tuple[str, str]:
        """The percent-decoded path, and the query."""
        url = self.url
        if url.startswith(b"/"):
            raw, _, rest = url.partition(b"#")[0].partition(b"?")
        else:
            try:
                parsed = httptools.parse_url(url)
            except httptools.HttpParserInvalidURLError:
                self._stop(BadRequest(reason="its target is not well-formed"))
            raw, rest = parsed.path or b"/", parsed.query or b""
        path = raw.decode("latin-1")
        return unquote(path) if "%" in path else path, rest.decode("latin-1")

    def _advance(self) -> None:
        """Go on with every request that those before it allow."""
        may_begin = not self._is_unread
        for exchange in tuple(self._unanswered):
            if not may_begin:
                break
            if exchange.answered is None and exchange.at is not None:
                self._go_on(exchange, exchange.at)
            may_begin = exchange.answered is not None or exchange.may_run_beside
        self._flush()
        if len(self._unanswered) <= 1:
            self._resume_reading()
        else:
            self._pause_reading()

    def _go_on(self, exchange: RequestExchange, at: RouteDesk) -> None:
        if not exchange.is_begun:
            exchange.is_begun = True
            self._authorise(exchange, at)
        if not exchange.is_authorised or exchange.is_running or exchange.answered is not None:
            return
        if not exchange.is_read:
            if exchange.wants_continue and exchange is self._unanswered[0]:
                exchange.wants_continue = False
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        exchange.is_running = True
        if at.tick is not None:
            try:
                exchange.let_in()
            except MainspringError as error:
                exchange.answer(error)
            else:
                at.tick.put(exchange.whole(), exchange.answer)
        elif (answer := at.answer_nowait(exchange.whole())) is not None:
            exchange.answer(answer)
        else:
            self._spawn(exchange, self._answer(exchange, at))

    def _authorise(self, exchange: RequestExchange, at: RouteDesk) -> None:
        permission = at.route.permission
        try:
            call = exchange.call = with_deadline(exchange.call)
            if permission is not None:
                actor = self._desk.at_once_nowait(
                    "authorise", lambda: self._desk.service.authorise(call, permission)
                )
                if actor is None:
                    self._spawn(exchange, self._authorise_elsewhere(exchange, permission))
                    return
                exchange.call = call._replace(actor=actor)
            exchange.is_authorised = True
        # the edge of a request: a bug ends this one and no other
        except Exception as error:
            exchange.answer(error)

    async def _authorise_elsewhere(self, exchange: RequestExchange, permission: str) -> None:
        call = exchange.call

        def authorise() -> Actor:
            return self._desk.service.authorise(call, permission)

        exchange.call = call._replace(actor=await self._desk.waiting.run(authorise))
        exchange.is_authorised = True
        self._advance()

    async def _answer(self, exchange: RequestExchange, at: RouteDesk) -> None:
        with ExitStack() as held:
            exchange.answer(await at.answer(exchange.whole(), held))

    def _spawn(self, exchange: RequestExchange, work: Awaitable[None]) -> None:
        async def edge() -> None:
            try:
                await work
            # the edge of a request, as above
            except Exception as error:
                exchange.answer(error)
            except asyncio.CancelledError:
                exchange.answer(ServerBusy(reason="it has to end now"))

        task = self.loop.create_task(edge())
        self._owner.tasks.add(task)
        task.add_done_callback(self._owner.tasks.discard)

    # Answers leave in the order of their requests.

    def _flush(self) -> None:
        """Write the answers that are due, in one piece."""
        unanswered, due, is_last = self._unanswered, list[bytes](), False
        if self._caller.has_left or self.transport.is_closing():
            return
        while unanswered and unanswered[0].answered is not None and not is_last:
            exchange = unanswered.popleft()
            is_draining = self.admission.is_draining and not unanswered
            is_last = not exchange.is_kept or is_draining
            due.append(exchange.answer_bytes(is_last=is_last))
        if not due:
            return
        self.transport.write(due[0] if len(due) == 1 else b"".join(due))
        if is_last and (self._phase != "body"):
            self._drop_unanswered()
            self._close()
        elif not unanswered:
            self._note_answered(is_last=is_last)
        else:
            self.loop.call_soon(self._advance_later)

    def _advance_later(self) -> None:
        if self._unanswered and not self._caller.has_left:
            self._advance()

    def _note_answered(self, *, is_last: bool) -> None:
        """All requests are answered: what is read next?"""
        connections = self.admission.connections
        if self._is_paused:
            self._resume_reading()
        if self._farewell is not None:
            self._say_last(self._farewell)
        elif self._phase == "body":
            self._is_over = is_last
            self._wait_for_rest()
        elif self._phase == "head":
            connections.note_half_open(self)
        else:
            self.idle_since = self.loop.time()
            connections.note_idle(self)

    def _refuse(self, error: MainspringError) -> None:
        """Answer what could not be read, after the answers that are due before; read no more."""
        self._is_over = True
        self._stop_timer()
        if self._phase == "body" and self._unanswered:
            # Of the request whose body is broken nothing is to be answered but that.
            self._unanswered.pop().drop()
        elif self._phase == "body":
            self._close()
            return
        if self._unanswered:
            self._farewell = error
            self._advance()
        else:
            self._say_last(error)

    def _drop_unanswered(self) -> None:
        """Nobody is sent what is not answered yet."""
        for exchange in self._unanswered:
            exchange.note_left()
            if not exchange.is_running:
                exchange.drop()
        self._unanswered.clear()

    def _waiting_count(self) -> int:
        return len(self._unanswered) - 1

    def _is_reading_paused(self) -> bool:
        return self._is_paused

    def _pause_reading(self) -> None:
        if not self._is_paused and not self.transport.is_closing():
            self._is_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._is_paused and not (self._is_unread or self.transport.is_closing()):
            self._is_paused = False
            self.transport.resume_reading()
