"""How a worker process says that its event loop turns, and its threads come back: a pipe that it
inherits, and a line in it now and then.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

__all__ = ["HEARTBEAT", "Beat", "heartbeat_of"]

HEARTBEAT = "MAINSPRING_HEARTBEAT"
"""The environment variable with the number of the pipe."""

_PERIOD_S = 0.2

Beat = Callable[[int], None]
"""Called by the event loop each time it turns, with the port that it listens on; not while a thread
does not come back from its work.
"""


def heartbeat_of(environment: Mapping[str, str]) -> Beat:
    """What the event loop calls: writes to the supervisor's pipe, at most five times a second;
    nothing where there is no supervisor.
    """
    given = environment.get(HEARTBEAT, "")
    if not given.isdigit():
        return lambda _: None
    handle, last = int(given), [0.0]
    os.set_inheritable(handle, False)
    os.set_blocking(handle, False)

    def beat(port: int) -> None:
        now = time.monotonic()
        if now - last[0] >= _PERIOD_S:
            last[0] = now
            try:
                # A full pipe is one that nobody has read for minutes, and there is no more to say.
                with suppress(BlockingIOError):
                    os.write(handle, b"%d\n" % port)
            except BrokenPipeError:
                # The supervisor was killed: whoever starts it again needs the port.
                os.kill(os.getpid(), signal.SIGTERM)

    return beat
