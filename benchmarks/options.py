"""What every run of a benchmark can be asked for."""

import argparse
from collections.abc import Sequence
from pathlib import Path

__all__ = ["run_options"]


def run_options(
    prog: str, description: str | None, *, rows: Sequence[str], rounds: int, unless: str
) -> argparse.ArgumentParser:
    """The options of a benchmark that measures rows of tables.

    Args:
        rounds: how often each contender answers where nobody says otherwise.
        unless: for which runs nothing is written where no document is named.
    """
    options = argparse.ArgumentParser(
        prog=prog, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--only", nargs="+", choices=rows, metavar="ROW", help=f"some of: {', '.join(rows)}"
    )
    options.add_argument(
        "--rounds", type=int, default=rounds, help=f"how often each contender answers ({rounds})"
    )
    options.add_argument(
        "--document",
        type=Path,
        help=f"where the tables go; default: docs/benchmarks.md, nowhere for {unless}",
    )
    options.add_argument(
        "--folder",
        type=Path,
        help="where data lies during the run; default: the system's temporary folder",
    )
    options.add_argument(
        "--feast",
        action="store_true",
        help="install Feast into an environment of its own and measure it too (minutes)",
    )
    options.add_argument(
        "--cache", type=Path, help="where that environment is kept; default: made anew each time"
    )
    return options
