"""What can go wrong while a model is fitted and exported."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import TrainingError

__all__ = [
    "DegenerateScore",
    "EstimatorRaised",
    "ExportDiffers",
    "FitFailed",
    "FitReturnedNothing",
    "LabelsNotProbable",
    "NoProbabilities",
    "NoRows",
    "NotAProbability",
    "NotScorable",
    "OneClass",
    "OtherClasses",
    "SeveralScores",
    "ValueForBoolean",
    "WorkerFailed",
]


@dataclass(eq=False, kw_only=True)
class FitFailed(TrainingError):
    """The fit function of a model raised.  The location is the innermost line of the project's own
    files; the captured output ends with the traceback.
    """

    code: ClassVar[str] = "TRA-001"
    template: ClassVar[str] = "fitting {model!r} raised {error}: {detail}"
    remedy: ClassVar[str] = (
        "correct the function and apply again; its output ends with:\n{transcript}"
    )
    model: str
    error: str
    detail: str
    transcript: str = ""


@dataclass(eq=False, kw_only=True)
class FitReturnedNothing(TrainingError):
    """A fit function returned None instead of the fitted estimator; usually `return` is missing."""

    code: ClassVar[str] = "TRA-002"
    template: ClassVar[str] = "fitting {model!r} returned None"
    remedy: ClassVar[str] = "return the fitted estimator"
    model: str


@dataclass(eq=False, kw_only=True)
class NoRows(TrainingError):
    """There is no labelled row to train or to test the model on.

    Rows without a label, outside the split, or whose label was not yet known at the cut-off do not
    count; the training set's card says how many there are of each.
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
    """All labels have the same value, so a model can neither be trained nor be judged on them."""

    code: ClassVar[str] = "TRA-004"
    template: ClassVar[str] = "all {rows} rows to train {model!r} on have the label {label}"
    remedy: ClassVar[str] = "check the label's expression, or widen the split"
    model: str
    rows: int
    label: str


@dataclass(eq=False, kw_only=True)
class DegenerateScore(TrainingError):
    """A model gives every row the same score, or scores that are not finite.  Such a model is never
    registered, whatever its metrics are.
    """

    code: ClassVar[str] = "TRA-005"
    template: ClassVar[str] = "{model!r} gives {rows} test rows {finding}"
    remedy: ClassVar[str] = "check the features that it was given and the estimator's parameters"
    model: str
    rows: int
    finding: str


@dataclass(eq=False, kw_only=True)
class ExportDiffers(TrainingError):
    """The exported model does not give the scores of the fitted one: on the test rows they differ
    by more than rounding.

    Some converters fail silently on some estimators; that is why every export is checked on every
    test row.
    """

    code: ClassVar[str] = "TRA-006"
    template: ClassVar[str] = (
        "the export of {model!r} differs from the fitted model by up to {largest:g} (allowed "
        "{tolerance:g}); {differing} of {rows} rows are not bit-identical"
    )
    remedy: ClassVar[str] = "use an estimator that can be exported exactly, such as LightGBM's"
    model: str
    rows: int
    differing: int
    largest: float
    tolerance: float


@dataclass(eq=False, kw_only=True)
class NotScorable(TrainingError):
    """The fitted object has no method to score rows, so its export cannot be compared with it.  It
    needs scikit-learn's interface: `predict_proba`, or `predict`.
    """

    code: ClassVar[str] = "TRA-007"
    template: ClassVar[str] = "{model!r} returned {estimator}, which has no method {method}"
    remedy: ClassVar[str] = "return an estimator with scikit-learn's interface"
    model: str
    estimator: str
    method: str


@dataclass(eq=False, kw_only=True)
class WorkerFailed(TrainingError):
    """The process that trains a model reported an error of another part of Mainspring; the reason
    has that error's code.
    """

    code: ClassVar[str] = "TRA-008"
    template: ClassVar[str] = "training {model!r} stopped: {reason}"
    remedy: ClassVar[str] = "run `mainspring explain` with the code in the reason"
    model: str
    reason: str


