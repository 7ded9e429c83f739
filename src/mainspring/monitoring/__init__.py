"""Monitors: a model's features, scores and performance in production, compared with those of the
rows that it was trained and tested on.

Limits are no rules of thumb: they follow from how many rows the window and the baseline have, and
from how the baseline's own days differ, so that neither chance nor a variation which was there all
along raises an alarm.  Owns drift, data quality, label rate, performance and parity of what is
served, and the incidents that come of them; what is done about an incident is decided elsewhere.
"""

from mainspring.monitoring.errors import NoBaseline
from mainspring.monitoring.spec import Monitor

__all__ = ["Monitor", "NoBaseline"]
