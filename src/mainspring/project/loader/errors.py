"""What can be wrong with a declaration, each with the user's line."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import DeclarationError

__all__ = [
    "DependencyCycle",
    "DuplicateFeature",
    "DuplicateName",
    "EstimatorNotExportable",
    "EventTimeMissing",
    "InputMissing",
    "InvalidEndpointName",
    "InvalidName",
    "InvalidValue",
    "JoinKeyNotInRequest",
    "LabelAsFeature",
    "ListOfTexts",
    "MissingLabels",
    "NoEventTime",
    "OutsideProject",
    "RolloutSteps",
    "SeveralClasses",
    "SplitOrder",
    "TimeUnused",
    "UnequalKeys",
    "UnequalSources",
    "UnfitAggregation",
    "UnfitExpression",
    "UnfitLookup",
    "UnfitWindows",
    "UnreadableSource",
    "WrongDirection",
    "WrongType",
]


@dataclass(eq=False, kw_only=True)
class DuplicateName(DeclarationError):
    """Two declarations of one kind have the same name.  Names must be unique within their kind,
    because environments refer to assets by name.
    """

    code: ClassVar[str] = "PRJ-030"
    template: ClassVar[str] = "two declarations are called {name}; the other one is at {other}"
    remedy: ClassVar[str] = (
        "if they are the same, declare it once and use that object everywhere; otherwise "
        "rename one of them"
    )
    name: str
    other: str


@dataclass(eq=False, kw_only=True)
class InvalidName(DeclarationError):
    """A name has characters that are not allowed.  Names of declarations and of features become
    parts of columns, keys and file names: they begin with a letter from a to z or A to Z, and have
    only such letters, digits, dashes and underscores.  Columns of data may have any name.
    """

    code: ClassVar[str] = "PRJ-031"
    template: ClassVar[str] = "{kind} cannot be called {name!r}"
    remedy: ClassVar[str] = (
        "start with a letter from a to z or A to Z, and use only such letters, digits, dashes and "
        "underscores"
    )
    kind: str
    name: str


@dataclass(eq=False, kw_only=True)
class InvalidEndpointName(DeclarationError):
    """The name of an endpoint has characters that are not allowed.  It is part of its route."""

    code: ClassVar[str] = "PRJ-032"
    template: ClassVar[str] = "endpoint cannot be called {name!r}"
    remedy: ClassVar[str] = (
        "use only letters from a to z or A to Z, digits and dashes, such as late-arrival"
    )
    name: str


@dataclass(eq=False, kw_only=True)
class UnfitExpression(DeclarationError):
    """An expression, a key or a contract does not fit the columns that it reads.  The code in
    brackets has its own page.
    """

    code: ClassVar[str] = "PRJ-033"
    template: ClassVar[str] = "{user}: {problem} [{fault}]"
    remedy: ClassVar[str] = "{advice}"
    user: str
    problem: str
    fault: str
    advice: str


@dataclass(eq=False, kw_only=True)
class WrongType(DeclarationError):
    """An expression is valid but has another type than it needs where it is used.  One odd value
    makes a column of CSV text, if no contract names it.
    """

    code: ClassVar[str] = "PRJ-034"
    template: ClassVar[str] = "{user} is of type {dtype}{guessed}"
    remedy: ClassVar[str] = "it has to be {wanted}: cast it, or declare that type in the contract"
    user: str
    dtype: str
    wanted: str
    guessed: str = ""


@dataclass(eq=False, kw_only=True)
class UnreadableSource(DeclarationError):
    """The file of a source cannot be read, so its columns are not known."""

    code: ClassVar[str] = "PRJ-035"
    template: ClassVar[str] = "source {name}: {problem}"
    remedy: ClassVar[str] = (
        "correct the path, which is relative to the project, or leave it out if rows are "
        "pushed to the source"
    )
    name: str
    problem: str


@dataclass(eq=False, kw_only=True)
class UnfitWindows(DeclarationError):
    """A feature view has windows where it needs none, or none where it needs them.  Aggregations
    are computed over windows; `latest` looks up one fact and has a `ttl` instead.
    """

    code: ClassVar[str] = "PRJ-036"
    template: ClassVar[str] = "view {view}: {problem}"
    remedy: ClassVar[str] = 'give aggregations windows=["1h", ...], and latest(...) a ttl'
    view: str
    problem: str


@dataclass(eq=False, kw_only=True)
class EventTimeMissing(DeclarationError):
    """A feature view has windows, but its source has no event time, or one that is the same for all
    facts.  A window is an interval of event time.
    """

    code: ClassVar[str] = "PRJ-037"
    template: ClassVar[str] = (
        "view {view} has windows, and no fact of source {source} has an event time of its own"
    )
    remedy: ClassVar[str] = "name a column as the event time of the source, or use latest(...)"
    view: str
    source: str


@dataclass(eq=False, kw_only=True)
class JoinKeyNotInRequest(DeclarationError):
    """A join key, or a column of an on-demand feature, is not in the request.  The caller sends the
    request, and features are looked up and computed from it.
    """

    code: ClassVar[str] = "PRJ-038"
    template: ClassVar[str] = (
        "training set {training_set}: {column!r} is not in request, and {user} needs it"
    )
    remedy: ClassVar[str] = "add it to request=[...], if the caller knows it at prediction time"
    training_set: str
    column: str
    user: str


@dataclass(eq=False, kw_only=True)
class LabelAsFeature(DeclarationError):
    """A feature reads a column that the label is made from, which is not known at prediction time.
    A model trained with it looks very good and is useless.
    """

    code: ClassVar[str] = "PRJ-039"
    template: ClassVar[str] = (
        "training set {training_set}: {user} reads {column!r}, which the label is made from "
        "(source {source})"
    )
    remedy: ClassVar[str] = "leave it out: it is only known after the prediction"
    training_set: str
    user: str
    column: str
    source: str


@dataclass(eq=False, kw_only=True)
class SplitOrder(DeclarationError):
    """The dates of a split are not in order.  A model is trained on rows in [train_from, test_from)
    and judged on rows in [test_from, test_until); neither may be empty.
    """

    code: ClassVar[str] = "PRJ-040"
    template: ClassVar[str] = (
        "training set {training_set}: train_from < test_from < test_until does not "
        "hold for {train_from}, {test_from}, {test_until}"
    )
    remedy: ClassVar[str] = "put the three dates in order"
    training_set: str
    train_from: str
    test_from: str
    test_until: str


@dataclass(eq=False, kw_only=True)
class DuplicateFeature(DeclarationError):
    """Two features of a training set have the same name, so they would be the same column."""

    code: ClassVar[str] = "PRJ-041"
    template: ClassVar[str] = (
        "training set {training_set}: feature {feature} comes from both {first} and {second}"
    )
    remedy: ClassVar[str] = "rename it in one of them"
    training_set: str
    feature: str
    first: str
    second: str


@dataclass(eq=False, kw_only=True)
class RolloutSteps(DeclarationError):
    """The steps of a canary are not valid.  They are rising percentages of the requests and end
    with 100.
    """

    code: ClassVar[str] = "PRJ-042"
    template: ClassVar[str] = (
        "endpoint {endpoint}: steps {steps} do not rise from at least 1 to 100"
    )
    remedy: ClassVar[str] = "write rising percentages that end with 100, such as [5, 25, 100]"
    endpoint: str
    steps: str


@dataclass(eq=False, kw_only=True)
class OutsideProject(DeclarationError):
    """An endpoint or a monitor uses a model that another project declares.  A project builds the
    models that it serves.
    """

    code: ClassVar[str] = "PRJ-043"
    template: ClassVar[str] = (
        "{user} uses model {model}, which is declared outside this project, at {other}"
    )
    remedy: ClassVar[str] = (
        "declare the model in this project, or move the declaration to the project of the model"
    )
    user: str
    model: str
    other: str


@dataclass(eq=False, kw_only=True)
class InvalidValue(DeclarationError):
    """A field of a declaration has a value that it cannot have."""

    code: ClassVar[str] = "PRJ-044"
    template: ClassVar[str] = "{user}: {problem}"
    remedy: ClassVar[str] = "change the value"
    user: str
    problem: str


@dataclass(eq=False, kw_only=True)
class DependencyCycle(DeclarationError):
    """Declarations depend on each other in a cycle, so none of them can be built first."""

    code: ClassVar[str] = "PRJ-045"
    template: ClassVar[str] = "declarations depend on each other in a cycle: {path}"
    remedy: ClassVar[str] = "remove one of these dependencies"
    path: str


@dataclass(eq=False, kw_only=True)
class UnfitAggregation(DeclarationError):
    """A parameter of an aggregation is not valid.

    `k` is a whole number from 1 to 1,000; quantiles are in [0, 1]; edges of a histogram are finite
    and ascending, and whole for whole numbers; `value_counts` lists different values of the
    operand's type; the limit of `count_distinct` is at least 1, and beyond it the result saturates
    or is approximate; the precision of `approx_count_distinct` is 4 to 16.
    """

    code: ClassVar[str] = "PRJ-048"
    template: ClassVar[str] = "{user}: {problem}"
    remedy: ClassVar[str] = "change the parameter"
    user: str
    problem: str


@dataclass(eq=False, kw_only=True)
class UnequalSources(DeclarationError):
    """A column has different types in the sources of one view.  The view reads their facts as one
    history, so each column that it reads needs one type.
    """

    code: ClassVar[str] = "PRJ-049"
    template: ClassVar[str] = "view {view}: {column!r} is {types}"
    remedy: ClassVar[str] = "declare one type for the column in the contracts of the sources"
    view: str
    column: str
    types: str


@dataclass(eq=False, kw_only=True)
class UnfitLookup(DeclarationError):
    """An entity cannot be joined through a view.  Its key is read from what that view knew at the
    prediction time.

    So the view has to be one of `latest(...)` with the join keys among its columns, for exactly one
    entity, which is not itself joined through a view.
    """

    code: ClassVar[str] = "PRJ-050"
    template: ClassVar[str] = "entity {entity} is joined through view {view}: {problem}"
    remedy: ClassVar[str] = (
        "read the keys from a view such as FeatureView(..., entities=[one], "
        "features=latest({keys}))"
    )
    entity: str
    view: str
    problem: str
    keys: str


@dataclass(eq=False, kw_only=True)
class ListOfTexts(DeclarationError):
    """A feature is a list of texts, which cannot become numbers for a model.  A single text is
    encoded by a vocabulary; a list of texts has no such encoding.
    """

    code: ClassVar[str] = "PRJ-051"
    template: ClassVar[str] = (
        "training set {training_set}: feature {feature} of view {view} is a list of texts, "
        "which cannot become columns of numbers"
    )
    remedy: ClassVar[str] = (
        "reduce it to one text with .last() or .max(), count given texts with "
        ".value_counts([...]), or leave the view out"
    )
    training_set: str
    feature: str
    view: str


@dataclass(eq=False, kw_only=True)
class MissingLabels(DeclarationError):
    """What a label says of rows without a fact is not complete.  `missing="negative"` makes such a
    row a *no*, which can only be said once a `horizon` has passed since the prediction time, and
    only of a label that is true or false.  `missing="exclude_and_report"` leaves the row without a
    label, and takes no horizon.
    """

    code: ClassVar[str] = "PRJ-070"
    template: ClassVar[str] = "the label of training set {training_set}: {problem}"
    remedy: ClassVar[str] = 'write missing="negative", horizon="30d", or leave both out'
    training_set: str
    problem: str


@dataclass(eq=False, kw_only=True)
class UnequalKeys(DeclarationError):
    """A column that a label is joined on has another type in the spine than in the source of the
    label, so that no value of one equals a value of the other.
    """

    code: ClassVar[str] = "PRJ-071"
    template: ClassVar[str] = (
        "the label of training set {training_set} is joined on {column!r}, which is {spine_type} "
        "in the spine {spine} and {label_type} in source {source}"
    )
    remedy: ClassVar[str] = "declare one type for the column in the contracts of the two sources"
    training_set: str
    column: str
    spine: str
    spine_type: str
    source: str
    label_type: str


@dataclass(eq=False, kw_only=True)
class NoEventTime(DeclarationError):
    """Something needs the event time of a source that is declared with `event_time=None`.

    Such a source is a plain table: its facts are always visible.  It can be the spine of a training
    set, hold its labels, or be read by `latest(...)`; there is no prediction time, no split by
    time, no horizon and no ttl, and a row of such a spine cannot be joined with facts of other
    sources as of its own time.
    """

    code: ClassVar[str] = "PRJ-072"
    template: ClassVar[str] = "{user}: source {source} has no event time, so {problem}"
    remedy: ClassVar[str] = "leave that out, or name a column as the event time of the source"
    user: str
    source: str
    problem: str


@dataclass(eq=False, kw_only=True)
class TimeUnused(DeclarationError):
    """The spine of a training set has event times, and the training set does not use them.  Without
    a prediction time, or with rows of one time on both sides of the split, a model would be trained
    on what it could not know.
    """

    code: ClassVar[str] = "PRJ-073"
    template: ClassVar[str] = (
        "training set {training_set}: the spine {source} has event times, so {problem}"
    )
    remedy: ClassVar[str] = (
        "write prediction_time=col(...) and split=ms.split_by_time(...); if the table has no time "
        "that means anything, declare its source with event_time=None"
    )
    training_set: str
    source: str
    problem: str


@dataclass(eq=False, kw_only=True)
class WrongDirection(DeclarationError):
    """A gate asks for at least so much of an error, or for at most so much of a score.  Such a gate
    would pass the worse models and fail the better ones.
    """

    code: ClassVar[str] = "PRJ-074"
    template: ClassVar[str] = (
        "model {model}: {metric} is {what}, so ms.gates.{gate}({metric!r}, {bound:g}) asks for the "
        "worse models"
    )
    remedy: ClassVar[str] = "write ms.gates.{instead}({metric!r}, {bound:g})"
    model: str
    metric: str
    what: str
    gate: str
    instead: str
    bound: float


@dataclass(eq=False, kw_only=True)
class InputMissing(DeclarationError):
    """A file or folder that a model declares as an input cannot be read, or lies outside the
    project.  Inputs are what a fit reads besides its training set; their content is part of the
    model's identity.
    """

    code: ClassVar[str] = "PRJ-061"
    template: ClassVar[str] = "model {model}: there is no input {path!r} in the project"
    remedy: ClassVar[str] = (
        "correct the path in inputs=[...], which is relative to the project, or put the file there"
    )
    model: str
    path: str


@dataclass(eq=False, kw_only=True)
class EstimatorNotExportable(DeclarationError):
    """The fit of a model returns an estimator that cannot be exported exactly, so it could be
    trained but never served.

    Judged by the text of the fit, where every `return` says plainly of which class the estimator
    is; any other fit is judged by what it returned, after it has run.
    """

    code: ClassVar[str] = "PRJ-062"
    template: ClassVar[str] = (
        "model {model} returns {estimator} of {library}, which cannot be exported"
    )
    remedy: ClassVar[str] = (
        "return one of these (of a search, return its best_estimator_): {supported}"
    )
    model: str
    estimator: str
    library: str
    supported: str


@dataclass(eq=False, kw_only=True)
class SeveralClasses(DeclarationError):
    """A label is one of several whole numbers that its contract lists.  They may be the numbers of
    classes or amounts such as stars, and a model of the one predicts another thing than the other.
    """

    code: ClassVar[str] = "PRJ-063"
    template: ClassVar[str] = (
        "the label of training set {training_set} (source {source}) is {found}; whether it names "
        "classes or amounts has to be declared"
    )
    remedy: ClassVar[str] = (
        'declare col("{column}").cast("string") for several classes, col("{column}") == {example} '
        'for one against the rest, or col("{column}") * 1.0 where the numbers are amounts'
    )
    training_set: str
    source: str
    found: str
    column: str
    example: str
