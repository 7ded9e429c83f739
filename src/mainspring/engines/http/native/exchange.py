"""One request on a connection, from its head to its answer."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from mainspring.elements.errors import MainspringError
from mainspring.engines.http.desk import Desk, RouteDesk
from mainspring.engines.http.errors import BodyTooLarge
from mainspring.engines.http.native.answer_bytes import answer_bytes
from mainspring.engines.http.notes import BegunCall
from mainspring.engines.http.room import HeldBytes
from mainspring.engines.http.workers import Overdue
from mainspring.ports.http import Answer, Call, Reply

__all__ = ["RequestExchange"]


class RequestExchange:
    """A request and, once it is there, its answer; only the event loop uses it.

    Args:
        at: the route's desk; None where the request is refused whatever its body.
        on_answer: called once the answer is there.
    """

    __slots__ = (
        "answered",
        "at",
        "begun",
        "body",
        "call",
        "desk",
        "held",
        "is_authorised",
        "is_begun",
        "is_kept",
        "is_read",
        "is_running",
        "leave",
        "on_answer",
        "wants_continue",
    )

    def __init__(
        self, call: Call, at: RouteDesk | None, desk: Desk, on_answer: Callable[[], None]
    ) -> None:
        self.call, self.at, self.desk, self.on_answer = call, at, desk, on_answer
        self.body: list[bytes] = []
        self.held = HeldBytes(desk.room)
        self.answered: Reply | None = None
        self.is_begun = self.is_authorised = self.is_read = self.is_running = False
        self.is_kept = True
        self.leave: Callable[[], None] | None = None
        self.wants_continue = False
        self.begun: BegunCall | None = None

    @property
    def may_run_beside(self) -> bool:
        """Whether the request after it on its connection may be begun before it is answered: of
        what changes something the order is the caller's.

        Source: RFC 9112, section 9.3.2.
        """
        if self.call.method in ("GET", "HEAD"):
            return True
        return self.at is not None and self.at.tick is not None

    def take(self, piece: bytes) -> None:
        """Take a piece of the body in; of a request that is answered already it is passed over."""
        if self.answered is not None:
            return
        try:
            if self.held.count + len(piece) > self.desk.limits.body_bytes:
                raise BodyTooLarge(limit=self.desk.limits.body_bytes)
            self.held.take(len(piece))
        except MainspringError as error:
            self.answer(error)
        else:
            self.body.append(piece)

    def whole(self) -> Call:
        """The call with its body."""
        body = self.body
        if not body:
            return self.call
        return self.call._replace(body=body[0] if len(body) == 1 else b"".join(body))

    def holding(self) -> ExitStack:
        """What the request holds, for work that may go on after the answer."""
        held = ExitStack()
        held.callback(self._give_back)
        return held

    def let_in(self) -> None:
        """Take a place among the calls that are under way.  Raises: what `HttpService.admit`
        raises.
        """
        admit = self.desk.service.admit
        if admit is not None:
            self.leave = admit(self.call)

    def drop(self) -> None:
        """Nobody waits for it, and it was not begun."""
        self.body.clear()
        self._give_back()

    def answer(self, answer: Answer) -> None:
        """It ended so; a second answer is for nobody."""
        if self.answered is not None:
            return
        if isinstance(answer, Reply):
            self.answered = answer
        else:
            self.answered = self.desk.refusal(self.call, answer)
        self.body.clear()
        if isinstance(answer, Overdue):
            # The thread has the bytes still.
            answer.work.add_done_callback(lambda _: self._give_back())
        else:
            self._give_back()
        self.on_answer()

    def answer_bytes(self, *, is_last: bool) -> bytes:
        """What is sent."""
        reply = self.answered or Reply(500)
        if self.begun is not None:
            return self._noted_bytes(self.begun, reply, is_last=is_last)
        return self._render(reply, is_last=is_last)[1]

    def note_left(self) -> None:
        """Nobody is sent its answer."""
        if self.begun is not None and self.desk.notes is not None:
            self.desk.notes.leave(self.begun, self.call)
            self.begun = None

    def _noted_bytes(self, begun: BegunCall, reply: Reply, *, is_last: bool) -> bytes:
        notes = self.desk.notes
        assert notes is not None, "only notes have a call begin"
        sent, payload = self._render(notes.named(begun, reply), is_last=is_last)
        notes.end(begun, self.call, sent)
        return payload

    def _render(self, reply: Reply, *, is_last: bool) -> tuple[Reply, bytes]:
        """What is sent, and as bytes: where it cannot be, the error."""
        render = partial(answer_bytes, is_head=self.call.method == "HEAD", is_last=is_last)
        try:
            return reply, render(reply)
        except ValueError as error:
            refused = self.desk.refusal(self.call, error)
            return refused, render(refused)

    def _give_back(self) -> None:
        self.desk.room.give_back(self.held.count)
        self.held.count = 0
        if self.leave is not None:
            leave, self.leave = self.leave, None
            leave()
