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

BASELINE_ROWS, DAYS = 45_000, 45
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
    """A line of the table for each number of rows."""
    shapes = [SHAPES[place % len(SHAPES)] for place in range(columns)]
    days = WindowsOfRows(np.arange(BASELINE_ROWS) * (DAYS * DAY // BASELINE_ROWS))
    baseline = [baseline_of_column(shape(rng, BASELINE_ROWS), days) for shape in shapes]
    for rows in ROWS:
        count = min(max(3_000_000 // (rows * columns), 20), 2_000)
        quiet = [0, 0]
        started = time.process_time()
        for _ in range(count):
            window = [shape(rng, rows) for shape in shapes]
            for place, sensitivity in enumerate((1.0, DEFAULT)):
                quiet[place] += is_alarmed(baseline, window, sensitivity)
        spent = (time.process_time() - started) / count / 2
        few = min(count, 100)
        found = [
            np.mean(
                [
                    is_alarmed(
                        baseline,
                        [shape(rng, rows) + shift * (n == 0) for n, shape in enumerate(shapes)],
                        DEFAULT,
                    )
                    for _ in range(few)
                ]
            )
            for shift in SHIFTS
        ]
        yield (
            f"{columns:>7} {rows:>6} {count:>8} "
            + " ".join(f"{alarms / count:>9.2%}" for alarms in quiet)
            + " ".join(f"{share:>9.0%}" for share in found)
            + f" {spent * 1e3:>8.1f} ms"
        )


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(17)
    print(
        "columns   rows  windows   alarms at 1, at 1.4   found: 0.25 sd    0.5 sd      1 sd   CPU"
    )
    for columns in COLUMNS:
        for line in lines(columns, rng):
            print(line, flush=True)


if __name__ == "__main__":
    main()
