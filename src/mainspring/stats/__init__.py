"""Numbers without input or output: metrics, intervals, calibration and drift statistics, one file
per method.

Each method is a function of arrays, named as the literature names it, and carries its source and an
exact example; where a statistic is undefined (one class only, no rows) it is NaN, never a guess.
This package leaves to `gates` and `monitoring` what a number means and what follows from it. Import
the method's module; the package itself imports nothing, so that it costs nothing.
"""

__all__: list[str] = []
