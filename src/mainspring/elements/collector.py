"""How often a process of ours looks for garbage in cycles."""

import gc

__all__ = ["collect_rarely"]

_THRESHOLDS = (50_000, 20, 50)


def collect_rarely() -> None:
    """Look after 50,000 new objects rather than 700, for the whole process.

    Loading the modules of a command makes half a million objects and no garbage, and looking for it
    took a sixth of the time of `mainspring plan`.  It is for a process's main function to call.
    """
    gc.set_threshold(*_THRESHOLDS)
