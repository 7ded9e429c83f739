"""A command of `mainspring` in a process of its own, and what it took."""

import os
import re
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Spent", "bytes_under", "run_command", "spent_by"]

_MAIN = "from mainspring.app.cli import main; main()"
_BETWEEN_LOOKS_S = 0.02
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Spent:
    """What a process took from its start to its end.

    Args:
        cpu_s: of all its threads and of the processes that it waited for.
        peak_bytes: the most that was resident of the process.
    """

    seconds: float
    cpu_s: float
    peak_bytes: int
    output: str = ""

    def __str__(self) -> str:
        return f"{self.seconds:.3g} s (CPU {self.cpu_s:.3g} s), {self.peak_bytes / 1e6:,.0f} MB"


def run_command(*words: str, environment: Mapping[str, str] | None = None) -> Spent:
    """Run `mainspring` with these words to its end; RuntimeError when it fails."""
    return spent_by([sys.executable, "-c", _MAIN, *words], environment=environment)


def spent_by(command: list[str], *, environment: Mapping[str, str] | None = None) -> Spent:
    """What a command takes."""
    path = os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": path, **(environment or {})},
    )
    assert process.stdout is not None
    has_ended, peaks = threading.Event(), list[int]()
    watch = threading.Thread(target=_watch_memory, args=(process.pid, has_ended, peaks))
    watch.start()
    with process.stdout as stream:
        output = stream.read()
    has_ended.set()
    watch.join()
    # What the child took is known to whoever waits for it, and to nobody else.
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}: {output[-3000:]}")
    peak_bytes = max(peaks, default=used.ru_maxrss * 1024)
    return Spent(seconds, used.ru_utime + used.ru_stime, peak_bytes, output)


def _watch_memory(pid: int, has_ended: threading.Event, peaks: list[int]) -> None:
    """Add the most that has been resident of a process, again and again until it ends.

    What `wait4` says of it counts the process that started it too, which may hold all facts.
    """
    status = Path(f"/proc/{pid}/status")
    while not has_ended.wait(_BETWEEN_LOOKS_S):
        with suppress(OSError):
            found = _PEAK.search(status.read_text())
            peaks += [int(found[1]) * 1024] if found else []


def bytes_under(place: Path, *, without: str = "") -> int:
    """What a file, or the files of a folder, take on disk.

    Args:
        without: files whose name begins like this are left out; default: none.
    """
    found = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    counted = [path for path in found if not without or not path.name.startswith(without)]
    return sum(path.stat().st_blocks * 512 for path in counted)


def cpu_s() -> float:
    """Seconds of processor that this process has had."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
