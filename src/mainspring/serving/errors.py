"""What can go wrong with a prediction."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import FeatureError, ServingError

__all__ = [
    "ConsumerBehind",
    "EmptyRequest",
    "FeaturesMissing",
    "ModelRefused",
    "NoRollout",
    "NotExplainable",
    "NotServing",
    "PredictionUnknown",
    "ScoreNotFinite",
    "ServerEnding",
    "TooManyRows",
    "UnknownEndpoint",
    "UnknownRevision",
    "WrongTensor",
]


@dataclass(eq=False, kw_only=True)
class UnknownEndpoint(ServingError):
    """The environment has no endpoint of this name."""

    code: ClassVar[str] = "SRV-001"
    template: ClassVar[str] = "there is no endpoint {endpoint!r} in {environment}; it has: {known}"
    remedy: ClassVar[str] = "check the name, or apply a project that declares it"
    endpoint: str
    environment: str
    known: str


@dataclass(eq=False, kw_only=True)
class ModelRefused(ServingError):
    """A model version was refused, because it has no valid chain of attestations by keys that this
    environment trusts.  This holds whatever the state database says.
    """

    code: ClassVar[str] = "SRV-002"
    template: ClassVar[str] = "{version} is refused for {environment}: {reasons}"
    remedy: ClassVar[str] = (
        "promote a version that passed its gates; editing the state database has no effect"
    )
    version: str
    environment: str
    reasons: str


@dataclass(eq=False, kw_only=True)
class NotServing(ServingError):
    """An endpoint is declared, but no version of its model could be loaded yet."""

    code: ClassVar[str] = "SRV-003"
    template: ClassVar[str] = "endpoint {endpoint!r} has no model to answer with: {reason}"
    remedy: ClassVar[str] = "apply the project, and look at the open incidents: mainspring status"
    endpoint: str
    reason: str


@dataclass(eq=False, kw_only=True)
class EmptyRequest(ServingError):
    """A request has no rows to predict; it needs at least one."""

    code: ClassVar[str] = "SRV-005"
    template: ClassVar[str] = "the request has no rows"
    remedy: ClassVar[str] = 'send {{"rows": [...]}} with at least one row'


@dataclass(eq=False, kw_only=True)
class TooManyRows(ServingError):
    """A request has more rows than one request may have.  The limit keeps one caller from delaying
    the others.
    """

    code: ClassVar[str] = "SRV-006"
    template: ClassVar[str] = "the request has {rows} rows; the limit is {limit}"
    remedy: ClassVar[str] = "split it into several requests"
    rows: int
    limit: int


@dataclass(eq=False, kw_only=True)
class WrongTensor(ServingError):
    """A tensor of the Open Inference Protocol does not fit the model's inputs."""

    code: ClassVar[str] = "SRV-007"
    template: ClassVar[str] = "input {tensor!r}: {reason}"
    remedy: ClassVar[str] = (
        "GET the model's metadata for the names, datatypes and shapes that it takes"
    )
    tensor: str
    reason: str


@dataclass(eq=False, kw_only=True)
class PredictionUnknown(ServingError):
    """The inference log has no prediction with this id."""

    code: ClassVar[str] = "SRV-008"
    template: ClassVar[str] = "there is no prediction {prediction!r} in this workspace"
    remedy: ClassVar[str] = "use the id in the response of a predict call"
    prediction: str


@dataclass(eq=False, kw_only=True)
class ScoreNotFinite(ServingError):
    """A model gave a row no number: NaN, or an infinity.  Nothing of the request is answered or
    logged, the other rows neither, so that nobody takes half an answer for a whole one.

    Most often the model cannot take a missing value: a linear model has no answer without an
    imputer before it.  The message names what was missing (null, or NaN) in those rows: fields of
    the request, and features that were null for its keys.
    """

    code: ClassVar[str] = "SRV-022"
    template: ClassVar[str] = "the model has no finite score for {rows}; {missing}"
    remedy: ClassVar[str] = (
        "send the fields that are missing; for features that are null for a new key, train a model "
        "that takes missing values: SimpleImputer before a linear model, or LightGBM"
    )
    rows: str
    missing: str


@dataclass(eq=False, kw_only=True)
class ConsumerBehind(ServingError):
    """Records have waited for longer than `lag_limit` to be folded into the online state of a view
    that answers: nobody folds it, or not fast enough.  Answers go on, from older state; readiness
    says so.
    """

    code: ClassVar[str] = "SRV-050"
    template: ClassVar[str] = "{records} records have waited {waited_s} s for the view {view}"
    remedy: ClassVar[str] = (
        "look into the log of the server and of `mainspring stream`; start more of them, or raise "
        "lag_limit in project.toml"
    )
    view: str
    records: int
    waited_s: int


@dataclass(eq=False, kw_only=True)
class ServerEnding(ServingError):
    """The server was asked to end.  It answers what comes on connections that are open, and says by
    readiness that nobody should send it more.
    """

    code: ClassVar[str] = "SRV-051"
    template: ClassVar[str] = "the server is about to end"
    remedy: ClassVar[str] = "send requests to another server"


@dataclass(eq=False, kw_only=True)
class UnknownRevision(ServingError):
    """A request asks by header for a revision that does not answer for the endpoint: it was never
    there, or its roll-out has ended.  `stable` and `candidate` stand for whatever is in charge, and
    is to take over.
    """

    code: ClassVar[str] = "SRV-070"
    template: ClassVar[str] = "endpoint {endpoint!r} has no revision {revision!r}; it has: {known}"
    remedy: ClassVar[str] = "leave the header out, or see `mainspring rollout status`"
    endpoint: str
    revision: str
    known: str


@dataclass(eq=False, kw_only=True)
class NoRollout(ServingError):
    """No revision is taking over, so there is nothing to pause, resume, promote or abort."""

    code: ClassVar[str] = "SRV-071"
    template: ClassVar[str] = "endpoint {endpoint!r} in {environment}: {reason}"
    remedy: ClassVar[str] = "see what stands: mainspring rollout status"
    endpoint: str
    environment: str
    reason: str


@dataclass(eq=False, kw_only=True)
class NotExplainable(ServingError):
    """The answers of a model version cannot be explained by contributions.

    Models with one score can, and those of several classes: boosters of LightGBM and linear models
    exactly, all others by permutation, for which they must have a finite score where features are
    missing that some of the rows they were fitted on lack.
    """

    code: ClassVar[str] = "SRV-089"
    template: ClassVar[str] = "{version} cannot be explained: {reason}"
    remedy: ClassVar[str] = "ask without `explain`, or impute missing values in the model"
    version: str
    reason: str


@dataclass(eq=False, kw_only=True)
class FeaturesMissing(FeatureError):
    """A loaded model was given a frame without some of its features.  They are columns of the
    answers of `get_historical_features` and of the frames of its training set.
    """

    code: ClassVar[str] = "FEA-072"
    template: ClassVar[str] = "the frame lacks features of {model}: {features}"
    remedy: ClassVar[str] = "give a column for each of `feature_names`; null where it is not known"
    model: str
    features: str
