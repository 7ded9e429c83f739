"""What can go wrong with features."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import FeatureError

__all__ = [
    "NO_STATE",
    "FeatureNamedTwice",
    "FeatureOverflow",
    "FeatureUnknown",
    "FormatCannotHold",
    "HindsightAsked",
    "HorizonPassed",
    "MissingRequestField",
    "MomentAhead",
    "MomentNotHeld",
    "RequestTypesUnknown",
    "SpineUnusable",
    "TooManyFeatureRows",
    "WrongRequestType",
]

NO_STATE = "never (no state yet)"
"""From when a view is held of which nothing is held."""


@dataclass(eq=False, kw_only=True)
class FeatureOverflow(FeatureError):
    """A sum of whole numbers does not fit int64.  Mainspring raises instead of wrapping around,
    because a wrong number that looks right is worse than none.
    """

    code: ClassVar[str] = "FEA-001"
    template: ClassVar[str] = "feature {feature} does not fit int64 in row {row}"
    remedy: ClassVar[str] = "cast the column to float, or clip it, before the sum"
    feature: str
    row: int


@dataclass(eq=False, kw_only=True)
class HorizonPassed(FeatureError):
    """A read is further in the past than online state reaches.  Online state stores only as much
    history as its windows need.

    Args:
        kept_from: a moment, `always`, or `NO_STATE`.
    """

    code: ClassVar[str] = "FEA-002"
    template: ClassVar[str] = (
        "the state of view {view} begins at {kept_from}, and this read needs facts from "
        "{needed_from}"
    )
    remedy: ClassVar[str] = "use get_historical_features, which recomputes from the log"
    view: str
    kept_from: str
    needed_from: str


@dataclass(eq=False, kw_only=True)
class MissingRequestField(FeatureError):
    """A request has no value for a field that a join key or an on-demand feature reads.  Null is a
    value; a missing field is a mistake.
    """

    code: ClassVar[str] = "FEA-003"
    template: ClassVar[str] = "row {row} has no field {field!r}"
    remedy: ClassVar[str] = "send every request field; send null where the value is not known"
    row: int
    field: str


@dataclass(eq=False, kw_only=True)
class WrongRequestType(FeatureError):
    """A field of a request does not have the type that the spine's schema declares."""

    code: ClassVar[str] = "FEA-004"
    template: ClassVar[str] = "row {row}, field {field!r}: {value} is not of type {dtype}"
    remedy: ClassVar[str] = "send numbers as numbers, text as text and times as ISO 8601 text"
    row: int
    field: str
    value: str
    dtype: str


@dataclass(eq=False, kw_only=True)
class SnapshotUnreadable(FeatureError):
    """A snapshot of online state is incomplete, or was written by another version.  Nothing was
    restored from it, and nothing is lost: the log holds all of it.
    """

    code: ClassVar[str] = "FEA-005"
    template: ClassVar[str] = "the snapshot cannot be read: {reason}"
    remedy: ClassVar[str] = (
        "materialize from the log instead; the next `mainspring stream --snapshot` replaces it"
    )
    reason: str


@dataclass(eq=False, kw_only=True)
class SpineUnusable(FeatureError):
    """A spine frame does not have the columns that the features need.  A missing column, or one of
    another type, would match nothing without any error.
    """

    code: ClassVar[str] = "FEA-010"
    template: ClassVar[str] = "the spine's column {column!r} {problem}"
    remedy: ClassVar[str] = (
        "give the join keys in the types of their sources, and prediction_time as a "
        "timestamp; a time without a time zone is UTC"
    )
    column: str
    problem: str


@dataclass(eq=False, kw_only=True)
class FeatureNamedTwice(FeatureError):
    """Two of the requested views have a feature of the same name, so one would hide the other."""

    code: ClassVar[str] = "FEA-012"
    template: ClassVar[str] = "{views} both have a feature {feature}"
    remedy: ClassVar[str] = (
        "name each view once, read these views one at a time, or rename the feature in one of them"
    )
    views: str
    feature: str


@dataclass(eq=False, kw_only=True)
class HindsightAsked(FeatureError):
    """A view with `knowledge="as_corrected"` cannot be read online.  It uses corrections that came
    later, which online state does not have.
    """

    code: ClassVar[str] = "FEA-013"
    template: ClassVar[str] = (
        "view {view} uses corrections that came later, so it is not read online"
    )
    remedy: ClassVar[str] = "use get_historical_features"
    view: str


@dataclass(eq=False, kw_only=True)
class MomentAhead(FeatureError):
    """Features were requested for a time in the future, beyond the allowed clock skew (five
    minutes).

    Facts may still arrive until then, so the values could differ from those that a backfill gives
    later.
    """

    code: ClassVar[str] = "FEA-011"
    template: ClassVar[str] = "features were requested for {asked}, and it is {now}"
    remedy: ClassVar[str] = "use the present time, or a time in the past"
    asked: str
    now: str


@dataclass(eq=False, kw_only=True)
class FormatCannotHold(FeatureError):
    """The format of a file has no place for values of a column: CSV has no lists, and neither CSV
    nor JSON lines have bytes.  Nothing was computed or written.
    """

    code: ClassVar[str] = "FEA-060"
    template: ClassVar[str] = "{file} cannot hold {column}, which is of type {dtype}"
    remedy: ClassVar[str] = "write to a .parquet file (or .jsonl for lists), or leave it out"
    file: str
    column: str
    dtype: str


@dataclass(eq=False, kw_only=True)
class RequestTypesUnknown(FeatureError):
    """An on-demand view was read for a request, and no training set uses it, so the types of the
    columns that it reads are declared nowhere.
    """

    code: ClassVar[str] = "FEA-073"
    template: ClassVar[str] = "no training set says what types {columns} of {view} have"
    remedy: ClassVar[str] = (
        "use the view in a training set, or read it with get_historical_features, where the "
        "columns of the spine have types"
    )
    view: str
    columns: str


@dataclass(eq=False, kw_only=True)
class FeatureUnknown(FeatureError):
    """A feature was asked for that its view does not have.  A view is asked for by its name or its
    declaration, one of its features as `view:feature`.
    """

    code: ClassVar[str] = "FEA-074"
    template: ClassVar[str] = "there is no feature {reference}; there is: {known}"
    remedy: ClassVar[str] = "name one of them, or the view alone for all of its features"
    reference: str
    known: str


@dataclass(eq=False, kw_only=True)
class TooManyFeatureRows(FeatureError):
    """A request asks for the features of more rows than one request may.  An online read may have
    ten thousand rows, one from history a thousand.
    """

    code: ClassVar[str] = "FEA-075"
    template: ClassVar[str] = "the request has {rows:,} rows; at most {limit:,} are answered"
    remedy: ClassVar[str] = (
        "send several requests; for a large spine use `mainspring backfill`, which reads a file"
    )
    rows: int
    limit: int


@dataclass(eq=False, kw_only=True)
class MomentNotHeld(FeatureError):
    """A request reads online state at a time that it chose, and state does not reach back to it.
    Online state stores only as much history as its windows need.
    """

    code: ClassVar[str] = "FEA-076"
    template: ClassVar[str] = (
        "at {moment} the read needs facts from {needed_from}, and the state of view {view} begins "
        "at {kept_from}"
    )
    remedy: ClassVar[str] = "ask /v1/features/historical, which reads any time from the log"
    moment: str
    view: str
    kept_from: str
    needed_from: str
