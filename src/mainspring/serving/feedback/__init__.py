"""Labels that callers send back: joined to predictions by id or by key, and written to the source
that the endpoint's label is read from.

It owns what a row of feedback means and why one is refused. The rows are taken in by `sources`, as
any push; when a label counts is decided by `datasets.labels`.
"""

from mainspring.serving.feedback.body import FeedbackBody, FeedbackReport, RefusedRow
from mainspring.serving.feedback.record import FeedbackRecorder, Permit

__all__ = ["FeedbackBody", "FeedbackRecorder", "FeedbackReport", "Permit", "RefusedRow"]
