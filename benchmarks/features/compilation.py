"""Row 8: what the first use of the kernel costs, before and after its machine code is on disk."""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.features.figure import Figure, Section, percentile, time_of
from benchmarks.features.setting import Setting

__all__ = ["measure"]

_SCRIPT = """
import time
from mainspring.features.kernel.aggregate import warm
began = time.perf_counter()
warm()
print(time.perf_counter() - began)
"""
_COLD_ROUNDS = 3
_LIMIT_S = 300


def measure(setting: Setting) -> Section:
    """Each in a process of its own: with an empty cache on disk, and with a filled one.  A quick run compiles nothing and takes the machine's own cache."""
    if setting.is_quick:
        return Section("compilation", "First use of the kernel", [Figure("loaded from disk", time_of(_first_use()))])
    cold = [_first_use(setting.room(f"compilation-{turn}")) for turn in range(_COLD_ROUNDS)]
    cached = [_first_use(setting.folder / "compilation-0") for _ in range(max(2, setting.rounds))]
    return Section(
        "compilation",
        "First use of the kernel",
        [
            Figure("compiled, nothing on disk", time_of(percentile(cold, 50))),
            Figure("loaded from disk", time_of(percentile(cached, 50))),
        ],
        ["Once for each process, after imports.  `apply` and a server that starts do it before the first request."],
    )


def _first_use(cache: Path | None = None) -> float:
    environment = os.environ | ({"NUMBA_CACHE_DIR": str(cache)} if cache else {})
    done = subprocess.run([sys.executable, "-c", _SCRIPT], env=environment, capture_output=True, text=True, check=True, timeout=_LIMIT_S)
    return float(done.stdout)
