"""Runs contenders against each other: each in a process of its own, in turns, so that a neighbour's
load falls on all of them alike.

A process of its own makes memory a matter of one contender.  What is reported is the high-water
mark of resident memory (VmHWM) above what imports and compiled code take, input included; the mark
is set back once the input lies there, because what reading it took is nobody's concern.
`ru_maxrss` was rejected: a child starts with that of the parent it was made from, and it cannot be
set back.

In each turn who is quick answers twice, and the second time counts.  While others had their turn, a
virtual machine gives the memory back that a contender let go of, and getting it again took up to
twice as long as the answer; that is a property of the machine, and a user who answers twice does
not meet it.
"""

import gc
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import polars as pl

__all__ = ["Contender", "Result", "contest", "require_equal"]

LONG = {120.0: 1, 20.0: 3}
"""How often a contender is run at most whose first run takes longer than so many seconds."""
QUICK_S = 5.0
"""Who takes less answers twice in a turn."""


@dataclass(frozen=True)
class Contender:
    """Somebody who can answer.

    Args:
        prepare: loads the input from a folder and returns the act that is measured.  A function of
            a module, since it is called in another process.
        warm: what is done before memory is counted: imports, and loading compiled code.
    """

    name: str
    prepare: Callable[[Path], Callable[[], pl.DataFrame]]
    warm: Callable[[], object] = gc.collect


@dataclass
class Result:
    """What a contender took.

    Args:
        seconds, cpu_s: wall and CPU time of each run.
        peak_bytes: resident memory during the first run, above that of imports; input and answer
            included.
        extra_bytes: the same above what is resident once the input is loaded.
        answer: a file with the answer of the first run.
    """

    answer: Path
    seconds: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_bytes: int = 0
    extra_bytes: int = 0

    @property
    def median_s(self) -> float:
        """The median wall time of a run."""
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        cpu = statistics.median(self.cpu_s)
        return (
            f"{self.median_s:.3g} s ({len(self.seconds)} runs, CPU {cpu:.3g} s), "
            f"{self.peak_bytes / 1e6:,.0f} MB"
        )


def contest(contenders: Sequence[Contender], folder: Path, *, rounds: int) -> Mapping[str, Result]:
    """Let each answer so many times, in turns; results by name."""
    context = multiprocessing.get_context("spawn")
    lines, children, results = {}, [], {}
    for place, contender in enumerate(contenders):
        ours, theirs = context.Pipe()
        answer = folder / f"answer-{place}.arrow"
        answer.unlink(missing_ok=True)
        children.append(
            context.Process(target=_serve, args=(contender, folder, answer, theirs), daemon=True)
        )
        children[-1].start()
        theirs.close()
        lines[contender.name], results[contender.name] = ours, Result(answer)
    for line in lines.values():
        line.recv()
    for turn in range(rounds):
        for name, line in lines.items():
            if turn < _rounds_of(results[name], rounds):
                _run_once(line, results[name])
        # Told as it goes, on the other stream than the tables: a full run takes an hour.
        told = " · ".join(
            f"{name} {result.seconds[-1]:.3g} s"
            for name, result in results.items()
            if len(result.seconds) > turn
        )
        print(f"{folder.name}, turn {turn + 1} of {rounds}: {told}", file=sys.stderr, flush=True)
    for line, child in zip(lines.values(), children, strict=True):
        line.close()
        child.join()
    return results


def require_equal(
    ours: Result, theirs: Result, *, exact: Sequence[str], close: Sequence[str] = ()
) -> None:
    """Stop unless both answers say the same, row by row: to the last bit, or to nine digits where
    sums are of floats.
    """
    left, right = pl.read_ipc(ours.answer), pl.read_ipc(theirs.answer)
    assert left.height == right.height, f"{left.height} rows against {right.height}"
    for name in [*exact, *close]:
        mine, other = (frame[name].cast(pl.Float64) for frame in (left, right))
        assert (mine.is_null() == other.is_null()).all(), f"{name}: null in other rows"
        mine, other = mine.fill_null(0.0).to_numpy(), other.fill_null(0.0).to_numpy()
        differs = mine != other if name in exact else ~np.isclose(mine, other, rtol=1e-9, atol=1e-6)
        assert not differs.any(), (
            f"{name}: {int(differs.sum())} of {mine.size} values differ, first "
            f"{mine[differs][0]!r} against {other[differs][0]!r}"
        )


def _rounds_of(result: Result, rounds: int) -> int:
    limits = [
        limit for seconds, limit in LONG.items() if result.seconds and result.seconds[0] > seconds
    ]
    return min([rounds, *limits])


def _run_once(line: Connection, result: Result) -> None:
    line.send("run")
    seconds, cpu_s, peak, extra = line.recv()
    if not result.seconds:
        result.peak_bytes, result.extra_bytes = peak, extra
    if seconds < QUICK_S:
        line.send("run")
        seconds, cpu_s, _, _ = line.recv()
    result.seconds.append(seconds)
    result.cpu_s.append(cpu_s)


def _serve(contender: Contender, folder: Path, answer: Path, line: Connection) -> None:
    """In the child: prepare, then answer whenever told to, until the line is closed."""
    contender.warm()
    bare = _resident("VmRSS")
    act = contender.prepare(folder)
    gc.collect()
    line.send("ready")
    while True:
        try:
            line.recv()
        except EOFError:
            return
        line.send(_measure(act, answer, bare))


def _measure(
    act: Callable[[], pl.DataFrame], answer: Path, bare: int
) -> tuple[float, float, int, int]:
    Path("/proc/self/clear_refs").write_text("5")
    loaded, cpu, began = _resident("VmRSS"), _cpu_s(), time.perf_counter()
    frame = act()
    seconds, cpu_s, peak = time.perf_counter() - began, _cpu_s() - cpu, _resident("VmHWM")
    if not answer.exists():
        frame.write_ipc(answer)
    return seconds, cpu_s, peak - bare, peak - loaded


def _resident(name: str) -> int:
    """Bytes of resident memory now (VmRSS), or at most since the mark was set back (VmHWM)."""
    [line] = [
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)
    ]
    return int(line.split()[1]) * 1024


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
