"""Run the benchmark of the feature engine: `python -m benchmarks.features [--quick] [--only ROW …]
[--feast]`.

A full run takes about an hour on two cores and writes each table into docs/benchmarks.md as it is
done.  A quick one takes seconds, proves that every row runs and every answer is equal, and writes
nothing.
"""

import argparse
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.features.figure import Section, machine, render, require_places, write_section
from benchmarks.features.setting import Setting
from benchmarks.options import run_options

DOCUMENT = Path(__file__).parents[2] / "docs" / "benchmarks.md"
ROWS = (
    "windows",
    "as_of",
    "distinct",
    "updates",
    "reads",
    "redis_reads",
    "growth",
    "compilation",
    "visibility",
)
"""Each is a module with a function `measure`; imported when it is run, so that contenders'
processes, which import this one, start light.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the rows that were asked for; 1 if one of them failed."""
    given = _options().parse_args(arguments)
    document = given.document or (None if given.quick else DOCUMENT)
    names = given.only or ROWS
    if document is not None:
        require_places(document, names)
    return int(sum([_measure(name, given, document=document) for name in names]) > 0)


def _measure(name: str, given: argparse.Namespace, *, document: Path | None) -> bool:
    """Measure a row and write its table; whether that failed."""
    try:
        with tempfile.TemporaryDirectory(dir=given.folder, prefix="bench-") as folder:
            measured_on = machine()
            setting = Setting(
                Path(folder), given.quick, given.rounds, with_feast=given.feast, cache=given.cache
            )
            section: Section = import_module(f"benchmarks.features.{name}").measure(setting)
        print(render(section, measured_on, is_judged=not given.quick), end="\n\n", flush=True)
        if document is not None:
            write_section(document, section, measured_on)
    except Exception:  # whatever it was, the rows after it are still worth their hour
        traceback.print_exc()
        return True
    return False


def _options() -> argparse.ArgumentParser:
    options = run_options(
        "python -m benchmarks.features", __doc__, rows=ROWS, rounds=5, unless="a quick run"
    )
    options.add_argument("--quick", action="store_true", help="small sizes: a smoke test")
    return options


if __name__ == "__main__":
    sys.exit(main())
