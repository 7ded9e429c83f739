"""The limit of a share: how many rows of a window may have a property before neither chance nor the
spread between the baseline's own windows explains it.

Exact for independent rows: of the window's `n` rows as many have the property as a beta-binomial
says after the baseline's `m`, whatever the distribution of the values.  A fixed limit (PSI above
0.1, the worst day of the baseline) was what this replaces: it alarms in every window of sixty rows
and in no window of a constant, for it knows neither `n` nor `m`.
"""

import math
from typing import NamedTuple

from mainspring.stats.beta_binomial import beta_binomial_limit

__all__ = ["FALSE_ALARM_RATE", "MIN_ROWS", "TOLERATED", "Strictness", "UsualShare", "rows_needed"]

FALSE_ALARM_RATE = 0.01
"""At most this share of a model's quiet windows raises an alarm, all its subjects together, at a
sensitivity of 1.
"""

MIN_ROWS = 20
"""Fewer rows are not judged: they are the requests of a caller or two, and not a distribution."""

TOLERATED = 0.01
"""One row in a hundred more than usual is no trouble, however certain it is."""

# Beyond, more rows would only find what is too small to matter: a limit is that of so many.
_MOST_ROWS = 10_000
_ROUND_NUMBERS = (MIN_ROWS, 50, 100, 200, 500, 1_000, 2_000, 5_000, _MOST_ROWS)
# Windows that have nothing in common with each other leave nothing to compare with.
_MOST_SPREAD = 0.999


class Strictness(NamedTuple):
    """How strictly a subject is judged.

    Args:
        level: the chance of a false alarm that one test may have.
        sensitivity: how many times further than that a share must be from the usual one.
    """

    level: float
    sensitivity: float

    @classmethod
    def of(cls, subjects: int, *, sensitivity: float) -> "Strictness":
        """For each of so many subjects that share the false-alarm rate (Bonferroni)."""
        return cls(FALSE_ALARM_RATE / subjects, sensitivity)

    def split(self, tests: int) -> "Strictness":
        """For each of so many tests of one subject."""
        return Strictness(self.level / tests, self.sensitivity)


class UsualShare(NamedTuple):
    """A share of the baseline.

    Args:
        having, lacking: rows with the property and without it, each above 0.
        spread: the intraclass correlation of rows of one window: how much more than by chance the
            share varies between windows of the baseline.
    """

    having: float
    lacking: float
    spread: float = 0.0

    @property
    def share(self) -> float:
        """The share itself."""
        return self.having / (self.having + self.lacking)

    @property
    def effective_rows(self) -> float:
        """How many independent rows would leave one in as much doubt about the share of a window.

        >>> [round(UsualShare(500, 500, spread).effective_rows) for spread in (0.0, 0.01)]
        [1000, 90]
        """
        correlation = 1 / (self.having + self.lacking + 1) + self.spread
        return 1 / min(correlation, _MOST_SPREAD) - 1

    def limit(self, rows: int, strictness: Strictness) -> float:
        """What the share of so many rows must exceed; 1 where no share would do.

        >>> strict = Strictness(1e-4, 1.0)
        >>> [round(UsualShare(900, 100).limit(n, strict), 3) for n in (20, 200, 2000)]
        [1.0, 0.975, 0.939]
        """
        rows, share, size = min(rows, _MOST_ROWS), self.share, self.effective_rows
        count = beta_binomial_limit(rows, size * share, size * (1 - share), level=strictness.level)
        # One row is no distribution, however unlikely it is.
        by_chance = max(count, 1) / rows
        # So many times the distance from the usual share, where that is small; a power of what is
        # left to 1 where it is not, or all rows of a window could be beyond what can be told.
        left = math.pow((1 - by_chance) / (1 - share), strictness.sensitivity)
        return 1 - (1 - share) * left


def rows_needed(usual: UsualShare, strictness: Strictness) -> int | None:
    """The smallest round number of rows that could exceed the limit; None where none could."""
    return next((n for n in _ROUND_NUMBERS if usual.limit(n, strictness) < 1), None)
