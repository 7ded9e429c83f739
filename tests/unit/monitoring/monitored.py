"""A monitored model without a model: predictions, labels and rows that were refused are written to
the log as they would come.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from mainspring.datasets.build import CompiledTrainingSet
from mainspring.datasets.encoding import learn_encoding
from mainspring.datasets.spec import Label, Split, TrainingSet
from mainspring.elements.expression import col
from mainspring.elements.identity import Digest
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import DAY, Micros
from mainspring.engines.local.log import SqliteLog
from mainspring.features.spec import OnDemandFeatureView
from mainspring.monitoring.baseline import HoldoutPredictions, make_baseline
from mainspring.monitoring.evaluate import MonitoredModel
from mainspring.ports.log import Identity, LogWriter, PackedRecord
from mainspring.serving.inference.record import PredictionRecord
from mainspring.sources.spec import Source
from mainspring.sources.topic import quarantine_topic_of, topic_of
from tests.logged import append_records

__all__ = [
    "TOPIC",
    "CountingLog",
    "append_labels",
    "append_predictions",
    "append_refused",
    "monitored_model",
]

TOPIC = "inference:dev:late"
VERSION = Digest("sha256:" + "5" * 64)
SCHEMAS = {
    "trips": Schema.of(trip=DType.STRING, at=DType.TIMESTAMP, bags=DType.INT64),
    "truth": Schema.of(trip=DType.STRING, at=DType.TIMESTAMP, late=DType.BOOLEAN),
}


def monitored_model() -> MonitoredModel:
    """Of a model with one feature, trained on bags between nought and nine."""
    form = OnDemandFeatureView("form", features={"double": col("bags") * 2})
    spec = TrainingSet(
        "trips",
        spine=Source("trips", id="trip", event_time="at"),
        prediction_time=col("at"),
        request=["bags"],
        label=Label(Source("truth", id="trip", event_time="at"), col("late"), join_on="trip"),
        features=[form],
        split=Split(0, 1, 2),
    )
    rng = np.random.default_rng(7)
    matrix, times = rng.integers(0, 10, (1000, 1)) * 2.0, np.repeat(np.arange(5), 200) * DAY
    labels = (rng.random(1000) < 0.5).astype(np.float64)
    holdout = HoldoutPredictions(matrix[:, 0], labels, times)
    return MonitoredModel(
        monitor="late-monitor",
        sensitivity=1.4,
        version=VERSION,
        topic=TOPIC,
        training_set=CompiledTrainingSet(spec, (), SCHEMAS),
        encoding=learn_encoding(pl.DataFrame({"double": [1.0]}), ["double"]),
        baseline=make_baseline(
            matrix, ["double"], times=times, labels=labels, holdout=holdout, ingested={}
        ),
    )


def append_predictions(
    log: LogWriter, times: Sequence[Micros], trips: Sequence[str], *, bags: int = 3
) -> None:
    """Predictions of these trips, each made at its time."""
    head = log.head(TOPIC)
    records = [
        PredictionRecord(
            id=f"prediction-{head + place}",
            version=VERSION,
            map_version=1,
            at=at,
            declared_at=None,
            request={"trip": trip, "bags": bags},
            features=[2.0 * bags],
            read_at={},
            score=float((head + place) % 97),
            actor="person:ada",
        )
        for place, (at, trip) in enumerate(zip(times, trips, strict=True))
    ]
    append_records(log, TOPIC, records)


def append_labels(
    log: LogWriter, late: Mapping[str, bool | None], *, at: Micros, op: str = "insert"
) -> None:
    """The labels of these trips, appended at that time."""
    frame = pl.DataFrame(
        {"_id": list(late), "trip": list(late), "late": list(late.values())},
        schema_overrides={"late": pl.Boolean},
    )
    log.append({topic_of("truth"): frame.with_columns(**_envelope(at, op))}, expected={})


def append_refused(log: LogWriter, rows: int, *, at: Micros) -> None:
    """So many rows of labels that fail their contract."""
    topic = quarantine_topic_of("truth")
    frame = pl.DataFrame({"_id": [f"{log.head(topic) + row}" for row in range(rows)]})
    envelope = _envelope(at, "insert") | {"reason": pl.lit("type:late")}
    log.append({topic: frame.with_columns(**envelope)}, expected={})


def _envelope(at: Micros, op: str) -> dict[str, pl.Expr]:
    times = ("_event_time", "_known_at", "_appended_at", "_visible_at")
    return {
        "_content": pl.lit(b"0" * 16),
        "_op": pl.lit(op),
        **{name: pl.lit(at, dtype=pl.Int64) for name in times},
        "_history": pl.lit(False),
    }


@dataclass
class CountingLog:
    """The embedded log, counting the records of each topic that somebody reads."""

    log: LogWriter = field(default_factory=lambda: SqliteLog(None))
    read_records: Counter[str] = field(default_factory=Counter)

    def topics(self) -> Sequence[str]:
        """As the log says."""
        return self.log.topics()

    def first(self, topic: str) -> int:
        """As the log says."""
        return self.log.first(topic)

    def head(self, topic: str) -> int:
        """As the log says."""
        return self.log.head(topic)

    def read(
        self, topic: str, *, start: int = 0, stop: int | None = None
    ) -> Iterator[pl.DataFrame]:
        """As the log says; counted."""
        for frame in self.log.read(topic, start=start, stop=stop):
            self.read_records[topic] += frame.height
            yield frame

    def find(self, topic: str, ids: Sequence[str]) -> Mapping[str, Identity]:
        """As the log says."""
        return self.log.find(topic, ids)

    def append(
        self, batches: Mapping[str, pl.DataFrame], *, expected: Mapping[str, int]
    ) -> Mapping[str, int]:
        """As the log does."""
        return self.log.append(batches, expected=expected)

    def append_packed(self, topic: str, records: Sequence[PackedRecord], *, on_disk: bool) -> int:
        """As the log does."""
        return self.log.append_packed(topic, records, on_disk=on_disk)

    def trim(self, topic: str, before: int) -> int:
        """As the log does."""
        return self.log.trim(topic, before)

    def compact(self, topic: str) -> int:
        """As the log does."""
        return self.log.compact(topic)
