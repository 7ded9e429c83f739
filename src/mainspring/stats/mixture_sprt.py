"""The mixture sequential probability ratio test for the means of two groups, which may be looked at
after each observation.

Source: H. Robbins, "Statistical methods related to the law of the iterated logarithm", Annals of
    Mathematical Statistics 41 (1970); R. Johari, P. Koomen, L. Pekelis, D. Walsh, "Always Valid
    Inference: Continuous Monitoring of A/B Tests", Operations Research 70 (2022), section 5, with
    the variances estimated; for large groups, therefore, and not exactly for a few rows.
"""

from math import exp, sqrt
from typing import NamedTuple

__all__ = ["Moments", "mixture_e_value"]

_LARGEST_LOG = 700.0


class Moments(NamedTuple):
    """A group of observations by its sums."""

    rows: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        """Their mean; 0 for none."""
        return self.total / self.rows if self.rows else 0.0

    @property
    def variance(self) -> float:
        """Their variance (ddof 1); 0 for fewer than two."""
        if self.rows < 2:
            return 0.0
        return max(self.squares - self.total * self.mean, 0.0) / (self.rows - 1)


def mixture_e_value(watched: Moments, other: Moments, *, tolerated: float, tau: float) -> float:
    """The evidence that the mean of the watched group is above the other's by more than tolerated.

    Args:
        tolerated: a difference of the means that is no matter.
        tau: above 0: the size of a difference that would matter, in the unit of the observations;
            the test is fastest for such, and valid for all.

    Returns: an e-value; below 1 where the difference is within what is tolerated.

    >>> same = Moments(1000, 100.0, 100.0)
    >>> mixture_e_value(same, same, tolerated=0.0, tau=0.05) < 1
    True
    >>> mixture_e_value(Moments(1000, 200.0, 200.0), same, tolerated=0.0, tau=0.05) > 1000
    True
    """
    if min(watched.rows, other.rows) < 2:
        return 1.0
    spread = watched.variance / watched.rows + other.variance / other.rows
    difference = watched.mean - other.mean - tolerated
    if spread == 0:
        return 1.0
    # Below the boundary the difference speaks for the hypothesis, however far it lies.
    squared = max(difference, 0.0) ** 2
    ratio = tau**2 / (spread * (spread + tau**2))
    return sqrt(spread / (spread + tau**2)) * exp(min(squared * ratio / 2, _LARGEST_LOG))
