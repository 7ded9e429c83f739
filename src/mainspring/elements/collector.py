"""How often a process of ours looks for garbage in cycles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collect_rarely", "collecting_often"]

_RARELY = (50_000, 20, 50)
_OFTEN = (700, 10, 10)


def collect_rarely() -> None:
    """Look after 50,000 new objects rather than 700, for the whole process.

    Loading the modules of a command makes half a million objects and no garbage, and looking for it
    took a sixth of the time of `mainspring plan`.  It is for a process's main function to call.
    """
    gc.set_threshold(*_RARELY)


@contextmanager
def collecting_often() -> Iterator[None]:
    """Look for garbage after 700 new objects, but not through those that are there already.

    It is for what answers requests: bodies of megabytes would wait in cycles, a hundred to a look,
    and looking through a hundred thousand functions, which stay, stopped everybody for 0.2 s.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_OFTEN)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
