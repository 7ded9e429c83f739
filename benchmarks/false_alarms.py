"""How often a monitor raises a false alarm, and how often it finds a shift, by the number of rows
and of columns: `python -m benchmarks.false_alarms`, about a minute.

Of windows that are drawn from the very distribution of the baseline it prints the share that raises
an alarm, at a sensitivity of 1, which promises one in a hundred, and at the default.  Of windows
whose first column is shifted by so many standard deviations it prints the share in which that is
found, at the default.
"""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mainspring.elements.time import DAY
from mainspring.monitoring.limits.column import (
    ColumnBaseline,
    WindowsOfRows,
    baseline_of_column,
    judge_column,
)
from mainspring.monitoring.limits.share import Strictness

Floats = NDArray[np.float64]
Window = tuple[Sequence[ColumnBaseline], Sequence[Floats]]

BASELINE_ROWS, DAYS, BASELINES = 45_000, 45, 5
ROWS, COLUMNS, SHIFTS = (20, 60, 200, 1_000, 10_000), (1, 10, 100), (0.25, 0.5, 1.0)
DEFAULT = 1.4
SHAPES: Sequence[Callable[[np.random.Generator, int], Floats]] = (
    lambda rng, n: rng.normal(size=n),
    lambda rng, n: rng.integers(0, 10, n).astype(np.float64),
    lambda rng, n: (rng.random(n) < 0.3).astype(np.float64),
    lambda rng, n: np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(size=n)),
    lambda rng, n: np.where(rng.random(n) < 0.95, 0.0, rng.exponential(size=n)),
)


def is_alarmed(
    columns: Sequence[ColumnBaseline], window: Sequence[Floats], sensitivity: float
) -> bool:
    """Whether anything is found in a window."""
    strictness = Strictness.of(len(columns), sensitivity=sensitivity)
    return any(
        judge_column(
            column, values, ("feature_drift", "x"), hours=False, strictness=strictness
        ).found
        for column, values in zip(columns, window, strict=True)
    )


def lines(columns: int, rng: np.random.Generator) -> Iterator[str]:
    """A line of the table for each number of rows; windows take turns at several baselines."""
    shapes = [SHAPES[place % len(SHAPES)] for place in range(columns)]
    days = WindowsOfRows(np.arange(BASELINE_ROWS) * (DAYS * DAY // BASELINE_ROWS))
    baselines = [
        [baseline_of_column(shape(rng, BASELINE_ROWS), days) for shape in shapes]
        for _ in range(BASELINES)
    ]

    def windows(rows: int, count: int, shift: float = 0.0) -> Iterator[Window]:
        for number in range(count):
            drawn = [shape(rng, rows) + shift * (n == 0) for n, shape in enumerate(shapes)]
            yield baselines[number % BASELINES], drawn

    for rows in ROWS:
        count = min(max(4_000_000 // (rows * columns), 20), 2_000)
        started, alarms, strict_alarms = time.process_time(), 0, 0
        for baseline, window in windows(rows, count):
            alarms += is_alarmed(baseline, window, DEFAULT)
            strict_alarms += is_alarmed(baseline, window, 1.0)
        spent_ms = (time.process_time() - started) / count / 2 * 1e3
        found = [
            np.mean([is_alarmed(*window, DEFAULT) for window in windows(rows, min(count, 50), s)])
            for s in SHIFTS
        ]
        yield (
            f"{columns:>7} {rows:>7} {count:>9} {strict_alarms:>10} {alarms:>8}     "
            + "".join(f"{share:>10.0%}" for share in found)
            + f" {spent_ms:>9.1f} ms"
        )


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(17)
    print(
        "columns    rows   windows  alarms at 1   at 1.4  found: 0.25 sd    0.5 sd      1 sd  CPU"
    )
    for columns in COLUMNS:
        for line in lines(columns, rng):
            print(line, flush=True)


if __name__ == "__main__":
    main()
