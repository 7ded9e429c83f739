"""Threads for what must not be done in the event loop: as many as the machine can use for work, and
more for what waits, apart from each other, so that a locked store takes no thread from work.

Who waits for a thread holds none, and not for ever.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from mainspring.engines.http.errors import ServerBusy
from mainspring.ports.waiting import waiting_at_most

__all__ = ["Workers", "having_turn"]

T = TypeVar("T")


class Workers:
    """Some threads.

    Args:
        queue_s: how long a call may wait for one of them.
        store_s: how long it may then wait for a store.
    """

    def __init__(self, threads: int, *, name: str, queue_s: float, store_s: float) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=f"mainspring-{name}")
        self._places = asyncio.Semaphore(threads)
        self._queue_s, self._store_s = queue_s, store_s

    async def run(self, act: Callable[..., T], *arguments: object) -> T:
        """What the function returns.  Raises: ServerBusy SRV-045 where no thread is free in time,
        and what the function raises.
        """
        async with having_turn(self._queue_s, self._places):
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._act, act, *arguments)

    def _act(self, act: Callable[..., T], *arguments: object) -> T:
        with waiting_at_most(self._store_s):
            return act(*arguments)


@asynccontextmanager
async def having_turn(
    timeout_s: float, turn: asyncio.Semaphore | asyncio.Lock
) -> AsyncIterator[None]:
    """Have a turn for as long as the block runs.  Raises: ServerBusy SRV-045 where it does not come
    in time.
    """
    try:
        async with asyncio.timeout(timeout_s):
            await turn.acquire()
    except TimeoutError as error:
        raise ServerBusy(reason=f"no turn came within {timeout_s:g} s") from error
    try:
        yield
    finally:
        turn.release()
