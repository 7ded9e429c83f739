"""Why a row of feedback belongs to no label."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import ServingError

__all__ = [
    "FeedbackContradicts",
    "FeedbackIncomplete",
    "FeedbackWithoutEndpoint",
    "LabelComputed",
    "PredictionRemoved",
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
    """A row of feedback says two things of one column: it names a prediction and another key than
    that was asked for, or has `label` or `event_time` beside another value of their column.
    """

    code: ClassVar[str] = "SRV-082"
    template: ClassVar[str] = "{subject} has {column} = {known}, and {other} of the row is {given}"
    remedy: ClassVar[str] = (
        "send {column} once; by the id of a prediction it may be left out where the prediction was "
        "asked for with it"
    )
    subject: str
    column: str
    known: str
    other: str
    given: str


@dataclass(eq=False, kw_only=True)
class FeedbackWithoutEndpoint(ServingError):
    """A row of feedback names neither a prediction nor an endpoint, so its label has no source."""

    code: ClassVar[str] = "SRV-083"
    template: ClassVar[str] = "the row names no prediction, and the call no endpoint"
    remedy: ClassVar[str] = (
        "send the id of an answer as `prediction` in the row, or `endpoint` beside `rows`"
    )


@dataclass(eq=False, kw_only=True)
class PredictionRemoved(ServingError):
    """A row of feedback names a prediction whose record the retention of the inference log has
    removed, so what it was asked for with is not known any more.
    """

    code: ClassVar[str] = "SRV-084"
    template: ClassVar[str] = (
        "the record of {prediction}, made at endpoint {endpoint!r}, was removed by the retention "
        "of the inference log"
    )
    remedy: ClassVar[str] = (
        "send the label by key: leave `prediction` out, name endpoint {endpoint!r}, and send the "
        "columns that its label is joined by; `retention=` of the endpoint says how long records "
        "stay"
    )
    prediction: str
    endpoint: str
