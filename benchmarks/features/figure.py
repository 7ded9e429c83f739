"""What a row of the benchmark says: figures with their bars, as Markdown between the markers of a
document.
"""

import os
import platform
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = [
    "Figure",
    "Section",
    "at_least",
    "at_most",
    "count_of",
    "machine",
    "percentile",
    "render",
    "replaced",
    "require_places",
    "time_of",
    "write_section",
]

_TOLD = {None: "—", True: "met", False: "**missed**"}
FEATURES_RUN = "bench-features"
_PRODUCTS = ("numpy", "numba", "polars", "duckdb", "lmdb", "redis")


@dataclass(frozen=True)
class Figure:
    """One line of a table.

    Args:
        bar: what was wanted; empty where a figure is told for comparison alone.
        is_met: None where nothing was wanted, or nothing could be measured.
    """

    work: str
    measured: str
    bar: str = ""
    is_met: bool | None = None


@dataclass(frozen=True)
class Section:
    """What one row of the benchmark found; `notes` say what was run and how, one sentence or list
    to a paragraph.
    """

    name: str
    title: str
    figures: Sequence[Figure]
    notes: Sequence[str] = ()


def at_least(work: str, ratio: float, bar: float, *, told: str = "") -> Figure:
    """A figure for a ratio that should be large."""
    return Figure(work, f"{ratio:.1f} ×{told and f' ({told})'}", f"≥ {bar:g} ×", ratio >= bar)


def at_most(work: str, ratio: float, bar: float, *, told: str = "") -> Figure:
    """A figure for a ratio that should be small."""
    return Figure(work, f"{ratio:.2f} ×{told and f' ({told})'}", f"≤ {bar:g} ×", ratio <= bar)


def time_of(seconds: float) -> str:
    """A length of time with a unit that fits.

    >>> time_of(0.0000123), time_of(0.5), time_of(12.3)
    ('12.3 µs', '500 ms', '12.3 s')
    """
    if seconds < 1e-3:
        return f"{1e6 * seconds:.1f} µs"
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def count_of(number: int) -> str:
    """A number for prose.

    >>> count_of(10_000_000), count_of(2_500_000), count_of(20_000), count_of(1_234)
    ('10M', '2.5M', '20k', '1,234')
    """
    for unit, sign in ((1_000_000, "M"), (1_000, "k")):
        if number >= unit and number % (unit // 10) == 0:
            return f"{number / unit:g}{sign}"
    return f"{number:,}"


def percentile(taken: Sequence[float], percent: int) -> float:
    """The value that so many percent of them do not pass; the median for 50."""
    return statistics.quantiles(taken, n=100, method="inclusive")[percent - 1]


def machine() -> str:
    """What this was measured on."""
    products = " · ".join(f"{name} {found}" for name in _PRODUCTS if (found := _version_of(name)))
    load = os.getloadavg()[0]
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    return (
        f"{day} · {os.cpu_count()} cores · {platform.system()} · CPython "
        f"{platform.python_version()} · {products} · load before the run {load:.1f}"
    )


def render(section: Section, measured_on: str, *, is_judged: bool = True) -> str:
    """The section as Markdown; bars are for full sizes, so a quick run is not judged."""
    lines = [f"### {section.title}", "", "| work | measured | bar | |", "| --- | --- | --- | --- |"]
    lines += [
        (
            f"| {figure.work} | {figure.measured} | {figure.bar or '—'} | "
            f"{_TOLD[figure.is_met if is_judged else None]} |"
        )
        for figure in section.figures
    ]
    for note in section.notes:
        lines += ["", note]
    return "\n".join([*lines, "", f"Measured {measured_on}."])


def replaced(document: str, name: str, text: str, *, run: str = FEATURES_RUN) -> str:
    """The document with this text between the markers of a section.  Raises ValueError when it has
    no such markers.

    Args:
        run: the benchmark that writes it, which the marker names.

    >>> print(replaced("<!-- bench-features: reads -->old<!-- end of reads -->", "reads", "new"))
    <!-- bench-features: reads -->
    new
    <!-- end of reads -->
    """
    marked = re.compile(rf"(<!-- {run}: {name} -->).*?(<!-- end of {name} -->)", re.DOTALL)
    if not marked.search(document):
        raise ValueError(
            f"the document has no markers for {name}: <!-- {run}: {name} --> "
            f"and <!-- end of {name} -->"
        )
    return marked.sub(lambda found: f"{found[1]}\n{text}\n{found[2]}", document)


def require_places(path: Path, names: Sequence[str], *, run: str = FEATURES_RUN) -> None:
    """Raise ValueError unless the document has markers for all of these sections: better now than
    after an hour.
    """
    document = path.read_text(encoding="utf-8")
    for name in names:
        replaced(document, name, "", run=run)


def write_section(
    path: Path,
    section: Section,
    measured_on: str,
    *,
    run: str = FEATURES_RUN,
    is_judged: bool = True,
) -> None:
    """Put a section in its place in a document."""
    text = render(section, measured_on, is_judged=is_judged)
    document = path.read_text(encoding="utf-8")
    path.write_text(replaced(document, section.name, text, run=run), encoding="utf-8")


def _version_of(product: str) -> str | None:
    try:
        return version(product)
    except PackageNotFoundError:
        return None
