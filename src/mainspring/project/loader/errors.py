"""What can be wrong with a declaration, each with the user's line."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import DeclarationError

__all__ = [
    "DependencyCycle",
    "DuplicateFeature",
    "DuplicateName",
    "EventTimeMissing",
    "InvalidEndpointName",
    "InvalidName",
    "InvalidValue",
    "JoinKeyNotInRequest",
    "LabelAsFeature",
    "ListOfTexts",
    "OutsideProject",
    "RolloutSteps",
    "SplitOrder",
    "UnequalSources",
    "UnfitAggregation",
    "UnfitExpression",
    "UnfitLookup",
    "UnfitWindows",
    "UnreadableSource",
    "WrongType",
]


@dataclass(eq=False, kw_only=True)
class DuplicateName(DeclarationError):
    """Two declarations of one kind have the same name.  Names are the keys of environments, so each
    must be unique within its kind.
    """

    code: ClassVar[str] = "PRJ-030"
    template: ClassVar[str] = "two declarations are called {name}; the other is at {other}"
    remedy: ClassVar[str] = (
        "if they are the same, declare it once and name that object wherever it is "
        "needed; else rename one of them"
    )
    name: str
    other: str


@dataclass(eq=False, kw_only=True)
class InvalidName(DeclarationError):
    """Names become parts of columns, keys and file names."""

    code: ClassVar[str] = "PRJ-031"
    template: ClassVar[str] = "{kind} cannot be called {name!r}"
    remedy: ClassVar[str] = (
        "begin with a letter and use letters, digits, dashes and underscores only"
    )
    kind: str
    name: str


@dataclass(eq=False, kw_only=True)
class InvalidEndpointName(DeclarationError):
    """The name of an endpoint is part of its route."""

    code: ClassVar[str] = "PRJ-032"
    template: ClassVar[str] = "endpoint cannot be called {name!r}"
    remedy: ClassVar[str] = "use letters, digits and dashes only, such as late-arrival"
    name: str


@dataclass(eq=False, kw_only=True)
class UnfitExpression(DeclarationError):
    """An expression, a key or a contract does not fit the columns that it reads.  The code in
    brackets has a page of its own.
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
    """An expression is sound and has another type than its place asks for."""

    code: ClassVar[str] = "PRJ-034"
    template: ClassVar[str] = "{user} is of type {dtype}"
    remedy: ClassVar[str] = (
        "it takes {wanted}: change the expression, cast it, or give its column that "
        "type in the contract of the source"
    )
    user: str
    dtype: str
    wanted: str


@dataclass(eq=False, kw_only=True)
class UnreadableSource(DeclarationError):
    """The file of a source cannot be read, so its columns are not known."""

    code: ClassVar[str] = "PRJ-035"
    template: ClassVar[str] = "source {name}: {problem}"
    remedy: ClassVar[str] = (
        "correct the path, which is relative to the project, or leave it out for a "
        "source that is pushed to"
    )
    name: str
    problem: str


@dataclass(eq=False, kw_only=True)
class UnfitWindows(DeclarationError):
    """Aggregates are made over windows; `latest` looks up one fact and has a time to live
    instead.
    """

    code: ClassVar[str] = "PRJ-036"
    template: ClassVar[str] = "view {view}: {problem}"
    remedy: ClassVar[str] = 'give aggregates windows=["1h", ...], and latest(...) a ttl'
    view: str
    problem: str


@dataclass(eq=False, kw_only=True)
class EventTimeMissing(DeclarationError):
    """A window is an interval of event time, so the facts of its source must say when they
    happened.
    """

    code: ClassVar[str] = "PRJ-037"
    template: ClassVar[str] = (
        "view {view} has windows, and the event time of source {source} is the same for all facts"
    )
    remedy: ClassVar[str] = "name a column as the event time of the source, or use latest(...)"
    view: str
    source: str


