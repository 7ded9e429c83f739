"""Feast's online reads, in an environment of its own, because its dependencies would not live with
ours.

What runs there is `feast_store.py` beside this file, which imports nothing of this project.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.features.setting import Setting

__all__ = ["DESCRIBED", "measure"]

DESCRIBED = (
    "Feast: 20,000 keys with 20 float features each in its SQLite store, "
    "`get_online_features` in process, other keys at each call, p50."
)
_REQUIREMENTS = ("feast==0.67.0",)
_CALLS = 300


def measure(setting: Setting, room: Path, sizes: Sequence[int]) -> dict[int, float]:
    """Median seconds of a read of so many keys, for each size.  Cost: minutes the first time, for
    installing it.
    """
    python = _environment(setting.cache or room)
    script = Path(__file__).with_name("feast_store.py")
    done = subprocess.run(
        [
            python,
            script,
            room / "feast",
            str(setting.scaled(20_000)),
            str(_CALLS),
            *map(str, sizes),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"Feast ended with {done.returncode}: {done.stderr[-2000:]}")
    return {
        int(size): seconds for size, seconds in json.loads(done.stdout.splitlines()[-1]).items()
    }


def _environment(folder: Path) -> Path:
    """The Python of an environment that has Feast; made where there is none."""
    home = folder / "feast-environment"
    python, ready = home / "bin" / "python", home / ".ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "-qq", *_REQUIREMENTS], check=True)
        ready.touch()
    return python
