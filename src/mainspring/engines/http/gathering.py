"""Calls that arrive while others of their path are answered, answered together in the next turn.

What costs the same for one call as for fifty, such as a commit, is then paid once a turn and not
once a call.  Nobody waits for a timer: a call that comes alone has a turn of its own at once.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from mainspring.engines.http.errors import ServerBusy
from mainspring.ports.errors import AnswerUnwanted
from mainspring.ports.http import Answer, Call, Reply

__all__ = ["Gathering"]

_MOST = 256
_MOST_BYTES = 8 * 1024 * 1024


class _Waiting(NamedTuple):
    call: Call
    answer: "asyncio.Future[Reply]"
    timer: asyncio.TimerHandle

    def fail(self, error: Exception) -> None:
        """Nobody waits for its turn any more."""
        self.timer.cancel()
        self.answer.set_exception(error)


class Gathering:
    """The turns of one route, apart for each path that it is called by; only the event loop uses
    it.

    Args:
        run: answers calls in a thread.
        queue_s: how long a call may wait for its turn.
    """

    def __init__(
        self, run: Callable[[Sequence[Call]], Awaitable[Sequence[Answer]]], *, queue_s: float
    ) -> None:
        self._run, self._queue_s = run, queue_s
        self._waiting: dict[tuple[str, ...], deque[_Waiting]] = {}
        self._turns: set[asyncio.Task[None]] = set()

    async def answer(self, call: Call) -> Reply:
        """The reply to a call, once its turn has been.  Raises: ServerBusy SRV-045 where that does
        not come in time, and what the call ended with.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Reply] = loop.create_future()
        timer = loop.call_later(self._queue_s, self._give_up, answer)
        path = tuple(call.path.values())
        queue = self._waiting.get(path)
        if queue is None:
            queue = self._waiting[path] = deque()
            turns = loop.create_task(self._take_turns(path, queue))
            self._turns.add(turns)
            turns.add_done_callback(self._turns.discard)
        queue.append(_Waiting(call, answer, timer))
        return await answer

    def _give_up(self, answer: "asyncio.Future[Reply]") -> None:
        if not answer.done():
            answer.set_exception(ServerBusy(reason=f"no turn came within {self._queue_s:g} s"))

    async def _take_turns(self, path: tuple[str, ...], queue: deque[_Waiting]) -> None:
        """Answer calls of a path until none waits."""
        try:
            while turn := _next_turn(queue):
                await self._take_turn(turn)
        finally:
            del self._waiting[path]

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
