"""What can go wrong with features."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import FeatureError

__all__ = [
    "FeatureNamedTwice",
    "FeatureOverflow",
    "HindsightAsked",
    "HorizonPassed",
    "MissingRequestField",
    "MomentAhead",
    "SpineUnusable",
    "WrongRequestType",
]


@dataclass(eq=False, kw_only=True)
class FeatureOverflow(FeatureError):
    """A sum of whole numbers left the range of int64.  Mainspring does not wrap around: a wrong
    number that looks right is worse than none.
    """

    code: ClassVar[str] = "FEA-001"
    template: ClassVar[str] = "feature {feature} does not fit int64 in row {row}"
    remedy: ClassVar[str] = "cast the column to float, or clip it, before the sum"
    feature: str
    row: int


@dataclass(eq=False, kw_only=True)
class HorizonPassed(FeatureError):
    """Online state keeps only as much of the past as its windows need.  A read before that cannot
    be answered from it.
    """

    code: ClassVar[str] = "FEA-002"
    template: ClassVar[str] = (
        "view {view} keeps facts from {kept_from} on, and the request needs them from {needed_from}"
    )
    remedy: ClassVar[str] = "use get_historical_features, which recomputes from the log"
    view: str
    kept_from: str
    needed_from: str


@dataclass(eq=False, kw_only=True)
class MissingRequestField(FeatureError):
    """The request lacks a field that a join key or an on-demand feature reads.  A null is a value;
    an absent field is a mistake.
    """

    code: ClassVar[str] = "FEA-003"
    template: ClassVar[str] = "row {row} lacks the field {field!r}"
    remedy: ClassVar[str] = "send every request field; send null where the value is not known"
    row: int
    field: str


@dataclass(eq=False, kw_only=True)
class WrongRequestType(FeatureError):
    """A request field has a type that the spine's schema does not take."""

    code: ClassVar[str] = "FEA-004"
    template: ClassVar[str] = "row {row}, field {field!r}: {value} is not of type {dtype}"
    remedy: ClassVar[str] = "send numbers as numbers, text as text and instants as ISO 8601 text"
    row: int
    field: str
    value: str
    dtype: str


@dataclass(eq=False, kw_only=True)
class SnapshotUnreadable(FeatureError):
    """A snapshot of online state is cut off, or was written by another version.  Nothing was
    restored from it; the log holds everything that it held.
    """

    code: ClassVar[str] = "FEA-005"
    template: ClassVar[str] = "the snapshot cannot be read: {reason}"
    remedy: ClassVar[str] = (
        "rebuild from the log instead; the next mainspring stream --snapshot replaces it"
    )
    reason: str


@dataclass(eq=False, kw_only=True)
class SpineUnusable(FeatureError):
    """Features are requested for a frame of join keys and prediction times.  A column that is
    missing or of another type would find nothing, silently.
    """

    code: ClassVar[str] = "FEA-010"
    template: ClassVar[str] = "the spine's column {column!r} {problem}"
    remedy: ClassVar[str] = (
        "give the join keys in the types of their sources, and prediction_time as a "
        "timestamp; a time without a zone is UTC"
    )
    column: str
    problem: str


@dataclass(eq=False, kw_only=True)
class FeatureNamedTwice(FeatureError):
    """Two views that are read together give a column of the same name; one would hide the
    other.
    """

    code: ClassVar[str] = "FEA-012"
    template: ClassVar[str] = "{views} both give {feature}"
    remedy: ClassVar[str] = "read each once and one at a time, or rename the feature in one of them"
    views: str
    feature: str


@dataclass(eq=False, kw_only=True)
class HindsightAsked(FeatureError):
    """A view with `knowledge="as_corrected"` sees what stands in the end, which online state cannot
    know: it would give what was known instead.
    """

    code: ClassVar[str] = "FEA-013"
    template: ClassVar[str] = "view {view} sees with hindsight, and is not read online"
    remedy: ClassVar[str] = "use get_historical_features"
    view: str


@dataclass(eq=False, kw_only=True)
class MomentAhead(FeatureError):
    """Features are requested for a time that is still to come, beyond what clocks may differ by
    (five minutes).

    What will be known by then nobody can say, so an answer would not be the one that a backfill
    gives later.
    """

    code: ClassVar[str] = "FEA-011"
    template: ClassVar[str] = "features are requested for {asked}, and it is {now}"
    remedy: ClassVar[str] = "request them for now, or for a time in the past"
    asked: str
    now: str
