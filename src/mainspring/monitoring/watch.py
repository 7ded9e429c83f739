"""Run a monitor over one window after another: tail the log, judge, and put what was found on
record.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.datasets.build import CompiledTrainingSet
from mainspring.datasets.encoding import Encoding, encode_columns
from mainspring.elements.events import ProjectName
from mainspring.elements.identity import Digest
from mainspring.elements.time import DAY, Micros
from mainspring.monitoring.baseline import Baseline
from mainspring.monitoring.incident import IncidentTransition, update_incidents
from mainspring.monitoring.join import labels_by_key, measure_days
from mainspring.monitoring.record import iter_open_incidents, record_transitions
from mainspring.monitoring.spec import Monitor
from mainspring.monitoring.window import (
    LabelledDay,
    MonitorFinding,
    WindowReport,
    judge_ingestion,
    judge_labels,
    judge_window,
)
from mainspring.ports.log import LogReader
from mainspring.ports.state import StateWriter
from mainspring.ports.tables import TableReader
from mainspring.serving.inference_log import PredictionRecord, iter_predictions
from mainspring.sources.read import iter_records
from mainspring.sources.topic import quarantine_topic_of, topic_of

__all__ = ["MonitorEvaluator", "MonitoredModel"]

# A source's topic is read twice where it also gives the labels: once to count, once for the truth.
# Each reading keeps its own place.
_LABELS = "label:"

_REMEMBERED_DAYS = 120


@dataclass(frozen=True, eq=False, kw_only=True)
class MonitoredModel:
    """What a monitor watches: a model version as it is served at an endpoint.

    Args:
        version: whose features and scores are compared; what another version answered counts for
            the label rate alone.
        usual_quarantine: share of rows quarantined in history, by source.
    """

    monitor: Monitor
    version: Digest
    topic: str
    training_set: CompiledTrainingSet
    encoding: Encoding
    baseline: Baseline
    usual_quarantine: Mapping[str, float] = field(default_factory=dict)


class MonitorEvaluator:
    """Judges windows in order; keeps its place in the log and 120 days of labelled predictions
    between them.

    Args:
        tables: where labels lie that the log does not keep any more; predictions that it does not
            keep are judged no more.
    """

    def __init__(
        self,
        watched: MonitoredModel,
        *,
        log: LogReader,
        state: StateWriter,
        project: ProjectName,
        environment: str,
        tables: TableReader | None = None,
    ) -> None:
        self._watched, self._log, self._state, self._tables = watched, log, state, tables
        self._project, self._environment = project, environment
        self._read: dict[str, int] = {}
        self._waiting: list[PredictionRecord] = []
        self._predictions: list[tuple[Micros, tuple[object, ...], float]] = []
        self._labels: dict[tuple[object, ...], float] = {}
        # Those that an earlier watcher of this monitor left open.
        self._open = {
            incident.kind: incident
            for incident in iter_open_incidents(state, environment, watched.monitor.name)
        }

    def start_at_head(self) -> None:
        """Leave out what is in the log already: judge only what comes from now on."""
        for topic in self._topics():
            self._read[topic] = self._log.head(topic.removeprefix(_LABELS))

    def watch(self, start: Micros, end: Micros) -> WindowReport:
        """Judge the predictions with `start <= q < end`, record incidents, and report."""
        window = self._take_predictions(start, end)
        self._take_labels()
        days = self._labelled_days(end)
        findings = [
            *self._judge_window(window),
            *judge_ingestion(self._ingested(start, end), usual=self._watched.usual_quarantine),
        ]
        findings += judge_labels(
            self._watched.baseline, days, sensitivity=self._watched.monitor.sensitivity
        )
        steps = update_incidents(self._open, findings, monitor=self._watched.monitor.name, at=end)
        self._record(steps, end)
        labelled = sum(day.rows for day in days if start <= day.day < end)
        latest = days[-1] if days else None
        return WindowReport(
            start=start,
            end=end,
            predictions=len(window),
            labelled=labelled,
            findings=tuple(findings),
            latest_labelled=latest,
        )

    def labelled_days(self, until: Micros) -> Sequence[LabelledDay]:
        """The metrics of the remembered days, with the labels that are known by now."""
        self._take_labels()
        return self._labelled_days(until)

    def judged(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scores and labels of every remembered prediction whose truth is known by now."""
        self._take_labels()
        pairs = [
            (score, self._labels[key]) for _, key, score in self._predictions if key in self._labels
        ]
        scores, labels = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
        return np.ascontiguousarray(scores), np.ascontiguousarray(labels)

    def _topics(self) -> list[str]:
        sources = [source.name for source in self._watched.training_set.sources]
        return [
            self._watched.topic,
            *(make(name) for name in sources for make in (topic_of, quarantine_topic_of)),
            self._label_topic(),
        ]

    def _label_topic(self) -> str:
        return _LABELS + topic_of(self._watched.training_set.spec.label.source.name)

    def _take_predictions(self, start: Micros, end: Micros) -> list[PredictionRecord]:
        topic, label = self._watched.topic, self._watched.training_set.spec.label
        fresh = list(
            iter_predictions(
                self._log, topic, start=max(self._read.get(topic, 0), self._log.first(topic))
            )
        )
        self._read[topic] = self._log.head(topic)
        seen = self._waiting + fresh
        past = [record for record in seen if record.at < end]
        self._waiting = [record for record in seen if record.at >= end]
        keyed: list[tuple[Micros, tuple[object, ...], float]] = [
            (r.at, tuple(r.request.get(name) for name in label.join_on), r.score) for r in past
        ]
        self._predictions = [
            p for p in self._predictions + keyed if p[0] >= end - _REMEMBERED_DAYS * DAY
        ]
        return [record for record in past if record.at >= start]

    def _take_labels(self) -> None:
        label, place = self._watched.training_set.spec.label, self._label_topic()
        topic, schema = (
            topic_of(label.source.name),
            self._watched.training_set.schemas[label.source.name],
        )
        kept_from = 0 if self._tables is not None else self._log.first(topic)
        for frame in iter_records(
            topic,
            log=self._log,
            tables=self._tables,
            start=max(self._read.get(place, 0), kept_from),
            schema=schema,
        ):
            newest = frame.unique("_id", keep="last", maintain_order=True)
            for key in newest.select(pl.col(label.join_on).to_physical()).iter_rows():
                self._labels.pop(key, None)
            self._labels |= labels_by_key(label, newest.filter(pl.col("_op") == "insert"), schema)
            self._read[place] = int(frame["_offset"][-1]) + 1

    def _labelled_days(self, end: Micros) -> Sequence[LabelledDay]:
        return measure_days((p for p in self._predictions if p[0] < end), self._labels)

    def _judge_window(self, window: Sequence[PredictionRecord]) -> list[MonitorFinding]:
        encoding, watched = self._watched.encoding, self._watched
        window = [record for record in window if record.version == watched.version]
        if not window:
            return []
        features = zip(*(record.features for record in window), strict=True)
        matrix = encode_columns(dict(zip(encoding.names, features, strict=True)), encoding)
        scores = np.array([record.score for record in window], dtype=np.float64)
        return judge_window(
            watched.baseline,
            matrix,
            encoding.column_names,
            scores=scores,
            sensitivity=watched.monitor.sensitivity,
        )

    def _ingested(self, start: Micros, end: Micros) -> dict[str, tuple[int, Counter[str]]]:
        """By source: the live rows that came in the window, and those of them that went to
        quarantine, by reason.
        """
        counts: dict[str, tuple[int, Counter[str]]] = {}
        came = pl.col("_appended_at").is_between(start, end, closed="left") & ~pl.col("_history")
        for source in self._watched.training_set.sources:
            accepted = sum(
                frame.select(came.sum()).item()
                for frame in self._iter_unread(topic_of(source.name))
            )
            refused = [
                frame.filter(came)["reason"].to_list()
                for frame in self._iter_unread(quarantine_topic_of(source.name))
            ]
            counts[source.name] = (
                accepted,
                Counter(reason for reasons in refused for reason in reasons),
            )
        return counts

    def _iter_unread(self, topic: str) -> Iterator[pl.DataFrame]:
        start, head = max(self._read.get(topic, 0), self._log.first(topic)), self._log.head(topic)
        self._read[topic] = head
        return self._log.read(topic, start=start, stop=head)

    def _record(self, steps: Sequence[IncidentTransition], at: Micros) -> None:
        record_transitions(
            self._state, steps, project=self._project, environment=self._environment, at=at
        )
        for step in steps:
            if step.incident.closed_at is None:
                self._open[step.incident.kind] = step.incident
            else:
                self._open.pop(step.incident.kind, None)
