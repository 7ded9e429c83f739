"""Evaluate a monitor on one window after another: read what is new in the log, and compare it with
the baseline.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.datasets.build import CompiledTrainingSet
from mainspring.datasets.encoding import Encoding, encode_columns
from mainspring.elements.expression.tree import input_columns
from mainspring.elements.identity import Digest, digest_of_value
from mainspring.elements.time import DAY, Micros
from mainspring.monitoring.baseline import Baseline
from mainspring.monitoring.join import (
    KeyedLabels,
    KeyedPredictions,
    hash_join_key,
    label_changes,
    stack_labels,
)
from mainspring.monitoring.position import MonitorMemory, first_remembered_day
from mainspring.monitoring.window import (
    LabelledDay,
    MonitorFinding,
    WindowReport,
    data_quality_findings,
    drift_findings,
    label_findings,
)
from mainspring.ports.log import LogReader
from mainspring.ports.tables import TableReader
from mainspring.serving.inference_log import PredictionRecord, iter_predictions
from mainspring.sources.read import iter_records
from mainspring.sources.topic import log_of_stream, quarantine_topic_of, topic_of

__all__ = ["EvaluatedWindow", "MonitorEvaluator", "MonitoredModel", "subject_of"]


@dataclass(frozen=True, eq=False, kw_only=True)
class MonitoredModel:
    """A model version as it is served at an endpoint, and the monitor of it.

    Args:
        monitor: its name.
        sensitivity: how far beyond the worst day of the baseline a statistic must be.
        version: whose features and scores are compared; what another version answered counts for
            label rate and performance alone.
        topic: of the endpoint's predictions.
        usual_quarantine: share of rows quarantined in history, by source.
    """

    monitor: str
    sensitivity: float
    version: Digest
    topic: str
    training_set: CompiledTrainingSet
    encoding: Encoding
    baseline: Baseline
    usual_quarantine: Mapping[str, float] = field(default_factory=dict)


class EvaluatedWindow(NamedTuple):
    """A window's report, and what the memory gained by it: predictions, with the labels that were
    known before, and changes of labels.
    """

    report: WindowReport
    predictions: KeyedPredictions
    labels: KeyedLabels


class _Unread(NamedTuple):
    day: int
    key: int
    score: float
    offset: int


def subject_of(monitored: MonitoredModel) -> Digest:
    """Names what is joined with what: predictions of which topic, with which label of which source.

    A new version of the model keeps the memory of the old one; one that is trained on another label
    begins anew.
    """
    training_set = monitored.training_set
    label = training_set.spec.label
    schema = training_set.schemas[label.source.name]
    columns = sorted({*label.join_on, *input_columns(label.value)})
    types = [[f.name, f.dtype.value] for f in schema if f.name in columns]
    return digest_of_value(
        [
            monitored.topic,
            log_of_stream(label.source.stream),
            list(label.join_on),
            repr(label.value),
            types,
        ]
    )


class MonitorEvaluator:
    """Evaluates a monitor on windows in order.

    Args:
        tables: where labels lie that the log does not keep any more; predictions that it does not
            keep are forgotten.
        memory: what earlier windows have read; default: nothing yet.
    """

    def __init__(
        self,
        monitored: MonitoredModel,
        *,
        log: LogReader,
        tables: TableReader | None = None,
        memory: MonitorMemory | None = None,
    ) -> None:
        self._monitored, self._log, self._tables = monitored, log, tables
        self.memory = memory or MonitorMemory(subject_of(monitored))

    def start_at_head(self) -> None:
        """Leave out what is in the log already."""
        head = self._log.head(self._monitored.topic)
        self.memory.offsets = msgspec.structs.replace(
            self.memory.offsets,
            predictions=head,
            predictions_head=head,
            labels=self._log.head(self._label_topic),
            ingested={topic: self._log.head(topic) for topic in self._ingested_topics()},
        )

    def evaluate(self, start: Micros, end: Micros) -> EvaluatedWindow:
        """Compare the window `start <= q < end` with the baseline, and remember what was read.

        Cost: decodes the predictions since the last window, and once more those that were made
            between its end and its evaluation.
        """
        memory, monitored = self.memory, self._monitored
        memory.predictions.forget(
            before_day=first_remembered_day(end), below_offset=self._log.first(monitored.topic)
        )
        ingested = self._count_ingested(start, end)
        window, predictions = self._read_predictions(start, end)
        predictions = memory.predictions.join_known(predictions)
        memory.predictions.add(predictions)
        memory.offsets = msgspec.structs.replace(memory.offsets, end=end)
        labels = self._read_labels()
        days = memory.predictions.measured_days()
        findings = [
            *self._drift(window),
            *data_quality_findings(ingested, usual=monitored.usual_quarantine),
            *label_findings(monitored.baseline, days, sensitivity=monitored.sensitivity),
        ]
        report = WindowReport(
            start=start,
            end=end,
            predictions=len(window),
            labelled=sum(day.rows for day in days if start <= day.day < end),
            findings=tuple(findings),
            latest_labelled=days[-1] if days else None,
        )
        return EvaluatedWindow(report, predictions, labels)

    def labelled_days(self) -> Sequence[LabelledDay]:
        """The metrics of the remembered days, with the labels that are known by now."""
        self._read_labels()
        return self.memory.predictions.measured_days()

    def scores_and_labels(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scores and labels of every remembered prediction whose label is known by now."""
        self._read_labels()
        return self.memory.predictions.scores_and_labels()

    @property
    def _label_topic(self) -> str:
        return topic_of(self._monitored.training_set.spec.label.source.stream)

    @property
    def _join_on(self) -> tuple[str, ...]:
        return self._monitored.training_set.spec.label.join_on

    def _ingested_topics(self) -> Iterator[str]:
        for source in self._monitored.training_set.sources:
            yield topic_of(source.stream)
            yield quarantine_topic_of(source.stream)

    def _read_predictions(
        self, start: Micros, end: Micros
    ) -> tuple[list[PredictionRecord], KeyedPredictions]:
        """The predictions of the window, and those before `end` that are not in the memory yet."""
        topic, offsets = self._monitored.topic, self.memory.offsets
        head, begin, waits = self._log.head(topic), self._first_unread(start), list[int]()
        window, fresh = list[PredictionRecord](), list[_Unread]()
        oldest, names = first_remembered_day(end) * DAY, self._join_on
        records = iter_predictions(self._log, topic, start=begin, stop=head)
        for offset, record in enumerate(records, start=begin):
            if record.at >= end:
                waits.append(offset)
                continue
            if record.at >= start:
                window.append(record)
            if record.at >= oldest and not offsets.are_read(offset, record.at):
                key = hash_join_key([record.request.get(name) for name in names])
                fresh.append(_Unread(record.at // DAY, key, record.score, offset))
        self.memory.offsets = msgspec.structs.replace(
            offsets, predictions=min(waits, default=head), predictions_head=head
        )
        return window, _keyed(fresh)

    def _first_unread(self, start: Micros) -> int:
        """Where to begin in the inference log.  A window that begins before the end of the last one
        (another schedule, or one that somebody asked for) reads some of it again.
        """
        offsets = self.memory.offsets
        begin = offsets.predictions
        if start < offsets.end:
            again = self.memory.predictions.first_offset(start // DAY)
            begin = begin if again is None else min(begin, again)
        return max(begin, self._log.first(self._monitored.topic))

    def _read_labels(self) -> KeyedLabels:
        """Take in the labels that are new, and return what they changed."""
        label, offsets = self._monitored.training_set.spec.label, self.memory.offsets
        schema = self._monitored.training_set.schemas[label.source.name]
        head = self._log.head(self._label_topic)
        kept_from = 0 if self._tables is not None else self._log.first(self._label_topic)
        frames = iter_records(
            self._label_topic,
            log=self._log,
            tables=self._tables,
            start=max(offsets.labels, kept_from),
            stop=head,
            schema=schema,
        )
        changes = stack_labels([label_changes(label, frame, schema) for frame in frames])
        # The day of the window and not of the clock: a restart must put it where it was before.
        self.memory.predictions.apply(changes, day=(offsets.end - 1) // DAY)
        self.memory.offsets = msgspec.structs.replace(offsets, labels=head)
        return changes

    def _drift(self, window: Sequence[PredictionRecord]) -> list[MonitorFinding]:
        encoding, monitored = self._monitored.encoding, self._monitored
        window = [record for record in window if record.version == monitored.version]
        if not window:
            return []
        features = zip(*(record.features for record in window), strict=True)
        matrix = encode_columns(dict(zip(encoding.names, features, strict=True)), encoding)
        return drift_findings(
            monitored.baseline,
            matrix,
            encoding.column_names,
            scores=np.array([record.score for record in window], dtype=np.float64),
            sensitivity=monitored.sensitivity,
        )

    def _count_ingested(self, start: Micros, end: Micros) -> dict[str, tuple[int, Counter[str]]]:
        """By source: the live rows that came in the window, and those of them that went to
        quarantine, by reason.
        """
        counts: dict[str, tuple[int, Counter[str]]] = {}
        came = pl.col("_appended_at").is_between(start, end, closed="left") & ~pl.col("_history")
        reached = dict[str, int]()
        for source in self._monitored.training_set.sources:
            topic, quarantine = topic_of(source.stream), quarantine_topic_of(source.stream)
            accepted, refused = 0, Counter[str]()
            for frame in self._iter_ingested(topic, start, end, reached=reached):
                accepted += frame.select(came.sum()).item()
            for frame in self._iter_ingested(quarantine, start, end, reached=reached):
                refused.update(frame.filter(came)["reason"].to_list())
            counts[source.name] = (accepted, refused)
        self.memory.offsets = msgspec.structs.replace(self.memory.offsets, ingested=reached)
        return counts

    def _iter_ingested(
        self, topic: str, start: Micros, end: Micros, *, reached: dict[str, int]
    ) -> Iterator[pl.DataFrame]:
        """The records that may have come in the window; notes where the next window begins to read:
        at the first that came at `end` or later.
        """
        offsets, head = self.memory.offsets, self._log.head(topic)
        begin = offsets.ingested.get(topic, 0) if start >= offsets.end else 0
        reached[topic] = head
        for frame in self._log.read(topic, start=max(begin, self._log.first(topic)), stop=head):
            later = frame.filter(pl.col("_appended_at") >= end)["_offset"]
            if len(later):
                reached[topic] = min(reached[topic], int(later[0]))
            yield frame


def _keyed(unread: Sequence[_Unread]) -> KeyedPredictions:
    return KeyedPredictions(
        days=np.array([one.day for one in unread], dtype=np.int64),
        keys=np.array([one.key for one in unread], dtype=np.uint64),
        scores=np.array([one.score for one in unread], dtype=np.float64),
        labels=np.full(len(unread), np.nan),
        offsets=np.array([one.offset for one in unread], dtype=np.int64),
    )
