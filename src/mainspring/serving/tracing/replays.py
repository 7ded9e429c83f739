"""Replays of an environment's predictions, and the trace of one; records that retention has removed
are reported, not skipped.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import polars as pl

from mainspring.datasets.encoding import parse_encoding
from mainspring.elements.errors import MainspringError
from mainspring.ports.errors import RetentionPassed
from mainspring.ports.log import LogReader
from mainspring.ports.models import ScorerLoader
from mainspring.ports.objects import ObjectReader
from mainspring.ports.state import StateReader
from mainspring.registry.read import read_object, read_version
from mainspring.registry.version import ModelVersion
from mainspring.serving.inference.record import PredictionRecord
from mainspring.serving.inference_log import (
    find_prediction,
    find_topic,
    inference_topic,
    newest_of_segments,
    no_such_prediction,
    place_of_topic,
)
from mainspring.serving.open import open_version
from mainspring.serving.predict import ServedModel
from mainspring.serving.tracing.replay import ReplayResult, expired_replay, replay_predictions
from mainspring.serving.tracing.trace import PredictionTrace, build_trace, expired_trace
from mainspring.sources.spec import Source

__all__ = ["PredictionReplays"]


class PredictionReplays:
    """Recomputes predictions from log, tables and artifacts.

    Args:
        facts_of: gives all facts of a source.
    """

    def __init__(
        self,
        facts_of: Callable[[Source], pl.DataFrame],
        *,
        state: StateReader,
        log: LogReader,
        objects: ObjectReader,
        scorers: ScorerLoader,
    ) -> None:
        self._facts_of, self._state, self._log = facts_of, state, log
        self._objects, self._scorers = objects, scorers

    def latest(self, environment: str, count: int) -> list[str]:
        """The ids of the newest predictions of an environment that the log keeps, newest last; also
        of endpoints that it does not hold any more.
        """
        begin = inference_topic(environment, "")
        segments = [topic for topic in self._log.topics() if topic.startswith(begin)]
        return [record.id for record in newest_of_segments(self._log, segments, count)]

    def place(self, prediction: str) -> tuple[str, str]:
        """The environment and the endpoint that a prediction was made at.  Raises:
        PredictionUnknown SRV-008, PredictionNotLogged SRV-111.  Cost: one lookup for each endpoint.
        """
        found = find_topic(self._log, prediction)
        if found is None:
            raise no_such_prediction(prediction)
        return place_of_topic(found[0])

    def replay(self, predictions: Sequence[str]) -> list[ReplayResult]:
        """Recompute these predictions, in their order.  Raises: PredictionUnknown SRV-008 for an id
        that is not known, PredictionNotLogged SRV-111.
        """
        records, gone = self._records(predictions)
        cache = dict[str, pl.DataFrame]()

        def facts_of(source: Source) -> pl.DataFrame:
            # By generation: predictions of two versions may have read two of one source.
            if source.stream not in cache:
                cache[source.stream] = self._facts_of(source)
            return cache[source.stream]

        answers = {
            replay.prediction: replay
            for replay in replay_predictions(list(records.values()), self._open, facts_of)
        }
        return [gone[name] if name in gone else answers[name] for name in predictions]

    def trace(self, prediction: str) -> PredictionTrace:
        """A replay and where the prediction came from.  Raises: PredictionUnknown SRV-008."""
        replay = self.replay([prediction])[0]
        try:
            topic, record = self._record_of(prediction)
        except RetentionPassed:
            return expired_trace(replay)
        version: ModelVersion | None = None
        names: tuple[str, ...] = ()
        # The replay says that something is gone or changed; the rest is explained all the same.
        with suppress(MainspringError):
            version = read_version(self._state, record.version)
            names = parse_encoding(read_object(self._objects, version, "encoding")).names
        return build_trace(
            replay,
            record,
            version,
            environment=place_of_topic(topic)[0],
            names=names,
            state=self._state,
            objects=self._objects,
        )

    def _records(
        self, predictions: Sequence[str]
    ) -> tuple[Mapping[str, PredictionRecord], Mapping[str, ReplayResult]]:
        """The records of these predictions, and an answer for each whose record the log does not
        keep any more.
        """
        records, gone = dict[str, PredictionRecord](), dict[str, ReplayResult]()
        for name in predictions:
            try:
                records[name] = self._record_of(name)[1]
            except RetentionPassed as error:
                gone[name] = expired_replay(name, error)
        return records, gone

    def _record_of(self, prediction: str) -> tuple[str, PredictionRecord]:
        found = find_prediction(self._log, prediction)
        if found is None:
            raise no_such_prediction(prediction)
        return found

    def _open(self, record: PredictionRecord) -> ServedModel:
        version = read_version(self._state, record.version)
        return open_version(version, objects=self._objects, scorers=self._scorers)
