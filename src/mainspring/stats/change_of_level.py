"""A change of level in a daily series: the mean of the last days against the mean of the weeks
before them.

Two means and not a control chart, because days of one week hang together (weather, holidays): a
chart that takes days for independent raises an alarm with every storm.  The limit is the largest
change that the baseline's own days show, times a sensitivity.
"""

from collections.abc import Sequence

import numpy as np

__all__ = ["PRIOR_DAYS", "RECENT_DAYS", "change_of_level", "largest_change"]

RECENT_DAYS = 14
PRIOR_DAYS = 28


def change_of_level(
    series: Sequence[float], *, recent: int = RECENT_DAYS, prior: int = PRIOR_DAYS
) -> float | None:
    """The mean of the last `recent` days minus the mean of the `prior` days before; None while
    there are too few days.

    >>> change_of_level([0.2] * 28 + [0.3] * 14)
    0.1
    >>> change_of_level([0.2] * 20) is None
    True
    """
    if len(series) < recent + prior:
        return None
    return round(float(np.mean(series[-recent:]) - np.mean(series[-recent - prior : -recent])), 12)


def largest_change(
    series: Sequence[float], *, recent: int = RECENT_DAYS, prior: int = PRIOR_DAYS
) -> float | None:
    """The largest change in size that any day of the series ends; None while there are too few
    days.

    >>> largest_change([0.2] * 28 + [0.3] * 14 + [0.2] * 14)
    0.1
    """
    changes = [
        change_of_level(series[:end], recent=recent, prior=prior)
        for end in range(recent + prior, len(series) + 1)
    ]
    return max((abs(change) for change in changes if change is not None), default=None)
