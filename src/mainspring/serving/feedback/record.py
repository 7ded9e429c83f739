"""Write feedback: find the predictions, make rows of their labels, and push these to the sources of
the labels.
"""

from collections.abc import Callable, Mapping, Sequence

from mainspring.elements.errors import MainspringError
from mainspring.elements.text import clipped
from mainspring.ports.limits import MAX_ROWS, MAX_SHOWN
from mainspring.ports.log import LogReader
from mainspring.serving.errors import EmptyRequest, NotServing, PredictionUnknown, TooManyRows
from mainspring.serving.feedback.body import FeedbackBody, FeedbackReport, RefusedRow
from mainspring.serving.feedback.errors import FeedbackWithoutEndpoint
from mainspring.serving.feedback.label_row import LabelPlace, label_row
from mainspring.serving.host import ServedEndpoint
from mainspring.serving.inference.record import PredictionRecord
from mainspring.serving.inference_log import find_prediction, place_of_topic
from mainspring.sources.ingest import IngestReport

__all__ = ["FeedbackRecorder"]

Permit = Callable[[str, str], None]
"""Returns where the caller may write to this endpoint and this source, else raises."""

Write = Callable[[str, Sequence[Mapping[str, object]], str], IngestReport]
"""Takes rows into a source by one operation."""


class FeedbackRecorder:
    """Takes the labels of one environment's predictions in.

    Args:
        endpoint: as it answers now; UnknownEndpoint SRV-001.
        log: of predictions.
    """

    def __init__(
        self, endpoint: Callable[[str], ServedEndpoint], *, environment: str, log: LogReader
    ) -> None:
        self._endpoint, self._environment, self._log = endpoint, environment, log

    def record(self, body: FeedbackBody, *, permit: Permit, write: Write) -> FeedbackReport:
        """Write the rows of feedback.  One that belongs to no label is refused alone.

        Raises: EmptyRequest SRV-005, TooManyRows SRV-006; what `permit` raises, and then nothing
            was written; what `write` raises.

        Cost: a look into the log for each prediction, 0.1 ms or more.
        """
        if not body.rows:
            raise EmptyRequest
        if len(body.rows) > MAX_ROWS:
            raise TooManyRows(rows=len(body.rows), limit=MAX_ROWS)
        places, of_source = dict[str, LabelPlace](), dict[str, list[Mapping[str, object]]]()
        refused = list[RefusedRow]()
        for number, given in enumerate(body.rows):
            try:
                place, prediction = self._place(given, body.endpoint)
                places[place.endpoint] = place
                row = label_row(given, place, prediction)
            except MainspringError as error:
                refused.append(_refused(number, error))
            else:
                of_source.setdefault(place.label.source.name, []).append(row)
        # Before the first is written: a call that is not permitted changes nothing.
        for place in places.values():
            permit(place.endpoint, place.label.source.name)
        reports = [write(source, rows, body.op) for source, rows in of_source.items()]
        return _report(reports, refused)

    def _place(
        self, given: Mapping[str, object], endpoint: str
    ) -> tuple[LabelPlace, PredictionRecord | None]:
        if "prediction" not in given:
            if not endpoint:
                raise FeedbackWithoutEndpoint
            return self._place_at(endpoint), None
        prediction = str(given["prediction"])
        found = find_prediction(self._log, prediction)
        environment, made_at = place_of_topic(found[0]) if found else ("", "")
        # Of another environment as of none: who asks here learns nothing of what is there.
        if found is None or environment != self._environment:
            raise PredictionUnknown(prediction=clipped(prediction, MAX_SHOWN))
        return self._place_at(made_at), found[1]

    def _place_at(self, name: str) -> LabelPlace:
        served = self._endpoint(name)
        model = served.current or served.previous
        if model is None:
            raise NotServing(endpoint=name, reason=served.refusal)
        training_set = model.training_set
        label = training_set.spec.label
        return LabelPlace(name, label, training_set.schemas[label.source.name])


def _refused(number: int, error: MainspringError) -> RefusedRow:
    details = error.details()
    return RefusedRow(
        row=number,
        code=error.code,
        detail=clipped(error.message, 3 * MAX_SHOWN),
        remedy=clipped(error.remedy.format(**details), 3 * MAX_SHOWN),
    )


def _report(reports: Sequence[IngestReport], refused: Sequence[RefusedRow]) -> FeedbackReport:
    total = sum(reports[1:], start=reports[0]) if reports else IngestReport()
    return FeedbackReport(
        accepted=total.accepted,
        duplicates=total.duplicates,
        revised=total.revised,
        quarantined=total.quarantined,
        ignored=total.ignored,
        refused=tuple(refused),
    )