@dataclass(eq=False, kw_only=True)
class ValueForBoolean(TrainingError):
    """A model of a boolean label predicts a value and no probability: a regressor was returned.
    Its scores are not confined to 0 … 1, and thresholds, metrics and monitors would misread them.
    """

    code: ClassVar[str] = "TRA-020"
    template: ClassVar[str] = (
        "{model!r} returned {estimator}, which predicts a value, but its label is true or false"
    )
    remedy: ClassVar[str] = (
        "return a classifier, such as LGBMClassifier or LogisticRegression; for a regression "
        "declare a label that is a number; a graph of your own names its output `probability`"
    )
    model: str
    estimator: str


@dataclass(eq=False, kw_only=True)
class NotAProbability(TrainingError):
    """A model that says that it predicts probabilities gives scores outside 0 … 1.  Its export is
    refused: nothing that reads a probability could use them.
    """

    code: ClassVar[str] = "TRA-021"
    template: ClassVar[str] = (
        "{model!r} gives {rows} test rows scores from {lowest:g} to {highest:g}, but its output is "
        "a probability"
    )
    remedy: ClassVar[str] = (
        "return probabilities and not margins, or name the output of your graph `value`"
    )
    model: str
    rows: int
    lowest: float
    highest: float


@dataclass(eq=False, kw_only=True)
class LabelsNotProbable(TrainingError):
    """A model that predicts a probability was fitted on labels outside 0 … 1, such as classes that
    are numbered 1 and 2.  Compared with such labels its metrics would mean nothing.
    """

    code: ClassVar[str] = "TRA-023"
    template: ClassVar[str] = (
        "{model!r} predicts a probability, but its labels are from {lowest:g} to {highest:g}"
    )
    remedy: ClassVar[str] = (
        'declare which class it is the probability of, such as label=ms.Label(..., col("kind") == '
        '2), or a text for several classes, such as col("kind").cast("string"); or return a '
        "regressor"
    )
    model: str
    lowest: float
    highest: float


@dataclass(eq=False, kw_only=True)
class SeveralScores(TrainingError):
    """A model gives several numbers a row, but its label is a number or a boolean.  Such a model
    gives one score; one of several classes has a label that is a text.
    """

    code: ClassVar[str] = "TRA-024"
    template: ClassVar[str] = "{model!r} gives {scores} numbers a row"
    remedy: ClassVar[str] = (
        'declare a text for several classes, such as label=ms.Label(..., col("kind")) or '
        'col("kind").cast("string"), or return a regressor for labels that are amounts'
    )
    model: str
    scores: int


@dataclass(eq=False, kw_only=True)
class NoProbabilities(TrainingError):
    """A model whose label names one of several classes predicts a value: a regressor was returned,
    or a graph that names its output `value`.
    """

    code: ClassVar[str] = "TRA-025"
    template: ClassVar[str] = (
        "{model!r} returned {estimator}, which predicts a value, but its label is one of the "
        "classes {classes}"
    )
    remedy: ClassVar[str] = (
        "return a classifier, such as LGBMClassifier or LogisticRegression; a graph of your own "
        "names its output `probabilities`"
    )
    model: str
    estimator: str
    classes: str


@dataclass(eq=False, kw_only=True)
class OtherClasses(TrainingError):
    """A model gives another number of probabilities than its fitted rows have classes, so which is
    whose cannot be told: it was fitted on other rows, or told another number of classes.
    """

    code: ClassVar[str] = "TRA-026"
    template: ClassVar[str] = (
        "{model!r} gives {scores} probabilities a row, and the rows it was given have {classes} "
        "classes"
    )
    remedy: ClassVar[str] = (
        "fit it on data.y as it is, which has the places of the classes in data.classes; for a "
        "Booster set num_class to len(data.classes)"
    )
    model: str
    scores: int
    classes: int


@dataclass(eq=False, kw_only=True)
class EstimatorRaised(TrainingError):
    """The fitted estimator raised when it scored the test rows, most often because it cannot take
    missing values and the test rows have some that the fitted rows had not.
    """

    code: ClassVar[str] = "TRA-022"
    template: ClassVar[str] = (
        "{model!r} could not score the test rows: {error}: {detail}; features that are null in "
        "some of them: {missing}"
    )
    remedy: ClassVar[str] = (
        "put SimpleImputer before the estimator, or use one that takes missing values, such as "
        "LightGBM's"
    )
    model: str
    error: str
    detail: str
    missing: str
