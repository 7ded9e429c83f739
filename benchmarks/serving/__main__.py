"""Run the benchmark of serving: `python -m benchmarks.serving [--quick] [--only ROW …]`.

A full run takes half an hour on two cores, of which the first installs the peers, and writes each
table into docs/benchmarks.md as it is done.  A quick one takes a minute, without peers, judges
nothing and writes nothing.
"""

import argparse
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.features.figure import Section, machine, render, require_places, write_section
from benchmarks.serving.load import require_wrk
from benchmarks.serving.setting import Setting

_ROOT = Path(__file__).parents[2]
DOCUMENT = _ROOT / "docs" / "benchmarks.md"
RUN = "bench-serving"
ROWS = ("one_row", "many_rows", "endpoint", "start")
"""Each is a module with a function `measure`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the rows that were asked for; 1 if one of them failed."""
    given = _options().parse_args(arguments)
    document = given.document or (None if given.quick else DOCUMENT)
    names = given.only or ROWS
    require_wrk()
    if document is not None:
        require_places(document, names, run=RUN)
    failed = []
    for name in names:
        # Apart, so that no row finds what another left.
        with tempfile.TemporaryDirectory(dir=given.folder, prefix="serving-") as folder:
            setting = Setting(
                Path(folder),
                given.cache,
                rounds=1 if given.quick else given.rounds,
                seconds=1.0 if given.quick else given.seconds,
                with_peers=not (given.quick or given.no_peers),
                is_quick=given.quick,
            )
            if not _is_measured(name, setting, document):
                failed.append(name)
    return int(bool(failed))


def _is_measured(name: str, setting: Setting, document: Path | None) -> bool:
    """Measure a row and write its table; whether that went well."""
    try:
        measured_on, is_judged = machine(), not setting.is_quick
        section: Section = import_module(f"benchmarks.serving.{name}").measure(setting)
        print(render(section, measured_on, is_judged=is_judged), end="\n\n", flush=True)
        if document is not None:
            write_section(document, section, measured_on, run=RUN, is_judged=is_judged)
    except Exception:  # whatever it was, the rows after it are still worth their time
        traceback.print_exc()
        return False
    return True


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.serving",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument(
        "--only", nargs="+", choices=ROWS, metavar="ROW", help=f"some of: {', '.join(ROWS)}"
    )
    options.add_argument("--quick", action="store_true", help="a minute, without peers")
    options.add_argument("--no-peers", action="store_true", help="ours alone")
    options.add_argument("--rounds", type=int, default=5, help="turns of each contender (5)")
    options.add_argument("--seconds", type=float, default=5.0, help="of a turn (5)")
    options.add_argument("--document", type=Path, help="where the tables go")
    options.add_argument("--folder", type=Path, help="where data lies during the run")
    options.add_argument(
        "--cache",
        type=Path,
        default=_ROOT / ".benchmarks" / "serving",
        help="where the environments of peers are kept (.benchmarks/serving)",
    )
    return options


if __name__ == "__main__":
    sys.exit(main())
