"""Run the benchmark of the doors: `python -m benchmarks.doors [--rows N] [--only ROW …] [--feast]`.

A full run has ten million facts, takes hours on two cores, and writes each table into
docs/benchmarks.md as it is done.  With fewer rows it writes nothing unless a document is named,
says how many there were, and judges nothing: the goals are for ten million.
"""

import argparse
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.doors.size import FULL, Size
from benchmarks.features.figure import Section, machine, render, require_places, write_section
from benchmarks.options import run_options

DOCUMENT = Path(__file__).parents[2] / "docs" / "benchmarks.md"
RUN = "bench-doors"
ROWS = (
    "history",
    "few",
    "newest",
    "backfill",
    "ingest",
    "pushes",
    "online",
    "durable",
    "first_apply",
)
"""Each is a module with a function `measure`; imported when it is run, so that contenders'
processes, which import this one, start light.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the rows that were asked for; 1 if one of them failed."""
    given = _options().parse_args(arguments)
    document = given.document or (DOCUMENT if given.rows >= FULL else None)
    names = given.only or ROWS
    if document is not None:
        require_places(document, names, run=RUN)
    with tempfile.TemporaryDirectory(dir=given.folder, prefix="doors-") as folder:
        size = Size(
            Path(folder),
            rounds=given.rounds,
            with_feast=given.feast,
            cache=given.cache,
            facts=given.rows,
        )
        failed = [name for name in names if not _is_measured(name, size, document)]
    return int(bool(failed))


def _is_measured(name: str, size: Size, document: Path | None) -> bool:
    """Measure a row and write its table; whether that went well."""
    try:
        measured_on = machine()
        if not size.is_full:
            measured_on += f" · {size.facts:,} facts in place of {FULL:,}"
        section: Section = import_module(f"benchmarks.doors.{name}").measure(size)
        print(render(section, measured_on, is_judged=size.is_full), end="\n\n", flush=True)
        if document is not None:
            write_section(document, section, measured_on, run=RUN, is_judged=size.is_full)
    except Exception:  # whatever it was, the rows after it are still worth their hour
        traceback.print_exc()
        return False
    return True


def _options() -> argparse.ArgumentParser:
    options = run_options(
        "python -m benchmarks.doors", __doc__, rows=ROWS, rounds=3, unless="fewer rows"
    )
    options.add_argument(
        "--rows", type=int, default=FULL, metavar="N", help="facts of a full run (10,000,000)"
    )
    return options


if __name__ == "__main__":
    sys.exit(main())
