"""The end of a server: what is under way is answered first."""

import asyncio
import socket
from collections.abc import Callable, Iterable

from mainspring.elements.listening import let_none_in
from mainspring.engines.http.guard import Admission
from mainspring.engines.http.process import PERIOD_S

__all__ = ["DRAIN_S", "IDLE_S", "drain"]

DRAIN_S = 10.0
"""How long a server that is to end goes on with what is under way."""

IDLE_S = 1.0
"""How long it keeps connections on which nothing is, for the request that is on its way."""


async def drain(
    admission: Admission,
    own_listeners: Iterable[socket.socket],
    *,
    close: Callable[[], None],
    is_at_work: Callable[[bool], bool],
    beat: Callable[[], None],
) -> None:
    """Answer what is under way, for `DRAIN_S` at most.

    From now on every answer closes its connection, so a caller learns of the end by an answer,
    and the service is told, so that readiness says so too.
    Kept connections stay for a moment, for the request that is on its way; then each is closed
    at an instant at which it has nothing to read.

    Args:
        own_listeners: that nobody else takes connections from.
        close: stops listening.
        is_at_work: whether somebody is to be answered still; told whether kept connections on
            which nothing is are to be closed.
        beat: called while it waits.
    """
    loop = asyncio.get_running_loop()
    until, idle_until = loop.time() + DRAIN_S, loop.time() + IDLE_S
    admission.is_draining = True
    admission.service.draining.set()
    for listener in own_listeners:
        # Whom the kernel has connected is answered.
        let_none_in(listener)
    await asyncio.sleep(PERIOD_S)
    close()
    while is_at_work(loop.time() > idle_until) and loop.time() < until:
        beat()
        await asyncio.sleep(PERIOD_S)
