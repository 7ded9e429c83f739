"""Evaluate a monitor on one window after another: read what is new in the log, and compare it with
the baseline.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from mainspring.monitoring.ingested import (
    WindowRows,
    ingested_topics,
    read_ingested,
    rows_ever,
)
from mainspring.monitoring.join import (
    NO_LABEL_FACTS,
    KeyedPredictions,
    LabelChanges,
    hash_join_key,
    label_facts,
)
from mainspring.monitoring.limits.column import judge_column
from mainspring.monitoring.limits.judgement import FindingKind, Judgement
from mainspring.monitoring.limits.label import LabelledDay, judge_label_rate, judge_performance
from mainspring.monitoring.limits.share import Strictness
from mainspring.monitoring.limits.source import IngestedRows, judge_source
from mainspring.monitoring.position import MonitorMemory, ReadSegment, first_remembered_day
from mainspring.monitoring.window import WindowReport, report_of_window
from mainspring.ports.log import LogReader
from mainspring.ports.tables import TableReader
from mainspring.serving.inference.record import PredictionRecord
from mainspring.serving.inference_log import (
    first_place,
    inference_segments,
    iter_placed,
    offset_of_place,
    segment_of,
)
from mainspring.sources.read import iter_records
from mainspring.sources.spec import Source
from mainspring.sources.topic import log_of_stream, topic_of

__all__ = ["EvaluatedWindow", "MonitorEvaluator", "MonitoredModel", "subject_of"]

_RULE = "the last outcome by event time, then by id; predictions by segment and place"
"""How a label is chosen; what was remembered under another rule is of no use."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MonitoredModel:
    """A model version as it is served at an endpoint, and the monitor of it.

    Args:
        monitor: its name.
        sensitivity: how many times further than chance and the baseline's own spread explain a
            share must be from its usual one.
        version: whose features and scores are compared; what another version answered counts for
            label rate and performance alone.
        topic: of the endpoint's predictions.
    """

    monitor: str
    sensitivity: float
    version: Digest
    topic: str
    training_set: CompiledTrainingSet
    encoding: Encoding
    baseline: Baseline


class EvaluatedWindow(NamedTuple):
    """A window's report, and what the memory gained by it: predictions, with the labels that were
    known before, and changes of labels; what is older than `oldest_day` it has forgotten.
    """

    report: WindowReport
    predictions: KeyedPredictions
    labels: LabelChanges
    oldest_day: int


