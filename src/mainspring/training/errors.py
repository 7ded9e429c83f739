"""What can go wrong while a model is fitted and exported."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import TrainingError

__all__ = [
    "DegenerateScore",
    "ExportDiffers",
    "FitFailed",
    "FitReturnedNothing",
    "NoRows",
    "NotScorable",
    "OneClass",
    "WorkerFailed",
]


@dataclass(eq=False, kw_only=True)
class FitFailed(TrainingError):
    """The function that fits the model raised.  The place is the innermost line of the project's
    own files; the transcript ends with the traceback.
    """

    code: ClassVar[str] = "TRA-001"
    template: ClassVar[str] = "fitting {model!r} raised {error}: {detail}"
    remedy: ClassVar[str] = (
        "mend the function and apply again; what was printed before ends with:\n{transcript}"
    )
    model: str
    error: str
    detail: str
    transcript: str = ""


@dataclass(eq=False, kw_only=True)
class FitReturnedNothing(TrainingError):
    """A fit function hands back the fitted estimator; forgetting `return` hands back nothing."""

    code: ClassVar[str] = "TRA-002"
    template: ClassVar[str] = "fitting {model!r} returned nothing"
    remedy: ClassVar[str] = "return the fitted estimator"
    model: str


@dataclass(eq=False, kw_only=True)
class NoRows(TrainingError):
    """Without a row with a label there is nothing to learn from, or nothing to judge by.

    Rows without a label, outside of the split, or whose label was not yet known at the cut-off do
    not count; the training set's card says how many.
    """

    code: ClassVar[str] = "TRA-003"
    template: ClassVar[str] = "{model!r} has no labelled row to {purpose}"
    remedy: ClassVar[str] = (
        "check the dates of the split and the label's join in training set {training_set!r}"
    )
    model: str
    purpose: str
    training_set: str


@dataclass(eq=False, kw_only=True)
class OneClass(TrainingError):
    """A label that is always the same teaches nothing and cannot be judged."""

    code: ClassVar[str] = "TRA-004"
    template: ClassVar[str] = (
        "all {rows} rows that {model!r} would be fitted on have the label {label}"
    )
    remedy: ClassVar[str] = "check the label's expression, or widen the split"
    model: str
    rows: int
    label: str


@dataclass(eq=False, kw_only=True)
class DegenerateScore(TrainingError):
    """A model that answers the same to every row, or answers with what is not a number, must not be
    registered, however good it looks by accident.
    """

    code: ClassVar[str] = "TRA-005"
    template: ClassVar[str] = "{model!r} answers {rows} test rows with {finding}"
    remedy: ClassVar[str] = "look at the features it was given and at the estimator's parameters"
    model: str
    rows: int
    finding: str


@dataclass(eq=False, kw_only=True)
class ExportDiffers(TrainingError):
    """What would be served is not what was fitted: the exported model gives other scores than the
    native one on the test rows, beyond rounding.

    Some converters fail silently on some estimators; that is why every export is checked on every
    test row.
    """

    code: ClassVar[str] = "TRA-006"
    template: ClassVar[str] = (
        "the export of {model!r} differs from the fitted model: by up to {largest:g} "
        "(allowed {tolerance:g}), {differing} of {rows} rows in a bit"
    )
    remedy: ClassVar[str] = "use an estimator that can be exported exactly, such as LightGBM's"
    model: str
    rows: int
    differing: int
    largest: float
    tolerance: float


@dataclass(eq=False, kw_only=True)
class NotScorable(TrainingError):
    """To compare it with its export, the native model is asked as scikit-learn's estimators are:
    `predict_proba`, or `predict`.
    """

    code: ClassVar[str] = "TRA-007"
    template: ClassVar[str] = "{model!r} returned {estimator}, which has no method {method}"
    remedy: ClassVar[str] = "return an estimator with scikit-learn's interface"
    model: str
    estimator: str
    method: str


@dataclass(eq=False, kw_only=True)
class WorkerFailed(TrainingError):
    """The process that trains the model reported an error of another part of Mainspring; the reason
    carries its own code.
    """

    code: ClassVar[str] = "TRA-008"
    template: ClassVar[str] = "training {model!r} stopped: {reason}"
    remedy: ClassVar[str] = "run `mainspring explain` with the code in the reason"
    model: str
    reason: str
