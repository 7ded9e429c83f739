"""Quantiles of Student's t distribution, by Fisher's expansion around the normal quantile.

Source: M. Abramowitz, I. A. Stegun, "Handbook of Mathematical Functions" (1964), 26.7.5.
"""

import math
from statistics import NormalDist

__all__ = ["t_quantile"]


def t_quantile(probability: float, *, degrees: int) -> float:
    """The value that a t variable stays below with this probability.  With ten degrees or more it
    is within 1 % for probabilities from 1e-5 to 1 - 1e-5.

    >>> round(t_quantile(0.975, degrees=27), 3)
    2.052
    """
    z = NormalDist().inv_cdf(probability)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return math.fsum(term / float(degrees) ** place for place, term in enumerate(terms))
