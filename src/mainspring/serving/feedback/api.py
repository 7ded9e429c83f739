"""The route of feedback."""

from collections.abc import Callable, Mapping, Sequence

from mainspring.elements.events import Actor
from mainspring.ports.body import parse_body
from mainspring.ports.http import Call, Reply, Route, json_reply
from mainspring.serving.feedback.body import FeedbackBody
from mainspring.serving.feedback.record import FeedbackRecorder
from mainspring.sources.ingest import IngestReport, SourceWriter

__all__ = ["FeedbackApi"]


class FeedbackApi:
    """The route that takes labels in.

    Args:
        permit: returns where the caller may write to an endpoint and a source, else raises.
        writer: what takes rows of a source in, in an actor's name.
        observe: called with the source and the report of what was written.
    """

    def __init__(
        self,
        recorder: FeedbackRecorder,
        *,
        permit: Callable[[Call, str, str], None],
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
            SRV-006; OutOfScope ACC-031; StoreBusy ENG-009, and what `write_rows` of a
            `SourceWriter` raises.
        """
        body = parse_body(call.body, FeedbackBody)

        def write(source: str, rows: Sequence[Mapping[str, object]], op: str) -> IngestReport:
            report = self._writer(source, call.actor).write_rows(rows, op=op)
            self._observe(source, report)
            return report

        report = self._recorder.record(
            body,
            permit=lambda endpoint, source: self._permit(call, endpoint, source),
            write=write,
        )
        return json_reply(report)
