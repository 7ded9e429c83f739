"""Row 8: what the first use of the kernel costs, before and after its machine code is on disk."""

import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.features.figure import Figure, Section, time_of
from benchmarks.features.setting import Setting

__all__ = ["measure"]

_SCRIPT = """
import time
from mainspring.features.kernel.windows.aggregate import warm
from benchmarks.features.purchases import warm_up
began = time.perf_counter()
warm()
warmed = time.perf_counter()
warm_up()
print(warmed - began, time.perf_counter() - warmed)
"""
_COLD_ROUNDS = 3
_LIMIT_S = 300
_ROOT = Path(__file__).parents[2]


def measure(setting: Setting) -> Section:
    """Each in a process of its own: with an empty cache on disk, and with a filled one.  A quick
    run compiles nothing and takes the machine's own cache.
    """
    caches = (
        []
        if setting.is_quick
        else [setting.room(f"compilation-{turn}") for turn in range(_COLD_ROUNDS)]
    )
    compiled = (
        [Figure("compiled, nothing on disk", _told([_first_use(cache) for cache in caches]))]
        if caches
        else []
    )
    loaded = Figure(
        "loaded from disk",
        _told([_first_use(caches[0] if caches else None) for _ in range(setting.rounds)]),
    )
    return Section(
        "compilation",
        "First use of the kernel",
        [*compiled, loaded],
        [
            "Once for each process, after imports: what `warm` takes, which a server "
            "calls before its first request, and what a small backfill takes after "
            "that, which ought to be next to nothing."
        ],
    )


def _told(taken: Sequence[tuple[float, float]]) -> str:
    warmed, first = (statistics.median(column) for column in zip(*taken, strict=True))
    return f"{time_of(warmed)}, first backfill after that {time_of(first)}"


def _first_use(cache: Path | None) -> tuple[float, float]:
    """Seconds of `warm` and of a small backfill after it."""
    environment = os.environ | ({"NUMBA_CACHE_DIR": str(cache)} if cache else {})
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        cwd=_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=_LIMIT_S,
    )
    warmed, first = done.stdout.split()
    return float(warmed), float(first)
