"""Calls that arrive while others of their path are answered, answered together in the next turn.

What costs the same for one call as for fifty, such as a commit, is then paid once a turn and not
once a call.  Nobody waits for a timer where no rule says so: a call that comes alone has a turn of
its own at once.  A rule is for models on a device that takes as long for sixty rows as for one:
there the calls of a path wait a moment until rows enough are there.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import NamedTuple

from mainspring.engines.http.errors import ServerBusy
from mainspring.ports.errors import AnswerUnwanted
from mainspring.ports.http import Answer, Call, GatherRule, Reply

__all__ = ["Gathering"]

_MOST = 256
_MOST_BYTES = 8 * 1024 * 1024


class _Waiting(NamedTuple):
    """A call that waits.

    Args:
        timer: of when it gives up.
        rows: that it asks about.
        begin_by: until when it may wait for others, in the loop's time.
    """

    call: Call
    answer: "asyncio.Future[Reply]"
    timer: asyncio.TimerHandle
    rows: int
    begin_by: float

    def fail(self, error: Exception) -> None:
        """Nobody waits for its turn any more."""
        self.timer.cancel()
        self.answer.set_exception(error)


class _Path:
    """The calls of one path."""

    __slots__ = ("waiting", "woken")

    def __init__(self) -> None:
        self.waiting = deque[_Waiting]()
        self.woken = asyncio.Event()

    @property
    def rows(self) -> int:
        """Those that somebody waits for."""
        return sum(each.rows for each in self.waiting if not each.call.caller.has_left)


class Gathering:
    """The turns of one route, apart for each path that it is called by; only the event loop uses
    it.

    Args:
        run: answers calls in a thread.
        queue_s: how long a call may wait for its turn.
        rule: how long calls wait for others before a turn begins; None: not at all.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Call]], Awaitable[Sequence[Answer]]],
        *,
        queue_s: float,
        rule: GatherRule | None = None,
    ) -> None:
        self._run, self._queue_s, self._rule = run, queue_s, rule
        self._paths: dict[tuple[str, ...], _Path] = {}
        self._turns: set[asyncio.Task[None]] = set()

    async def answer(self, call: Call) -> Reply:
        """The reply to a call, once its turn has been.  Raises: ServerBusy SRV-045 where that does
        not come in time, and what the call ended with.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Reply] = loop.create_future()
        timer = loop.call_later(self._queue_s, self._give_up, answer)
        names = tuple(call.path.values())
        path = self._paths.get(names)
        if path is None:
            path = self._paths[names] = _Path()
            turns = loop.create_task(self._take_turns(names, path))
            self._turns.add(turns)
            turns.add_done_callback(self._turns.discard)
        rule = self._rule
        rows, wait_s = (0, 0.0) if rule is None else (rule.rows_of(call), _wait_s(call, rule))
        path.waiting.append(_Waiting(call, answer, timer, rows, loop.time() + wait_s))
        path.woken.set()
        return await answer

    def _give_up(self, answer: "asyncio.Future[Reply]") -> None:
        if not answer.done():
            answer.set_exception(ServerBusy(reason=f"no turn came within {self._queue_s:g} s"))

    async def _take_turns(self, names: tuple[str, ...], path: _Path) -> None:
        """Answer calls of a path until none waits."""
        try:
            while path.waiting:
                if self._rule is not None:
                    await _fill(path, self._rule.most_rows)
                if turn := _next_turn(path.waiting):
                    await self._take_turn(turn)
        finally:
            del self._paths[names]

    async def _take_turn(self, turn: Sequence[_Waiting]) -> None:
        try:
            answers = await self._run([each.call for each in turn])
        # whatever ends a turn is the answer to each of its calls, and their edge is there
        except Exception as error:
            answers = [error] * len(turn)
        for each, answer in zip(turn, answers, strict=True):
            if each.answer.done():
                continue
            if isinstance(answer, Exception):
                each.answer.set_exception(answer)
            else:
                each.answer.set_result(answer)


def _wait_s(call: Call, rule: GatherRule) -> float:
    """How long a call may wait for others: its caller needs the rest of the time for the answer."""
    if call.deadline is None:
        return rule.wait_s
    return min(rule.wait_s, max(0.0, call.deadline - monotonic()) / 2)


async def _fill(path: _Path, most_rows: int) -> None:
    """Return once rows enough wait, or one of the calls has waited for others as long as it may.

    The time counts from their arrival, so those that came while the turn before was answered do not
    wait for long once it has ended.
    """
    loop = asyncio.get_running_loop()
    while path.rows < most_rows:
        begin_by = min(each.begin_by for each in path.waiting)
        if loop.time() >= begin_by:
            return
        path.woken.clear()
        try:
            async with asyncio.timeout_at(begin_by):
                await path.woken.wait()
        except TimeoutError:
            return


def _next_turn(queue: deque[_Waiting]) -> list[_Waiting]:
    """The first calls that still wait for an answer, as many as one turn should have."""
    turn: list[_Waiting] = []
    size_bytes = 0
    while queue and len(turn) < _MOST:
        if queue[0].answer.done():
            queue.popleft().timer.cancel()
            continue
        try:
            queue[0].call.require_wanted()
        except AnswerUnwanted as error:
            queue.popleft().fail(error)
            continue
        size_bytes += len(queue[0].call.body)
        if turn and size_bytes > _MOST_BYTES:
            break
        turn.append(queue.popleft())
        turn[-1].timer.cancel()
    return turn
