"""Write feedback: find the predictions, make rows of their labels, and push these to the sources of
the labels.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from mainspring.elements.errors import MainspringError
from mainspring.elements.text import clipped
from mainspring.elements.values.cells import NoCell, column_of
from mainspring.ports.limits import MAX_ROWS, MAX_SHOWN
from mainspring.ports.log import LogReader
from mainspring.serving.errors import EmptyRequest, NotServing, TooManyRows
from mainspring.serving.feedback.body import FeedbackBody, FeedbackReport, RefusedRow
from mainspring.serving.feedback.errors import FeedbackWithoutEndpoint, PredictionRemoved
from mainspring.serving.feedback.label_row import LabelPlace, label_row
from mainspring.serving.inference.record import PredictionRecord
from mainspring.serving.inference_log import (
    FoundPredictions,
    find_predictions,
    no_such_prediction,
    place_of_topic,
)
from mainspring.serving.served_endpoint import ServedEndpoint
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.errors import UnreadableRows
from mainspring.sources.ingest import IngestReport
from mainspring.sources.spec import Source

__all__ = ["FeedbackRecorder", "Permit"]

Permit = Callable[[Literal["endpoint", "source"], str], None]
"""Returns where the caller may write to the endpoint, or the source, of this name, else raises."""

Write = Callable[[str, Sequence[Mapping[str, object]], str], IngestReport]
"""Takes rows into a source by one operation."""


class FeedbackRecorder:
    """Takes the labels of one environment's predictions in.

    Args:
        endpoint: as it answers now; UnknownEndpoint SRV-001.
        present: a source that a model was trained on, as it takes rows in now; ACC-006.
        log: of predictions.
    """

    def __init__(
        self,
        endpoint: Callable[[str], ServedEndpoint],
        present: Callable[[Source], CompiledSource],
        *,
        environment: str,
        log: LogReader,
    ) -> None:
        self._endpoint, self._present = endpoint, present
        self._environment, self._log = environment, log

    def record(self, body: FeedbackBody, *, permit: Permit, write: Write) -> FeedbackReport:
        """Write the rows of feedback.  One that belongs to no label is refused alone.

        Raises: EmptyRequest SRV-005, TooManyRows SRV-006; UnknownEndpoint SRV-001 and NotServing
            SRV-003 of the endpoint that the body names, UnreadableRows SRC-006, what `permit`
            raises: then nothing was written.  What `write` raises: sources before it have their
            rows, and the same call again finds duplicates there.

        Cost: that of `find_predictions`, and 25 µs a row, beside the write.
        """
        if not body.rows:
            raise EmptyRequest
        if len(body.rows) > MAX_ROWS:
            raise TooManyRows(rows=len(body.rows), limit=MAX_ROWS)
        named = [str(row["prediction"]) for row in body.rows if "prediction" in row]
        found = find_predictions(self._log, named, environment=self._environment)
        places = self._places(_endpoints_of(body, found), permit)
        fault = places.get(body.endpoint)
        if isinstance(fault, MainspringError):
            raise fault
        of_source, refused = dict[str, list[Mapping[str, object]]](), list[RefusedRow]()
        for number, given in enumerate(body.rows):
            try:
                place, row = _row_of(given, body.endpoint, found, places)
            except MainspringError as error:
                refused.append(_refused(number, error))
                continue
            _require_cells(number, row, place)
            of_source.setdefault(place.source.name, []).append(row)
        reports = [write(source, rows, body.op) for source, rows in of_source.items()]
        return _report(reports, refused)

    def _places(
        self, endpoints: Sequence[str], permit: Permit
    ) -> dict[str, LabelPlace | MainspringError]:
        """Where the labels of these endpoints go, or why nowhere."""
        # All of them before one is looked at, and that before the first row is written: a call that
        # is not permitted learns nothing and changes nothing.
        for name in endpoints:
            permit("endpoint", name)
        places = {name: self._place_or_fault(name) for name in endpoints}
        for place in places.values():
            if isinstance(place, LabelPlace):
                permit("source", place.source.name)
        return places

    def _place_or_fault(self, name: str) -> LabelPlace | MainspringError:
        try:
            served = self._endpoint(name)
            model = served.current or served.previous
            if model is None:
                raise NotServing(endpoint=name, reason=served.refusal)
            label = model.training_set.spec.label
            present = self._present(label.source)
        except MainspringError as error:
            return error
        return LabelPlace(name, label, present.source, present.schema)


def _endpoints_of(body: FeedbackBody, found: FoundPredictions) -> list[str]:
    """The endpoints that the rows are of."""
    topics = [*(topic for topic, _ in found.records.values()), *found.removed.values()]
    made_at = {place_of_topic(topic)[1] for topic in set(topics)}
    is_keyed = any("prediction" not in row for row in body.rows)
    return sorted(made_at | ({body.endpoint} if body.endpoint and is_keyed else set()))


def _row_of(
    given: Mapping[str, object],
    endpoint: str,
    found: FoundPredictions,
    places: Mapping[str, LabelPlace | MainspringError],
) -> tuple[LabelPlace, dict[str, object]]:
    """Where a row of feedback goes, and the row to write there."""
    record = None
    if "prediction" in given:
        prediction = str(given["prediction"])
        topic, record = _logged(prediction, found)
        endpoint = place_of_topic(topic)[1]
    elif not endpoint:
        raise FeedbackWithoutEndpoint
    place = places[endpoint]
    if isinstance(place, MainspringError):
        raise place
    return place, label_row(given, place, record)


def _require_cells(number: int, row: Mapping[str, object], place: LabelPlace) -> None:
    """What a source would say of such a row, before the first one is written and by its number in
    the call.  Raises: UnreadableRows SRC-006.
    """
    for name, value in row.items():
        if type(value) in (dict, list) and name in place.schema:
            try:
                column_of(place.schema[name], [value])
            except NoCell as error:
                problem = f"row {number} {error.problem}"
                raise UnreadableRows(source=place.source.name, problem=problem) from error


def _logged(prediction: str, found: FoundPredictions) -> tuple[str, PredictionRecord]:
    if prediction in found.records:
        return found.records[prediction]
    if prediction in found.removed:
        _, endpoint = place_of_topic(found.removed[prediction])
        raise PredictionRemoved(prediction=clipped(prediction, MAX_SHOWN), endpoint=endpoint)
    # Of another environment as of none: who asks here learns nothing of what is there.
    raise no_such_prediction(clipped(prediction, MAX_SHOWN))


def _refused(number: int, error: MainspringError) -> RefusedRow:
    return RefusedRow(
        row=number,
        code=error.code,
        detail=clipped(error.message, 3 * MAX_SHOWN),
        remedy=clipped(error.remedy.format(**error.details()), 3 * MAX_SHOWN),
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
