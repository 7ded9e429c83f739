"""The route of feedback."""

from collections.abc import Callable, Mapping, Sequence

from mainspring.elements.events import Actor
from mainspring.ports.body import parse_body
from mainspring.ports.http import Call, Reply, Route, json_reply
from mainspring.serving.feedback.body import FeedbackBody
from mainspring.serving.feedback.record import FeedbackRecorder, Permit
from mainspring.sources.ingest import IngestReport, SourceWriter

__all__ = ["FeedbackApi"]


class FeedbackApi:
    """The route that takes labels in.

    Args:
        permit: what says whether a caller may write to an endpoint or a source.
        writer: what takes rows of a source in, in an actor's name.
        observe: called with the source and the report of what was written.
    """

    def __init__(
        self,
        recorder: FeedbackRecorder,
        *,
        permit: Callable[[Call], Permit],
        writer: Callable[[str, Actor], SourceWriter],
        observe: Callable[[str, IngestReport], None],
    ) -> None:
        self._recorder, self._permit = recorder, permit
        self._writer, self._observe = writer, observe

    def route(self) -> Route:
        """The one route.  What it is about stands in its body, so its handler asks for more than
        the permission.
        """
        return Route(
            "POST", "/v1/feedback", "ingest", self.feedback, "nothing", blocks=True, writes=True
        )

    def feedback(self, call: Call) -> Reply:
        """`POST /v1/feedback`: labels of predictions, by id or by key, into the label's source.

        Raises: BadRequest SRV-004, BodyTooComplex SRV-044, EmptyRequest SRV-005, TooManyRows
            SRV-006, UnknownEndpoint SRV-001, NotServing SRV-003; OutOfScope ACC-031; StoreBusy
            ENG-009, and what `write_rows` of a `SourceWriter` raises.
        """
        body = parse_body(call.body, FeedbackBody)

        def write(source: str, rows: Sequence[Mapping[str, object]], op: str) -> IngestReport:
            report = self._writer(source, call.actor).write_rows(rows, op=op)
            self._observe(source, report)
            return report

        report = self._recorder.record(body, permit=self._permit(call), write=write)
        return json_reply(report)
