"""Why a row of feedback belongs to no label."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import ServingError

__all__ = [
    "FeedbackContradicts",
    "FeedbackIncomplete",
    "FeedbackWithoutEndpoint",
    "LabelComputed",
]


@dataclass(eq=False, kw_only=True)
class FeedbackIncomplete(ServingError):
    """A row of feedback lacks columns of the label's source that neither the row nor the logged
    request of its prediction has.
    """

    code: ClassVar[str] = "SRV-080"
    template: ClassVar[str] = "the label of {subject} lacks {missing} of source {source!r}"
    remedy: ClassVar[str] = (
        "send {missing} in the row; the columns that a label is joined by may also come in the "
        "request for the prediction, which logs them"
    )
    subject: str
    missing: str
    source: str


@dataclass(eq=False, kw_only=True)
class LabelComputed(ServingError):
    """A row of feedback has a `label`, but the label is computed from columns of its source."""

    code: ClassVar[str] = "SRV-081"
    template: ClassVar[str] = (
        "the label of endpoint {endpoint!r} is computed from {columns} of source {source!r}, so "
        "`label` cannot be stored"
    )
    remedy: ClassVar[str] = "send {columns} instead of `label`"
    endpoint: str
    columns: str
    source: str


@dataclass(eq=False, kw_only=True)
class FeedbackContradicts(ServingError):
    """A row of feedback names a prediction and another key than that was asked for."""

    code: ClassVar[str] = "SRV-082"
    template: ClassVar[str] = (
        "{prediction} was asked for with {column} = {asked}, and its feedback says {given}"
    )
    remedy: ClassVar[str] = "leave {column} out, or send the id of the prediction that is meant"
    prediction: str
    column: str
    asked: str
    given: str


@dataclass(eq=False, kw_only=True)
class FeedbackWithoutEndpoint(ServingError):
    """A row of feedback names neither a prediction nor an endpoint, so its label has no source."""

    code: ClassVar[str] = "SRV-083"
    template: ClassVar[str] = "the row names no prediction, and the call no endpoint"
    remedy: ClassVar[str] = (
        "send the id of an answer as `prediction` in the row, or `endpoint` beside `rows`"
    )
