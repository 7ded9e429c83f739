"""Where a call is answered: in the event loop, in a turn with others, or in a thread.

What takes a while leaves the event loop: routes that wait, bodies that take long to read, whatever
a store holds up, and models that take long to score.  Everything else stays, because a thread costs
a small call more than its answer.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import cached_property
from time import monotonic, thread_time
from typing import TypeVar

from mainspring.elements.errors import MainspringError
from mainspring.engines.http.errors import ServerBusy
from mainspring.engines.http.gathering import Gathering
from mainspring.engines.http.notes import call_notes_of
from mainspring.engines.http.room import BodyRoom
from mainspring.engines.http.tick import Elsewhere, Tick
from mainspring.engines.http.workers import Overdue, Workers, WorkInFlight, have_turn
from mainspring.ports.deadline import working_at_most
from mainspring.ports.errors import DeadlinePassed, StoreBusy
from mainspring.ports.http import Answer, Call, HttpService, RecordedAnswers, Reply, Route
from mainspring.ports.waiting import SHORT_WAIT_S, waiting_at_most

__all__ = ["Desk", "RouteDesk"]

T = TypeVar("T")

_WAITING_THREADS = 32
_SMALL_BYTES = 4096
_SMALL_ROWS = 50
_SMALL_VALUES = 400
_BUSY_S = 1.0
_SLOW_S = 30.0


class Desk:
    """What all routes of a server share: the threads, and how many bytes are held."""

    def __init__(self, service: HttpService, flying: WorkInFlight) -> None:
        limits = service.limits
        self.service, self.limits = service, limits
        self.notes = call_notes_of(service)
        self.room = BodyRoom(limits.all_bodies_bytes)
        self.waiting = Workers(_WAITING_THREADS, name="wait", limits=limits, flying=flying)
        # One core stays for everything else.
        cores = max(2, (os.cpu_count() or 2) - 1)
        self.computing = Workers(cores, name="compute", limits=limits, flying=flying)
        self._slow_until: dict[str, float] = {}

    async def at_once(self, name: str, act: Callable[[], T]) -> T:
        """Do something in the event loop; in a thread where a store would have it wait or it takes
        too long, and for a while after it had.
        """
        done = self.at_once_nowait(name, act)
        return await self.waiting.run(act) if done is None else done

    def at_once_nowait(self, name: str, act: Callable[[], T]) -> T | None:
        """The same in the event loop only; None where it has to be done in a thread."""
        now = monotonic()
        if now < self._slow_until.get(name, 0.0):
            return None
        # Of this thread, so that a machine with too much to do does not make every route slow.
        began = thread_time()
        try:
            with waiting_at_most(SHORT_WAIT_S), working_at_most(self.limits.loop_s):
                return act()
        except StoreBusy:
            self._slow_until[name] = now + _BUSY_S
        except DeadlinePassed:
            self._slow_until[name] = now + _SLOW_S
        finally:
            if thread_time() - began > self.limits.loop_s:
                self._slow_until[name] = now + _SLOW_S
        return None

    def refusal(self, call: Call, error: Exception | asyncio.CancelledError) -> Reply:
        """The reply to a call that ended with an error, one of a server's own among them."""
        if isinstance(error, asyncio.CancelledError):
            error = ServerBusy(reason="it has to end now")
        elif isinstance(error, Overdue):
            error = DeadlinePassed(limit_s=self.limits.work_s)
        return self.service.refuse(call, error)


