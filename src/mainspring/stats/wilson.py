"""The Wilson score interval of a proportion: honest near 0 and 1, where the normal interval has no
width.

Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA
    22 (1927).
"""

import math

from mainspring.stats.interval import Interval, normal_quantile

__all__ = ["wilson_interval"]


def wilson_interval(successes: int, rows: int, *, confidence: float = 0.95) -> Interval:
    """The share `successes / rows` with its score interval, inside [0, 1]; unknown without rows.

    >>> interval = wilson_interval(0, 10)
    >>> interval.low, round(interval.high, 4)
    (0.0, 0.2775)
    """
    if rows == 0:
        return Interval.unknown(confidence)
    z = normal_quantile(confidence)
    share = successes / rows
    centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half_width = (
        z / (1 + z * z / rows) * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    )
    # Rounding leaves 1e-17 where the formula is exactly 0 or 1.
    low = 0.0 if successes == 0 else centre - half_width
    high = 1.0 if successes == rows else centre + half_width
    return Interval(estimate=share, low=low, high=high, confidence=confidence)
