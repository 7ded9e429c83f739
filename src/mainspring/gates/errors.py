"""What can go wrong when a model is judged by its gates, approved and verified."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import GateError

__all__ = [
    "MetricOfOneScore",
    "NotAPerson",
    "NotReleaser",
    "ProofRunsOut",
    "ReplayImpossible",
    "SelfApproval",
    "UnknownFeature",
    "UnknownGate",
    "UnknownMetric",
    "UnknownSlice",
    "UnprovenVersion",
    "UnreadableAttestation",
    "UnreleasedMap",
]


@dataclass(eq=False, kw_only=True)
class UnknownMetric(GateError):
    """A gate names a metric that does not exist."""

    code: ClassVar[str] = "GAT-001"
    template: ClassVar[str] = "there is no metric {metric!r}; there are: {known}"
    remedy: ClassVar[str] = "name one of them"
    metric: str
    known: str


@dataclass(eq=False, kw_only=True)
class UnknownSlice(GateError):
    """A gate judges by slices of a column that the test rows do not have.  Slices are made by the
    request columns of the training set.
    """

    code: ClassVar[str] = "GAT-002"
    template: ClassVar[str] = "the test rows cannot be sliced by {column!r}; they have: {known}"
    remedy: ClassVar[str] = "slice by one of them, or add the column to the training set's request"
    column: str
    known: str


@dataclass(eq=False, kw_only=True)
class UnknownGate(GateError):
    """A gate in a model's `gates` is not a gate; they are made by the functions in `ms.gates`."""

    code: ClassVar[str] = "GAT-003"
    template: ClassVar[str] = "{gate} is not a gate"
    remedy: ClassVar[str] = (
        "use ms.gates.min_metric, max_metric, beats_champion, latency, no_leakage, parity or "
        "finite_scores"
    )
    gate: str


@dataclass(eq=False, kw_only=True)
class SelfApproval(GateError):
    """The author of a model version tried to approve it.  An approval has to come from another
    person.
    """

    code: ClassVar[str] = "GAT-004"
    template: ClassVar[str] = "{actor} is the author of {version} and cannot approve it"
    remedy: ClassVar[str] = "have another person approve it"
    version: str
    actor: str


@dataclass(eq=False, kw_only=True)
class NotAPerson(GateError):
    """A service or a schedule tried to approve a model version.  Only people can approve."""

    code: ClassVar[str] = "GAT-005"
    template: ClassVar[str] = "{actor} is not a person and cannot approve {version}"
    remedy: ClassVar[str] = "approve as person:NAME"
    version: str
    actor: str


@dataclass(eq=False, kw_only=True)
class UnprovenVersion(GateError):
    """A protected environment does not accept a model version, because a signed attestation is
    missing or not valid.  Each attestation is bound to this build, this policy and this
    environment.

    `missing`: never judged.  `stale`: judged for another policy, environment or build, on other
    rows, or too long ago.  `failed`: judged, and a gate failed.  `untrusted`: not signed by a key
    that this environment accepts for the role, or changed after it was signed.
    """

    code: ClassVar[str] = "GAT-006"
    template: ClassVar[str] = "{version} cannot be deployed to {environment}: {faults}"
    remedy: ClassVar[str] = (
        "judge and approve it for that environment (`mainspring apply`, `mainspring "
        "approve`) with keys that the environment accepts"
    )
    version: str
    environment: str
    faults: str


@dataclass(eq=False, kw_only=True)
class UnreadableAttestation(GateError):
    """An attestation cannot be read.  It should be a DSSE envelope with an in-toto statement."""

    code: ClassVar[str] = "GAT-007"
    template: ClassVar[str] = "an attestation cannot be read: {reason}"
    remedy: ClassVar[str] = "have the version judged again"
    reason: str


@dataclass(eq=False, kw_only=True)
class UnknownFeature(GateError):
    """The gate `finite_scores` requires a feature that the model does not have."""

    code: ClassVar[str] = "GAT-020"
    template: ClassVar[str] = "the model has no feature {feature!r}; it has: {known}"
    remedy: ClassVar[str] = "name features of the training set in `required`"
    feature: str
    known: str


@dataclass(eq=False, kw_only=True)
class ReplayImpossible(GateError):
    """A candidate is to be compared with the model in charge on logged requests, and these do not
    allow it: too few have a label by now, or they lack what the candidate asks for.
    """

    code: ClassVar[str] = "GAT-021"
    template: ClassVar[str] = "requests in {environment} cannot be replayed for {version}: {reason}"
    remedy: ClassVar[str] = (
        "wait for labels, set a longer `span` or a smaller `min_rows`, or compare on the test "
        "rows: beats_champion(…, on='test')"
    )
    version: str
    environment: str
    reason: str


@dataclass(eq=False, kw_only=True)
class MetricOfOneScore(GateError):
    """A gate judges a model of several classes by a metric of one score a row, such as ROC AUC."""

    code: ClassVar[str] = "GAT-022"
    template: ClassVar[str] = (
        "{metric} is a metric of one score a row, and the model gives a probability for each of "
        "{classes} classes"
    )
    remedy: ClassVar[str] = "judge it by one of: {known}"
    metric: str
    classes: int
    known: str


@dataclass(eq=False, kw_only=True)
class UnreleasedMap(GateError):
    """A version of a protected environment is not what was signed when the environment moved to it.
    The release statement names every asset, its build and its definition, and the version; what
    was edited, replaced or put back in the state database afterwards does not match it.
    """

    code: ClassVar[str] = "GAT-030"
    template: ClassVar[str] = "version {version} of {environment} cannot be used: {faults}"
    remedy: ClassVar[str] = (
        "find out who could write to the state, then restore a backup or promote again; a version "
        "that an earlier release of Mainspring moved is signed by: mainspring gates renew --env "
        "{environment}"
    )
    version: int
    environment: str
    faults: str


@dataclass(eq=False, kw_only=True)
class NotReleaser(GateError):
    """A protected environment was to be moved with a key that it does not accept for the role
    `releaser`; its servers would refuse the move.  Where no key is listed for that role, the keys
    of the testers are accepted.
    """

    code: ClassVar[str] = "GAT-031"
    template: ClassVar[str] = "{environment} does not accept releases signed by {key}"
    remedy: ClassVar[str] = (
        "move it where the releaser's key is, or list this key as `releaser` in "
        "[environments.{environment}.trust]"
    )
    environment: str
    key: str


@dataclass(eq=False, kw_only=True)
class ProofRunsOut(GateError):
    """The signed statements about a model version run out within fourteen days, or have.  From then
    on a server answers with what the newest earlier map can prove, or with 503.
    """

    code: ClassVar[str] = "GAT-040"
    template: ClassVar[str] = "{version} is proven for {environment} until {until}"
    remedy: ClassVar[str] = (
        "judge and sign again: mainspring gates renew --env {environment}; scheduled every day "
        "with --within 14d it does nothing until something is due"
    )
    version: str
    environment: str
    until: str