class RouteDesk:
    """How the calls of one route are answered.

    Args:
        route: with its body read and its caller known, a call of it is answered.
    """

    def __init__(self, route: Route, desk: Desk) -> None:
        self.route, self._desk = route, desk
        # Of the event loop and not of threads: a call that waits its turn would else hold a
        # thread, and in the end all that there are.
        self._turn = asyncio.Lock() if route.alone else None
        queue_s = desk.limits.queue_s
        self._gathering = Gathering(self._run_all, queue_s=queue_s, rule=route.gather)

    @cached_property
    def tick(self) -> Tick | None:
        """The turns in the event loop, of a route that has some."""
        answer_all = self.route.together
        if answer_all is None or self.route.blocks:
            return None
        elsewhere = Elsewhere(self._gathered, self._recorded, self._alone)
        rule = self.route.gather
        is_apart = None if rule is None else rule.is_apart
        return Tick(answer_all, elsewhere, self._desk.limits, is_apart=is_apart)

    async def answer(self, call: Call, held: ExitStack) -> Reply:
        """The reply to a call.

        Args:
            held: what the call holds, until its work has ended; the turn is added to it.
        """
        if (admit := self._desk.service.admit) is not None:
            held.callback(admit(call))
        if self._turn is not None and self.route.together is None:
            await have_turn(self._desk.limits.queue_s, self._turn)
            held.callback(self._turn.release)
        try:
            return await self._run(call)
        except Overdue as overdue:
            # The thread has them still: the bytes, the place among those under way, and the turn.
            rest = held.pop_all()
            overdue.work.add_done_callback(lambda _: rest.close())
            raise

    def answer_nowait(self, call: Call) -> Answer | None:
        """What a small call of a route that does not block ends with; None where `answer` has to
        be asked.
        """
        route = self.route
        if route.blocks or route.alone or route.together is not None or _is_large(call.body):
            return None
        admit = self._desk.service.admit
        try:
            call.require_wanted()
            leave = None if admit is None else admit(call)
            try:
                return self._desk.at_once_nowait(route.path, lambda: route.handler(call))
            finally:
                if leave is not None:
                    leave()
        # the edge of a request: what one call ends with is its own answer
        except Exception as error:
            return error

    async def _run(self, call: Call) -> Reply:
        route, desk = self.route, self._desk
        if self.tick is not None:
            return await _next_answer(self.tick, call)
        if route.together is not None:
            return await self._gathering.answer(call)
        call.require_wanted()
        if route.blocks:
            return await desk.waiting.run(self._handle, call)
        if _is_large(call.body):
            return await desk.computing.run(self._handle, call)
        return await desk.at_once(route.path, lambda: route.handler(call))

    def _handle(self, call: Call) -> Reply:
        # Once more, since it may have waited for its thread.
        call.require_wanted()
        return self.route.handler(call)

    async def _run_all(self, calls: Sequence[Call]) -> Sequence[Answer]:
        """What calls that are answered together in a thread end with."""
        try:
            return await self._desk.waiting.run(self._settle, calls)
        except (MainspringError, Overdue):
            raise
        # a bug that one call meets ends that one and no other
        except Exception:
            if len(calls) == 1:
                raise
        return [await self._alone(call) for call in calls]

    def _settle(self, calls: Sequence[Call]) -> Sequence[Answer]:
        answer_all = self.route.together
        answers = answer_all(calls) if answer_all else ()
        if not isinstance(answers, RecordedAnswers):
            return answers
        try:
            return answers.settled()
        # the edge of a record: answered again one by one, calls would be on record twice
        except Exception as error:
            return answers.failed(error)

    async def _gathered(self, call: Call) -> Answer:
        return await _outcome(self._gathering.answer(call))

    async def _alone(self, call: Call) -> Answer:
        return await _outcome(self._desk.waiting.run(self._handle, call))

    async def _recorded(self, answers: RecordedAnswers) -> Sequence[Answer]:
        try:
            return await self._desk.waiting.run(answers.settled)
        # the edge of a record: whatever it is answers every call of the turn
        except Exception as error:
            return answers.failed(error)


async def _outcome(reply: Awaitable[Reply]) -> Answer:
    try:
        return await reply
    # the edge of a request: what one call ends with is its own answer
    except Exception as error:
        return error


async def _next_answer(tick: Tick, call: Call) -> Reply:
    answered: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def deliver(answer: Answer) -> None:
        if answered.done():
            return
        if isinstance(answer, Reply):
            answered.set_result(answer)
        else:
            answered.set_exception(answer)

    tick.put(call, deliver)
    return await answered


def _is_large(body: bytes) -> bool:
    """Whether it may take more than some 5 ms: most of a request is the work for each row, and that
    is an object of a prediction, or a few numbers of a tensor.
    """
    return (
        len(body) > _SMALL_BYTES
        or body.count(b"{") > _SMALL_ROWS
        or body.count(b",") > _SMALL_VALUES
    )
