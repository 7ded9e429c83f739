"""What can go wrong with features."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import FeatureError

__all__ = ["FeatureOverflow", "HorizonPassed", "MissingRequestField", "WrongRequestType"]


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
        "view {view} keeps facts from {kept_from} on, and the question needs them from "
        "{needed_from}"
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
        "fold the log instead; the next mainspring stream --snapshot replaces it"
    )
    reason: str