@dataclass(eq=False, kw_only=True)
class JoinKeyNotInRequest(DeclarationError):
    """A caller sends the request, and features are looked up by it: each join key and each column
    of an on-demand feature must be in it.
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
    """What the label is made from is not known when the question is asked.  A model that sees it
    looks brilliant and is useless.
    """

    code: ClassVar[str] = "PRJ-039"
    template: ClassVar[str] = (
        "training set {training_set}: {user} reads {column!r}, which the label is "
        "taken from (source {source})"
    )
    remedy: ClassVar[str] = "leave it out: it is only known after the prediction"
    training_set: str
    user: str
    column: str
    source: str


@dataclass(eq=False, kw_only=True)
class SplitOrder(DeclarationError):
    """Rows are fitted in [train_from, test_from) and judged in [test_from, test_until); neither may
    be empty.
    """

    code: ClassVar[str] = "PRJ-040"
    template: ClassVar[str] = (
        "training set {training_set}: train_from < test_from < test_until does not "
        "hold for {train_from}, {test_from}, {test_until}"
    )
    remedy: ClassVar[str] = "put the three instants in order"
    training_set: str
    train_from: str
    test_from: str
    test_until: str


@dataclass(eq=False, kw_only=True)
class DuplicateFeature(DeclarationError):
    """Two features of one training set would be the same column."""

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
    """A canary takes over in rising shares and ends with all requests."""

    code: ClassVar[str] = "PRJ-042"
    template: ClassVar[str] = (
        "endpoint {endpoint}: steps {steps} do not rise from at least 1 to 100"
    )
    remedy: ClassVar[str] = "write rising shares that end in 100, such as [5, 25, 100]"
    endpoint: str
    steps: str


@dataclass(eq=False, kw_only=True)
class OutsideProject(DeclarationError):
    """An endpoint or a monitor is of a model that another project declares.  A project builds what
    it answers with.
    """

    code: ClassVar[str] = "PRJ-043"
    template: ClassVar[str] = (
        "{user} is of model {model}, which is declared outside of this project, at {other}"
    )
    remedy: ClassVar[str] = (
        "declare the model in this project, or move the declaration to where the model is"
    )
    user: str
    model: str
    other: str


@dataclass(eq=False, kw_only=True)
class InvalidValue(DeclarationError):
    """A value is outside of what its field can hold."""

    code: ClassVar[str] = "PRJ-044"
    template: ClassVar[str] = "{user}: {problem}"
    remedy: ClassVar[str] = "change the value"
    user: str
    problem: str


@dataclass(eq=False, kw_only=True)
class DependencyCycle(DeclarationError):
    """Declarations are made from one another in a circle, so none can be built first."""

    code: ClassVar[str] = "PRJ-045"
    template: ClassVar[str] = "declarations depend on each other in a circle: {path}"
    remedy: ClassVar[str] = "take one of them out of the circle"
    path: str


@dataclass(eq=False, kw_only=True)
class UnfitAggregation(DeclarationError):
    """An aggregate is told something that it cannot do.

    `k` is a whole number from 1 to 1,000; ranks of quantiles lie in [0, 1]; edges of a histogram
    are finite and ascend, and are whole among whole numbers; `value_counts` lists different values
    of the operand's type; the limit of `count_distinct` is at least 1, and beyond it the answer
    saturates or is approximate; the precision of `approx_count_distinct` is 4 to 16.
    """

    code: ClassVar[str] = "PRJ-048"
    template: ClassVar[str] = "{user}: {problem}"
    remedy: ClassVar[str] = "change what the aggregate is told"
    user: str
    problem: str


@dataclass(eq=False, kw_only=True)
class UnequalSources(DeclarationError):
    """A view of several sources reads their facts as one history, so each column that it reads must
    have one type in all of them.
    """

    code: ClassVar[str] = "PRJ-049"
    template: ClassVar[str] = "view {view}: {column!r} is {types}"
    remedy: ClassVar[str] = "give the column one type in the contracts of the sources"
    view: str
    column: str
    types: str


@dataclass(eq=False, kw_only=True)
class UnfitLookup(DeclarationError):
    """An entity that is reached through a view takes its key from what that view knew at the
    prediction time.

    So the view is one of `latest(...)` with the join keys among its columns, for exactly one
    entity.  One step is enough: that entity is not itself reached through a view.
    """

    code: ClassVar[str] = "PRJ-050"
    template: ClassVar[str] = "entity {entity} is reached through view {view}: {problem}"
    remedy: ClassVar[str] = (
        "look the keys up in a view such as FeatureView(..., entities=[one], "
        "features=latest({keys}))"
    )
    entity: str
    view: str
    problem: str
    keys: str


@dataclass(eq=False, kw_only=True)
class ListOfTexts(DeclarationError):
    """A model is fed numbers.  A text becomes the place in a vocabulary; a list of texts has no
    order or number that a column could hold.
    """

    code: ClassVar[str] = "PRJ-051"
    template: ClassVar[str] = (
        "training set {training_set}: feature {feature} of view {view} is a list of "
        "texts, which cannot become columns of numbers"
    )
    remedy: ClassVar[str] = (
        "take one text with .last() or .max(), count listed ones with "
        ".value_counts([...]), or leave the view out"
    )
    training_set: str
    feature: str
    view: str
