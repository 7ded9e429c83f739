"""Calls that were read in one turn of the event loop, answered together in that loop by one call of
their route.

No timer waits for more: the first call asks for a turn, which comes once the loop has read what has
arrived.  What a turn may take is learned, by the bytes of its calls: a turn that took too long
makes the next ones smaller, and a call that is larger than a whole turn goes to a thread, as does
every call of a model that takes long for one row.  Bytes are what is known of a call before it is
read, and of one route and path they say well enough how many rows it has.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from time import thread_time
from typing import NamedTuple

from mainspring.elements.errors import MainspringError
from mainspring.ports.deadline import working_at_most
from mainspring.ports.errors import DeadlinePassed, StoreBusy
from mainspring.ports.http import Answer, Answers, Call, RecordedAnswers
from mainspring.ports.limits import HttpLimits
from mainspring.ports.waiting import SHORT_WAIT_S, waiting_at_most

__all__ = ["Deliver", "Elsewhere", "Tick"]

Deliver = Callable[[Answer], None]
"""Is given what a call ended with, once, in the event loop."""

_MOST = 256
_MOST_BYTES = 256 * 1024
_EMPTY_BYTES = 256
"""What a call without a body counts as."""

_LONGEST_S = 30.0
_PATHS = 1_024


class Elsewhere(NamedTuple):
    """Where that is done which must not be done in the event loop.

    Args:
        answer: one call, with others that wait for a thread.
        record: what is to be on record before the answers leave.
        alone: a call of a turn that a bug ended.
    """

    answer: Callable[[Call], Awaitable[Answer]]
    record: Callable[[RecordedAnswers], Awaitable[Sequence[Answer]]]
    alone: Callable[[Call], Awaitable[Answer]]


class _Waiting(NamedTuple):
    call: Call
    deliver: Deliver
    size_bytes: int


class _Path:
    """The calls of one path, and what was learned of it.

    A path that proved slow is tried again after a second, and after twice as long each time that it
    proves slow again.
    """

    __slots__ = ("is_busy", "pause_s", "retry_at", "room_bytes", "strikes", "waiting")

    def __init__(self) -> None:
        self.waiting = deque[_Waiting]()
        self.is_busy = False
        self.room_bytes = _MOST_BYTES
        self.strikes, self.pause_s, self.retry_at = 0, 1.0, 0.0

    def learn(self, size_bytes: int, took_s: float, *, limit_s: float, now: float) -> None:
        """A turn of so many bytes took so long.

        One slow turn is no proof unless it is very slow: the collector of garbage, or another
        process, may have had a part in it.
        """
        if took_s <= limit_s:
            self.strikes = 0
            if now >= self.retry_at and self.room_bytes < _MOST_BYTES:
                self._widen(now)
                self.pause_s = max(1.0, self.pause_s / 2)
            return
        self.strikes += 1
        if self.strikes > 1 or took_s > 10 * limit_s:
            self.shrink(int(size_bytes * limit_s / took_s), now=now)

    def shrink(self, room_bytes: int, *, now: float) -> None:
        """Less is done at once for a while."""
        self.room_bytes, self.strikes = min(self.room_bytes, max(1, room_bytes)), 0
        self.retry_at = now + self.pause_s
        self.pause_s = min(_LONGEST_S, 2 * self.pause_s)

    def has_room(self, size_bytes: int, now: float) -> bool:
        """Whether a call of this size may be answered in the loop; now and then one may that is too
        large by what was known.
        """
        if size_bytes <= self.room_bytes:
            return True
        if now < self.retry_at or size_bytes > _MOST_BYTES:
            return False
        self._widen(now, at_least=size_bytes)
        return True

    def _widen(self, now: float, at_least: int = 0) -> None:
        self.room_bytes = min(_MOST_BYTES, max(4 * self.room_bytes, at_least))
        self.retry_at = now + self.pause_s


class Tick:
    """The turns of one route, apart for each path that it is called by; only the event loop uses
    it.

    Args:
        answer_all: answers calls of one path.
        is_apart: says of a call that it is for a thread whatever it takes; None: of none.
    """

    def __init__(
        self,
        answer_all: Callable[[Sequence[Call]], Answers],
        elsewhere: Elsewhere,
        limits: HttpLimits,
        *,
        is_apart: Callable[[Call], bool] | None = None,
    ) -> None:
        self._is_apart = is_apart
        self._answer_all, self._elsewhere, self._limits = answer_all, elsewhere, limits
        self._paths = OrderedDict[tuple[str, ...], _Path]()
        self._tasks = set[asyncio.Task[None]]()
        self._loop = asyncio.get_running_loop()

    def put(self, call: Call, deliver: Deliver) -> None:
        """Answer a call in the next turn, or in a thread where it is too large for one."""
        if self._is_apart is not None and self._is_apart(call):
            self._spawn(self._answer_elsewhere(call, deliver))
            return
        path = self._path_of(call)
        size_bytes = len(call.body) + _EMPTY_BYTES
        if not path.has_room(size_bytes, self._loop.time()):
            self._spawn(self._answer_elsewhere(call, deliver))
            return
        path.waiting.append(_Waiting(call, deliver, size_bytes))
        if not path.is_busy:
            path.is_busy = True
            self._loop.call_soon(self._take_turn, path)

    def _path_of(self, call: Call) -> _Path:
        names = tuple(call.path.values())
        path = self._paths.get(names)
        if path is None:
            path = self._paths[names] = _Path()
            # Anybody who may call makes names up.
            if len(self._paths) > _PATHS:
                self._paths.popitem(last=False)
        return path

    def _take_turn(self, path: _Path) -> None:
        turn = _next_turn(path)
        if not turn:
            path.is_busy = False
            return
        answers = self._answers(path, turn)
        if isinstance(answers, RecordedAnswers):
            self._spawn(self._record(path, turn, answers))
            return
        self._deliver(turn, answers)
        self._loop.call_soon(self._take_turn, path)

    def _answers(self, path: _Path, turn: Sequence[_Waiting]) -> Answers | None:
        """What the calls end with; None where they have to be answered elsewhere."""
        now, began = self._loop.time(), thread_time()
        try:
            with waiting_at_most(SHORT_WAIT_S), working_at_most(self._limits.loop_s):
                return self._answer_all([each.call for each in turn])
        except StoreBusy:
            path.shrink(1, now=now)
            return None
        except DeadlinePassed:
            return None
        except MainspringError as error:
            return [error] * len(turn)
        # the edge of a turn: a bug that one call meets ends that one and no other
        except Exception as error:
            return [error] if len(turn) == 1 else self._each_alone(turn)
        finally:
            # Of this thread, so that a machine with too much to do does not make every path slow.
            took_s = thread_time() - began
            size_bytes = sum(each.size_bytes for each in turn)
            path.learn(size_bytes, took_s, limit_s=self._limits.turn_s, now=now)

    def _each_alone(self, turn: Sequence[_Waiting]) -> Sequence[Answer]:
        for each in turn:
            self._spawn(self._answer_alone(each))
        return ()

    def _deliver(self, turn: Sequence[_Waiting], answers: Sequence[Answer] | None) -> None:
        if answers is None:
            for each in turn:
                self._spawn(self._answer_elsewhere(each.call, each.deliver))
        elif answers:
            for each, answer in zip(turn, answers, strict=True):
                if isinstance(answer, StoreBusy | DeadlinePassed):
                    self._spawn(self._answer_elsewhere(each.call, each.deliver))
                else:
                    each.deliver(answer)

    async def _record(
        self, path: _Path, turn: Sequence[_Waiting], answers: RecordedAnswers
    ) -> None:
        """Deliver what is on record by then; the calls that came meanwhile are the next turn."""
        try:
            settled = await self._elsewhere.record(answers)
        finally:
            self._loop.call_soon(self._take_turn, path)
        for each, answer in zip(turn, settled, strict=True):
            each.deliver(answer)

    async def _answer_elsewhere(self, call: Call, deliver: Deliver) -> None:
        deliver(await self._elsewhere.answer(call))

    async def _answer_alone(self, each: _Waiting) -> None:
        each.deliver(await self._elsewhere.alone(each.call))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _next_turn(path: _Path) -> list[_Waiting]:
    """The first calls that somebody still waits for, as many as a turn has room for."""
    turn: list[_Waiting] = []
    size_bytes, waiting = 0, path.waiting
    while waiting and len(turn) < _MOST:
        size_bytes += waiting[0].size_bytes
        if turn and size_bytes > path.room_bytes:
            break
        each = waiting.popleft()
        try:
            each.call.require_wanted()
        except MainspringError as error:
            each.deliver(error)
        else:
            turn.append(each)
    return turn