class _Unread(NamedTuple):
    at: Micros
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
    columns = {*label.join_on, *label.source.id, *input_columns(label.value)}
    types = [[f.name, f.dtype.value] for f in schema if f.name in columns]
    filed = log_of_stream(label.source.stream)
    joined = [filed, *label.join_on, repr(label.value), label.horizon, types]
    return digest_of_value([_RULE, monitored.topic, *joined])


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
        heads = {
            segment_of(topic): self._log.head(topic)
            for topic in inference_segments(self._log, self._monitored.topic)
        }
        read = {number: ReadSegment(head, head) for number, head in heads.items()}
        self.memory.offsets = msgspec.structs.replace(
            self.memory.offsets.with_segments(read),
            labels=self._log.head(self._label_topic),
            ingested={
                topic: self._log.head(topic)
                for source in self._monitored.training_set.sources
                for topic in ingested_topics(source.name)
            },
        )

    def evaluate(self, start: Micros, end: Micros) -> EvaluatedWindow:
        """Compare the window `start <= q < end` with the baseline, and remember what was read.

        Cost: decodes the predictions since the last window, and once more those that were made
            between its end and its evaluation.
        """
        memory, monitored, since = self.memory, self._monitored, self.memory.offsets.end
        horizon = monitored.training_set.spec.label.horizon
        oldest = first_remembered_day(end, horizon=horizon)
        memory.predictions.forget(
            before_day=oldest,
            kept_from=[
                first_place(topic, self._log.first(topic))
                for topic in inference_segments(self._log, monitored.topic)
            ],
        )
        strictness = self._strictness()
        sources = [*self._judge_sources(start, end, strictness)]
        window, predictions = self._read_predictions(start, end, oldest=oldest * DAY)
        predictions = memory.predictions.join_known(predictions, horizon=horizon, now=end)
        memory.predictions.add(predictions)
        memory.offsets = msgspec.structs.replace(memory.offsets, end=end)
        labels = self._read_labels(since, now=end)
        days = memory.predictions.measured_days()
        judgements = [
            *self._judge_columns(window, strictness, hours=end - start < DAY),
            *sources,
            *self._judge_labels(days, strictness),
        ]
        report = report_of_window(
            start, end, predictions=len(window), judgements=judgements, days=days
        )
        return EvaluatedWindow(report, predictions, labels, oldest)

    def labelled_days(self, now: Micros) -> Sequence[LabelledDay]:
        """The metrics of the remembered days, with the labels that are known by now."""
        self._read_labels(self.memory.offsets.end, now=now)
        return self.memory.predictions.measured_days()

    def scores_and_labels(self, now: Micros) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scores and labels of every remembered prediction whose label is known by now."""
        self._read_labels(self.memory.offsets.end, now=now)
        return self.memory.predictions.scores_and_labels()

    @property
    def _label_topic(self) -> str:
        return topic_of(self._monitored.training_set.spec.label.source.stream)

    @property
    def _join_on(self) -> tuple[str, ...]:
        return self._monitored.training_set.spec.label.join_on

    def _read_predictions(
        self, start: Micros, end: Micros, *, oldest: Micros
    ) -> tuple[list[PredictionRecord], KeyedPredictions]:
        """The predictions of the window, and those before `end` that are not in the memory yet."""
        window, fresh = list[PredictionRecord](), list[_Unread]()
        offsets, read, names = self.memory.offsets, dict[int, ReadSegment](), self._join_on
        again = self._read_again(start)
        for topic in inference_segments(self._log, self._monitored.topic):
            number, head, waits = segment_of(topic), self._log.head(topic), list[int]()
            known = offsets.segment(number)
            begin = max(min(known.unread, again.get(number, head)), self._log.first(topic))
            for place, record in iter_placed(self._log, topic, start=begin, stop=head):
                offset = offset_of_place(place)
                if record.at >= end:
                    waits.append(offset)
                    continue
                if record.at >= start:
                    window.append(record)
                is_read = offset < known.head and record.at < offsets.end
                if record.at >= oldest and not is_read:
                    key = hash_join_key([record.request.get(name) for name in names])
                    fresh.append(_Unread(record.at, key, record.score, place))
            read[number] = ReadSegment(min(waits, default=head), head)
        self.memory.offsets = offsets.with_segments(read)
        return window, _keyed(fresh)

    def _read_again(self, start: Micros) -> dict[int, int]:
        """By segment, from which offset on some is read again: by a window that begins before the
        end of the last one (another schedule, or one that somebody asked for).
        """
        if start >= self.memory.offsets.end:
            return {}
        places = self.memory.predictions.first_offsets(start // DAY)
        return {number: offset_of_place(place) for number, place in places.items()}

    def _read_labels(self, since: Micros, *, now: Micros) -> LabelChanges:
        """Take in the labels that are new, and those that time decides, and return what they
        changed.
        """
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
        facts = pl.concat([NO_LABEL_FACTS, *(label_facts(label, f, schema) for f in frames)])
        self.memory.offsets = msgspec.structs.replace(offsets, labels=head)
        # The end of the window and not the clock: a restart must decide as it was decided before.
        return self.memory.predictions.apply(facts, horizon=label.horizon, since=since, now=now)

    def _strictness(self) -> Strictness:
        """Of one subject: every column, the score, every source, label rate and performance."""
        monitored = self._monitored
        subjects = len(monitored.baseline.features) + len(monitored.training_set.sources) + 3
        return Strictness.of(subjects, sensitivity=monitored.sensitivity)

    def _judge_labels(
        self, days: Sequence[LabelledDay], strictness: Strictness
    ) -> Iterator[Judgement]:
        baseline = self._monitored.baseline
        error = baseline.daily_auc_error
        yield judge_label_rate(baseline.label_change, days, strictness=strictness)
        yield judge_performance(
            baseline.daily_auc,
            0.0 if error is msgspec.UNSET else error,
            days,
            strictness=strictness,
        )

    def _judge_columns(
        self, window: Sequence[PredictionRecord], strictness: Strictness, *, hours: bool
    ) -> Iterator[Judgement]:
        """Judge the features and scores of what the monitored version answered."""
        encoding, baseline = self._monitored.encoding, self._monitored.baseline
        rows = [record for record in window if record.version == self._monitored.version]
        features = zip(*(record.features for record in rows), strict=True)
        columns = dict(zip(encoding.names, features, strict=True)) if rows else {}
        matrix = (
            encode_columns(columns, encoding) if rows else np.empty((0, len(encoding.column_names)))
        )
        for place, name in enumerate(encoding.column_names):
            values = np.ascontiguousarray(matrix[:, place])
            subject: tuple[FindingKind, str] = ("feature_drift", name)
            column = baseline.features[name]
            yield judge_column(column, values, subject, hours=hours, strictness=strictness)
        scores = np.array([record.score for record in rows], dtype=np.float64)
        subject = ("score_drift", "score")
        yield judge_column(baseline.score, scores, subject, hours=hours, strictness=strictness)

    def _judge_sources(
        self, start: Micros, end: Micros, strictness: Strictness
    ) -> Iterator[Judgement]:
        """Judge what came in the window.  A window that does not follow the last one reads all that
        the log has.
        """
        offsets, reached = self.memory.offsets, dict[str, int]()
        for source in self._monitored.training_set.sources:
            came = read_ingested(
                self._log,
                source.stream,
                start=start,
                end=end,
                begin=offsets.ingested if start >= offsets.end else {},
                reached=reached,
            )
            usual = self._usual(source, came)
            yield judge_source(source.name, *came, usual=usual, strictness=strictness)
        self.memory.offsets = msgspec.structs.replace(offsets, ingested=reached)

    def _usual(self, source: Source, came: WindowRows) -> IngestedRows:
        """The rows that had come when the baseline was made; where that is of format 1, those that
        are no part of the window.
        """
        known = self._monitored.baseline.ingested
        if known is not msgspec.UNSET and source.name in known:
            return known[source.name]
        ever = rows_ever(self._log, source.stream)
        return IngestedRows(
            ever.accepted - came.accepted, ever.quarantined - sum(came.quarantined.values())
        )


def _keyed(unread: Sequence[_Unread]) -> KeyedPredictions:
    return KeyedPredictions(
        times=np.array([one.at for one in unread], dtype=np.int64),
        keys=np.array([one.key for one in unread], dtype=np.uint64),
        scores=np.array([one.score for one in unread], dtype=np.float64),
        labels=np.full(len(unread), np.nan),
        offsets=np.array([one.offset for one in unread], dtype=np.int64),
    )
