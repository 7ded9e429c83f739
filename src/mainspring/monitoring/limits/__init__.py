"""What of a window is judged, and by which limits: how far chance takes as many rows as the window
has, when they are compared with as many as the baseline has, and how far the baseline's own days
(or hours) differ from each other.

Pure functions from the counts of a window to judgements.  A judgement says what was found, or why
nothing was judged; nothing is left out in silence.  Leaves to `monitoring` what is read and what
becomes of a finding.
"""

from mainspring.monitoring.limits.judgement import (
    FindingKind,
    Judgement,
    MonitorFinding,
    Unjudged,
    group_unjudged,
)
from mainspring.monitoring.limits.share import FALSE_ALARM_RATE, MIN_ROWS, Strictness

__all__ = [
    "FALSE_ALARM_RATE",
    "MIN_ROWS",
    "FindingKind",
    "Judgement",
    "MonitorFinding",
    "Strictness",
    "Unjudged",
    "group_unjudged",
]
