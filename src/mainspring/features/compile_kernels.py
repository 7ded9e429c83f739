"""Compile the kernels ahead of their first use, in several processes.

The kernels are compiled once for each installation and user, and take their compiler half a minute
of one core.  Who asks for a feature shall not wait for that, so it happens before: in the setup of
an installation, or in the background from the first command on.  Whoever needs a kernel that is
being compiled waits for that process (`MachineCode.alone`) and compiles nothing twice.

Nothing here imports the compiler; a process that has nothing to compile does not pay for it.
"""

import hashlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from mainspring.features.kernel.edition import kernel_edition
from mainspring.features.kernel.machine_code import (
    MachineCode,
    can_store,
    is_noted,
    key_file,
    note,
)

__all__ = [
    "GROUPS",
    "KernelReport",
    "are_kernels_stored",
    "begin_in_background",
    "compile_group",
    "compile_kernels",
]

_KERNEL = "mainspring.features.kernel"
GROUPS: dict[str, tuple[str, ...]] = {
    "windows": ("windows.aggregate:compiled_sweep",),
    "updates": ("tree.online:grow_entry", "tree.online:run_entry"),
    "reads": (
        "tree.online:point_entry",
        "tree.packed:request_entry",
        "tree.online:lookup_entry",
        "tree.online:summary_entry",
    ),
    "grouping": (
        "grouping.group:compiled_grouping",
        "grouping.dictionary:compiled_dictionary",
        "grouping.as_of:compiled_walk",
    ),
}
"""What is compiled by one process, because it shares parts; what takes longest comes first."""

# Without collecting garbage compiling takes a tenth less, and some 40 MB more for a group.
_WORKER = """
import gc, os
gc.disable()
os.nice(5)
from mainspring.features import compile_kernels as ahead
ahead.{call}
"""


_REMARK = (
    "Compiling the kernels in the background, once for this installation; "
    "to see how far it is: mainspring kernels"
)


@dataclass(frozen=True)
class KernelReport:
    """What became of the kernels.

    Args:
        compiled: groups that are stored now.
        failed: groups that are not, each with what its process said last.
        is_new: whether anything had to be compiled.
    """

    compiled: tuple[str, ...]
    failed: dict[str, str]
    is_new: bool
    seconds: float

    def lines(self) -> list[str]:
        """For people: what was done, and each group that failed."""
        if not self.is_new:
            return ["the kernels are compiled"]
        done = f"{len(self.compiled)} of {len(self.compiled) + len(self.failed)} groups"
        failures = [f"  {name}: {said}" for name, said in self.failed.items()]
        return [f"compiled {done} of kernels in {self.seconds:.0f} s", *failures]


def are_kernels_stored() -> bool:
    """Whether all kernels of these sources, compiled for this processor, were stored by this user.
    Cost: some milliseconds.
    """
    return is_noted(_state())


def begin_in_background(tell: Callable[[str], None] = lambda _: None) -> bool:
    """Let a process of its own compile what is not stored yet, and do not wait for it; it outlives
    this one.  Whether one was begun.

    Args:
        tell: called with a remark for people where one was.
    """
    if find_spec("numba") is None or are_kernels_stored() or not can_store():
        return False
    if MachineCode(_state()).is_held():
        return False
    _start("compile_kernels()", stdout=subprocess.DEVNULL)
    tell(_REMARK)
    return True


def compile_kernels(
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    processes: int = 0,
    groups: Sequence[str] = tuple(GROUPS),
) -> KernelReport:
    """Compile and store what is not stored yet.

    Args:
        on_progress: called with the number of kernels that are done, and of all.
        processes: at most so many at once; default: one for each processor.
        groups: names of what is compiled.

    Cost: half a minute of one core for all.
    """
    began = time.monotonic()
    if are_kernels_stored():
        return KernelReport(tuple(groups), {}, is_new=False, seconds=0.0)
    if not can_store():
        nowhere = f"nothing can be stored: {key_file()} is no private file of this user"
        return KernelReport((), dict.fromkeys(groups, nowhere), is_new=True, seconds=0.0)
    total, done = sum(len(GROUPS.get(name, ())) for name in groups), [0]

    def count_one() -> None:
        done[0] += 1
        on_progress(done[0], total)

    on_progress(0, total)
    working = MachineCode(_state())
    with (
        # Held while it works, so that nobody begins the same in the background.  Who finds it held
        # goes on: it waits entry by entry, and so can tell how far the other one is.
        nullcontext() if working.is_held() else working.alone(),
        ThreadPoolExecutor(processes or os.cpu_count() or 1, "mainspring-kernels") as running,
    ):
        ended = running.map(lambda name: _run(name, count_one), groups)
        failed = {name: said for name, said in zip(groups, ended, strict=True) if said}
    if not failed and set(groups) == set(GROUPS):
        note(_state())
    compiled = tuple(name for name in groups if name not in failed)
    return KernelReport(compiled, failed, is_new=True, seconds=time.monotonic() - began)


def compile_group(name: str) -> None:
    """Compile and store the kernels of a group in this process, and print a line for each."""
    for entry in GROUPS[name]:
        module, _, function = entry.partition(":")
        getattr(import_module(f"{_KERNEL}.{module}"), function)()
        print(entry, flush=True)


def _run(name: str, on_kernel: Callable[[], None]) -> str:
    """Compile a group in a process of its own; what it said last if it failed."""
    said = ""
    with _start(f"compile_group({name!r})", stdout=subprocess.PIPE) as process:
        for line in process.stdout or ():
            if line.strip() in GROUPS.get(name, ()):
                on_kernel()
            said = line.strip() or said
    return "" if process.returncode == 0 else said or f"ended with {process.returncode}"


def _start(call: str, *, stdout: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        # -P: a project's folder is not where its modules come from.
        [sys.executable, "-P", "-c", _WORKER.format(call=call)],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT if stdout == subprocess.PIPE else subprocess.DEVNULL,
        text=True,
        start_new_session=stdout != subprocess.PIPE,
    )


def _state() -> str:
    """What machine code is good for: these sources, this compiler, this processor."""
    try:
        compiler = version("numba")
    except PackageNotFoundError:
        compiler = ""
    return f"{kernel_edition()} {compiler} {sys.version} {platform.machine()} {_processor()}"


def _processor() -> str:
    """What tells processors apart, where the system says it."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0]
    except OSError:
        return platform.processor()
    lines = [line for line in told.splitlines() if line.startswith(("model name", "flags"))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
