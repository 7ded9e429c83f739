"""Which process holds a lease, and whether it is alive: known from the kernel, not from a
heartbeat.

A process id alone is not enough: ids are used again, differ between containers and start anew with
the machine.  So a process is named by boot, namespace, id and start time; of a process of another
boot or namespace nothing is known here.
"""

import os
from pathlib import Path

import msgspec

__all__ = ["ProcessName", "is_dead", "this_process"]

_STATE, _START_TIME = 0, 19
"""Fields of /proc/<pid>/stat after the command's name, which is in brackets and may hold
anything.
"""


class ProcessName(msgspec.Struct, frozen=True):
    """A process: `place` is boot and namespace (empty where the kernel does not tell), `started` in
    clock ticks since boot.
    """

    place: str
    pid: int
    started: int


def this_process() -> ProcessName:
    """The process that runs this."""
    return ProcessName(_place(), os.getpid(), _start_time(os.getpid()) or 0)


def is_dead(process: ProcessName) -> bool:
    """Whether the process has certainly ended; False when that is not known here."""
    return (
        process.place != ""
        and process.place == _place()
        and _start_time(process.pid) != process.started
    )


def _place() -> str:
    try:
        return (
            f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} "
            f"{os.readlink('/proc/self/ns/pid')}"
        )
    except OSError:
        return ""


def _start_time(pid: int) -> int | None:
    """When the process started; None when there is none, or only the remains that its parent has
    not collected.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[_STATE] in "ZX" else int(fields[_START_TIME])
