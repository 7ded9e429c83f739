"""What a model must prove before it may answer: gates, the verdicts on them with their evidence,
and signed attestations of those verdicts.

Judging is pure: evidence comes in as records, a verdict goes out.  Signing and storing are verbs of
their own, and so is the verification that the loader does against keys of its own configuration.
Which build stands where, and what follows from a verdict, is left to `project`.
"""

from mainspring.gates.errors import (
    NotAPerson,
    SelfApproval,
    UnknownFeature,
    UnknownGate,
    UnknownMetric,
    UnknownSlice,
    UnprovenVersion,
)
from mainspring.gates.spec import (
    BeatsChampion,
    FiniteScores,
    Gate,
    Latency,
    MaxMetric,
    MinMetric,
    NoLeakage,
    Parity,
    beats_champion,
    finite_scores,
    latency,
    max_metric,
    min_metric,
    no_leakage,
    parity,
)

__all__ = [
    "BeatsChampion",
    "FiniteScores",
    "Gate",
    "Latency",
    "MaxMetric",
    "MinMetric",
    "NoLeakage",
    "NotAPerson",
    "Parity",
    "SelfApproval",
    "UnknownFeature",
    "UnknownGate",
    "UnknownMetric",
    "UnknownSlice",
    "UnprovenVersion",
    "beats_champion",
    "finite_scores",
    "latency",
    "max_metric",
    "min_metric",
    "no_leakage",
    "parity",
]
