"""The record that every interval method returns."""

import math
from dataclasses import dataclass
from statistics import NormalDist

__all__ = ["Interval", "normal_quantile"]


@dataclass(frozen=True)
class Interval:
    """An estimate with a two-sided interval around it; all NaN where the data cannot say.

    >>> Interval(estimate=0.1, low=0.02, high=0.18, confidence=0.95).excludes(0.0)
    True
    """

    estimate: float
    low: float
    high: float
    confidence: float

    @classmethod
    def unknown(cls, confidence: float) -> "Interval":
        """The interval of a statistic that is undefined on these rows."""
        return cls(estimate=math.nan, low=math.nan, high=math.nan, confidence=confidence)

    @property
    def is_known(self) -> bool:
        """Whether the data could say anything."""
        return not math.isnan(self.estimate)

    def excludes(self, value: float) -> bool:
        """Whether `value` lies outside of the interval; an unknown interval excludes nothing."""
        return value < self.low or value > self.high


def normal_quantile(confidence: float) -> float:
    """The half width, in standard errors, of a two-sided normal interval; `confidence` lies in (0,
    1).

    >>> round(normal_quantile(0.95), 6)
    1.959964
    """
    return NormalDist().inv_cdf(0.5 + confidence / 2)
