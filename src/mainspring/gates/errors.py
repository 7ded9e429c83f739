"""What can go wrong while a model proves itself, and what it is told when it has not."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import GateError

__all__ = [
    "NotAPerson",
    "SelfApproval",
    "UnknownGate",
    "UnknownMetric",
    "UnknownSlice",
    "UnprovenVersion",
    "UnreadableAttestation",
]


@dataclass(eq=False, kw_only=True)
class UnknownMetric(GateError):
    """A gate names a metric that nobody computes."""

    code: ClassVar[str] = "GAT-001"
    template: ClassVar[str] = "there is no metric {metric!r}; there are: {known}"
    remedy: ClassVar[str] = "name one of them"
    metric: str
    known: str


@dataclass(eq=False, kw_only=True)
class UnknownSlice(GateError):
    """A gate judges by slice, and slices come from the request columns of the training set: what a
    caller sends is what fairness is asked about.
    """

    code: ClassVar[str] = "GAT-002"
    template: ClassVar[str] = "the test rows cannot be sliced by {column!r}; they have: {known}"
    remedy: ClassVar[str] = "slice by one of them, or add the column to the training set's request"
    column: str
    known: str


@dataclass(eq=False, kw_only=True)
class UnknownGate(GateError):
    """A model's gates are made by the functions in `ms.gates`."""

    code: ClassVar[str] = "GAT-003"
    template: ClassVar[str] = "{gate} is not a gate"
    remedy: ClassVar[str] = "use ms.gates.min_metric, beats_champion, latency, no_leakage or parity"
    gate: str


@dataclass(eq=False, kw_only=True)
class SelfApproval(GateError):
    """Approval is the second pair of eyes: whoever had a version made cannot approve it."""

    code: ClassVar[str] = "GAT-004"
    template: ClassVar[str] = "{actor} had {version} made and cannot approve it"
    remedy: ClassVar[str] = "have another person approve it"
    version: str
    actor: str


@dataclass(eq=False, kw_only=True)
class NotAPerson(GateError):
    """Only people approve; a service or a schedule may ask."""

    code: ClassVar[str] = "GAT-005"
    template: ClassVar[str] = "{actor} is not a person and cannot approve {version}"
    remedy: ClassVar[str] = "approve as person:NAME"
    version: str
    actor: str


@dataclass(eq=False, kw_only=True)
class UnprovenVersion(GateError):
    """A protected environment takes a build only with a chain of signed attestations, each bound to
    this build, policy and environment.

    `missing`: never judged.  `stale`: judged for another policy, environment or build, on other
    rows, or too long ago.  `failed`: judged, and found wanting. `untrusted`: not signed by a key
    that this environment accepts for the role, or changed after it was signed.
    """

    code: ClassVar[str] = "GAT-006"
    template: ClassVar[str] = "{version} may not serve in {environment}: {faults}"
    remedy: ClassVar[str] = (
        "have it judged and approved there (`mainspring apply`, `mainspring approve`), "
        "signed with keys that the environment accepts"
    )
    version: str
    environment: str
    faults: str


@dataclass(eq=False, kw_only=True)
class UnreadableAttestation(GateError):
    """An attestation is a DSSE envelope around an in-toto statement; these bytes are neither."""

    code: ClassVar[str] = "GAT-007"
    template: ClassVar[str] = "an attestation cannot be read: {reason}"
    remedy: ClassVar[str] = "have the version judged again"
    reason: str
