"""Whether it still holds: what a model sees and says, compared with what it was taught, and with
the truth as it arrives.

Limits are not rules of thumb: they are calibrated on the baseline's own days, so that a wobble
which was there all along raises no alarm.  Findings become incidents in the journal; what is done
about them is decided elsewhere.
"""

from mainspring.monitoring.errors import NoBaseline
from mainspring.monitoring.spec import Monitor

__all__ = ["Monitor", "NoBaseline"]
