"""What a workspace takes back: labels of the predictions that it answered."""

from collections.abc import Callable, Mapping, Sequence

from mainspring.app.predict_access import PredictAccess
from mainspring.elements.arguments import checks_arguments
from mainspring.elements.declaration import Named, name_of
from mainspring.elements.foreign_frame import GivenRows, plain_rows
from mainspring.serving.feedback import FeedbackBody, FeedbackRecorder, FeedbackReport
from mainspring.sources.fold import materialize_table
from mainspring.sources.ingest import IngestReport, SourceWriter
from mainspring.sources.topic import log_of_stream, topic_of

__all__ = ["FeedbackAccess"]


@checks_arguments
class FeedbackAccess(PredictAccess):
    """Writes labels to the sources that endpoints' labels are read from."""

    def feedback(
        self, rows: GivenRows, *, endpoint: str | Named = "", replace: bool = False
    ) -> FeedbackReport:
        """Write labels of predictions, as the server does.  Provisional.

        Args:
            rows: mappings, one mapping, or a frame, each with `prediction` or with the columns
                that its label is joined by; and with `label`, or the columns of the label's source.
            endpoint: of the rows that name no prediction.
            replace: the rows correct earlier ones of the same id.

        Returns: what became of the rows; those that belong to no label are in `refused`.

        Raises: EmptyRequest SRV-005, TooManyRows SRV-006, UnknownEndpoint SRV-001, NotServing
            SRV-003.
        """
        body = FeedbackBody(
            rows=[dict(row) for row in plain_rows(rows)],
            endpoint=name_of(endpoint, "endpoint") if endpoint else "",
            op="replace" if replace else "",
        )
        recorder = FeedbackRecorder(
            self.host().endpoint,
            self.present_source,
            environment=self.environment,
            log=self.runtime.log,
        )
        return recorder.record(body, permit=lambda *_: None, write=self._write_labels)

    def _write_labels(
        self, source: str, rows: Sequence[Mapping[str, object]], op: str
    ) -> IngestReport:
        return self._write_to(source, lambda writer: writer.write_rows(rows, op=op))

    def _write_to(
        self, source: str | Named, write: Callable[[SourceWriter], IngestReport]
    ) -> IngestReport:
        """Have a source's writer take something in, and fold the log into its table."""
        writer = self.writer(source)
        stream = writer.compiled.source.stream
        report = write(writer)
        self.generations.follow(log_of_stream(stream))
        materialize_table(topic_of(stream), log=self.runtime.log, tables=self.runtime.tables)
        return report
