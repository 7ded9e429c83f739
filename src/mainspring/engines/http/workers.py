"""Threads for what must not be done in the event loop: as many as the machine can use for work, and
more for what waits, apart from each other, so that a locked store takes no thread from work.

Who waits for a thread holds none, and not for ever.  Nobody can end a thread: work that has passed
its deadline keeps its thread and its place until it ends by itself, so that no more is begun than
there are threads; whoever asked for it is told.
"""

import asyncio
import queue
import threading
import time
import weakref
from collections.abc import Callable
from typing import TypeVar

from mainspring.engines.http.errors import ServerBusy
from mainspring.ports.deadline import working_at_most
from mainspring.ports.limits import HttpLimits
from mainspring.ports.waiting import waiting_at_most

__all__ = ["Overdue", "WorkInFlight", "Workers", "have_turn"]

T = TypeVar("T")

_GRACE_S = 0.5
"""What ends at its deadline comes back by itself, and is not left behind."""

_Work = Callable[[], None]


class Overdue(Exception):
    """Work that goes on after its deadline.

    Args:
        work: is done when it has ended.
    """

    def __init__(self, work: "asyncio.Future[None]") -> None:
        super().__init__()
        self.work = work


class WorkInFlight:
    """What the threads of one server work at, and since when; only its event loop uses it."""

    def __init__(self) -> None:
        self._began = dict[object, float]()

    def begin(self, work: object) -> None:
        """A thread begins with it."""
        self._began[work] = time.monotonic()

    def end(self, work: object) -> None:
        """It has ended."""
        del self._began[work]

    def longest_s(self) -> float:
        """For how long the oldest of it has gone on; 0 where there is none."""
        # What began first is first.
        return time.monotonic() - next(iter(self._began.values())) if self._began else 0.0


class Workers:
    """Some threads, which the end of the process does not wait for: one that never comes back would
    hold it up for ever.
    """

    def __init__(
        self, threads: int, *, name: str, limits: HttpLimits, flying: WorkInFlight
    ) -> None:
        self._name, self._limits, self._flying = name, limits, flying
        self._places = asyncio.Semaphore(threads)
        self._works: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._started = self._busy = 0
        weakref.finalize(self, self._works.put, None)

    async def run(self, act: Callable[..., T], *arguments: object) -> T:
        """What the function returns.

        Raises: ServerBusy SRV-045 where no thread is free in time, Overdue where the function goes
            on after the deadline, and what it raises.
        """
        await have_turn(self._limits.queue_s, self._places)
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[T] = loop.create_future()
        ended: asyncio.Future[None] = loop.create_future()
        self._begin(_working(act, arguments, answered, ended, limits=self._limits), ended)
        try:
            await asyncio.wait((answered,), timeout=self._limits.work_s + _GRACE_S)
            if answered.done():
                return answered.result()
            raise Overdue(ended)
        finally:
            # Whatever still comes of it is for nobody.
            answered.cancel()

    def _begin(self, work: _Work, ended: "asyncio.Future[None]") -> None:
        if self._busy == self._started:
            self._start_thread()
        self._busy += 1
        self._flying.begin(ended)
        ended.add_done_callback(self._end)
        self._works.put(work)

    def _start_thread(self) -> None:
        name = f"mainspring-{self._name}-{self._started}"
        try:
            threading.Thread(target=_do_all, args=(self._works,), name=name, daemon=True).start()
        except RuntimeError as error:
            self._places.release()
            raise ServerBusy(reason="the system gives it no thread") from error
        self._started += 1

    def _end(self, ended: "asyncio.Future[None]") -> None:
        self._busy -= 1
        self._flying.end(ended)
        self._places.release()


def _do_all(works: "queue.SimpleQueue[_Work | None]") -> None:
    """Do what comes, one after the other, until there is nobody to do it for."""
    while (work := works.get()) is not None:
        work()
        # Until the next comes it would hold what the last was about.
        del work
    works.put(None)


def _working(
    act: Callable[..., T],
    arguments: tuple[object, ...],
    answered: "asyncio.Future[T]",
    ended: "asyncio.Future[None]",
    *,
    limits: HttpLimits,
) -> _Work:
    """The work of a thread: the function, within its limits; then its event loop is told."""
    loop = answered.get_loop()

    def settle(result: T | None, error: BaseException | None) -> None:
        ended.set_result(None)
        if answered.done():
            return
        if error is not None:
            answered.set_exception(error)
        else:
            answered.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result, error = None, None
        try:
            with waiting_at_most(limits.store_s), working_at_most(limits.work_s):
                result = act(*arguments)
        # the edge of a thread: whatever it is belongs to whoever waits for the result
        except BaseException as raised:
            error = raised
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            # The server has ended meanwhile, and nobody waits.
            pass
        finally:
            # Its trace leads here: together they would hold the request until they are collected.
            error = None

    return work


async def have_turn(timeout_s: float, turn: asyncio.Semaphore | asyncio.Lock) -> None:
    """Have a turn, which is to be released.  Raises: ServerBusy SRV-045 where it does not come in
    time.
    """
    try:
        async with asyncio.timeout(timeout_s):
            await turn.acquire()
    except TimeoutError as error:
        raise ServerBusy(reason=f"no turn came within {timeout_s:g} s") from error
