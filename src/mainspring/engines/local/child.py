"""The first module of a task's process: tie it to its parent's life, then become the task.

Run as `python -m mainspring.engines.local.child <parent's id> <module>`.
"""

import ctypes
import os
import runpy
import signal
import sys

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask to be killed with the parent, and run the module as `__main__` with its own name as its
    only argument.
    """
    parent, module = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the kernel was asked.
    if os.getppid() != int(parent):
        raise SystemExit(f"the process {parent} that wanted this is gone")
    del sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
