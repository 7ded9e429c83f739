"""Who is answered when more is asked than can be answered.

Each model has a queue with a limit, of which live requests may fill all, shadow requests half and
batch requests a quarter; each caller has a rate.  `queue` and `rate` decide and know no clock;
`admit` keeps count for one server.  How long an admitted request may wait belongs to the server.
"""

from mainspring.serving.admission.admit import AdmissionControl
from mainspring.serving.admission.errors import (
    ModelQueueFull,
    RateExceeded,
    UnknownPriority,
    rejection_of,
)
from mainspring.serving.admission.limits import AdmissionLimits, CallerRate
from mainspring.serving.admission.queue import PRIORITY_HEADER, Priority

__all__ = [
    "PRIORITY_HEADER",
    "AdmissionControl",
    "AdmissionLimits",
    "CallerRate",
    "ModelQueueFull",
    "Priority",
    "RateExceeded",
    "UnknownPriority",
    "rejection_of",
]
