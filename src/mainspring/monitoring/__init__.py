"""Monitors: a model's features, scores and performance in production, compared with those of the
rows that it was trained and tested on.

Limits are no rules of thumb: they are fitted on the baseline's own days, so that a variation which
was there all along raises no alarm.  Owns drift, data quality, label rate, performance and parity
of what is served, and the incidents that come of them; what is done about an incident is decided
elsewhere.
"""

from mainspring.monitoring.errors import NoBaseline
from mainspring.monitoring.spec import Monitor

__all__ = ["Monitor", "NoBaseline"]
