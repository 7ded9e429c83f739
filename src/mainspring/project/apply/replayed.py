"""Ask a candidate the requests that the model in charge was asked in production, with the features
as they were known at each, and join the labels that have arrived since.

No request is answered by it for anybody: this is what a canary would have shown, before there is
one.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from mainspring.datasets.labels import join_outcomes, revisions_of
from mainspring.datasets.predictions import Predictions, class_scores
from mainspring.elements.time import FOREVER, Micros, format_duration
from mainspring.features.cast import RequestColumns
from mainspring.features.history.gather import FactReader, backfill_from
from mainspring.features.physical import Value, plain_values, stored_column
from mainspring.features.state.stream import horizon_at
from mainspring.features.view import with_lookups
from mainspring.gates.check.beats_champion import Contender
from mainspring.gates.errors import ReplayImpossible
from mainspring.gates.spec import BeatsChampion
from mainspring.project.kinds.evaluation import Runtime
from mainspring.registry.environment import asset_names
from mainspring.registry.read import read_version
from mainspring.registry.read_environment import read_environment
from mainspring.registry.version import ModelVersion
from mainspring.serving.inference.record import PredictionRecord
from mainspring.serving.inference_log import inference_topic, newest_predictions
from mainspring.serving.loader import read_endpoint_definition
from mainspring.serving.open import open_version
from mainspring.serving.predict import ServedModel
from mainspring.serving.rollouts.judge import Quality
from mainspring.serving.rollouts.state import EndpointRollout
from mainspring.sources.facts import read_source_rows
from mainspring.stats.mixture_sprt import Moments

__all__ = ["MOST_REPLAYED", "LoggedRequests"]

MOST_REPLAYED = 50_000
"""So many requests at most are asked again, the newest."""


@dataclass(frozen=True)
class LoggedRequests:
    """What the endpoints of the model in charge were asked in one environment."""

    runtime: Runtime
    environment: str

    def contenders(
        self, gate: BeatsChampion, candidate: ModelVersion, champion: ModelVersion
    ) -> tuple[Contender, Contender]:
        """Both versions on the labelled requests of the last days, each scored anew with its own
        features: the record may be of a version before the champion.

        Raises: ReplayImpossible GAT-021 where too few requests have a label by now, or a request
            lacks what the candidate asks for.
        Cost: a backfill of the features of both for each request.
        """
        if bool(candidate.class_names) != bool(champion.class_names):
            raise ReplayImpossible(
                version=champion.label,
                environment=self.environment,
                reason=f"only one of it and {candidate.label} tells classes apart",
            )
        now = self.runtime.data_clock.now()
        records = self._records(champion, since=now - gate.span)
        theirs = self._open(champion)
        labelled = self._labelled(records, theirs, now=now)
        if labelled.height < gate.min_rows:
            raise ReplayImpossible(
                version=champion.label,
                environment=self.environment,
                reason=f"{len(records):,} are logged in the last {format_duration(gate.span)}, and "
                f"{labelled.height:,} of them have a label by now; {gate.min_rows:,} are needed",
            )
        kept = [records[place] for place in labelled["_place"].to_list()]
        ours = self._open(candidate)
        return (
            self._contender(candidate, ours, kept, labelled),
            self._contender(champion, theirs, kept, labelled),
        )

    def losses(self, endpoint: str, stands: EndpointRollout) -> Quality:
        """The squared errors of both revisions of a roll-out on what they answered since it began,
        where the label has arrived by now; nothing where only one of the two tells classes apart.

        Cost: a read of the label's source, and of at most `MOST_REPLAYED` predictions.
        """
        log, topic = self.runtime.log, inference_topic(self.environment, endpoint)
        records = [
            record
            for record in newest_predictions(log, topic, MOST_REPLAYED)
            if record.at >= stands.started
        ]
        if not records or stands.candidate is None:
            return Quality()
        stable = read_version(self.runtime.state, stands.stable.version)
        candidate = read_version(self.runtime.state, stands.candidate.version)
        if bool(stable.class_names) != bool(candidate.class_names):
            return Quality()
        labelled = self._labelled(records, self._open(stable), now=self.runtime.data_clock.now())
        squares: dict[str, list[float]] = {stands.stable.name: [], stands.candidate.name: []}
        for place, label in labelled.select("_place", "_label").iter_rows():
            record = records[place]
            squares.get(record.revision, []).append(_squared_error(record, label))
        ours, theirs = map(_moments, squares.values())
        return Quality(stable=ours, candidate=theirs)

    def _records(self, champion: ModelVersion, *, since: Micros) -> list[PredictionRecord]:
        """The newest requests since then, oldest first."""
        log, recent = self.runtime.log, list[PredictionRecord]()
        for endpoint in self._endpoints(champion):
            topic = inference_topic(self.environment, endpoint)
            records = newest_predictions(log, topic, MOST_REPLAYED)
            recent += (record for record in records if record.at >= since)
        recent.sort(key=lambda record: record.at)
        return recent[-MOST_REPLAYED:]

    def _endpoints(self, champion: ModelVersion) -> Iterator[str]:
        """By the version that answers there, since models and endpoints are renamed."""
        state = self.runtime.state
        held = read_environment(state, self.environment)
        for name in asset_names(held, "endpoint"):
            endpoint = read_endpoint_definition(state, held, name)
            pointer = held.pointers.get(endpoint.model) if endpoint else None
            if pointer and pointer.build_digest == champion.digest:
                yield name

    def _open(self, version: ModelVersion) -> ServedModel:
        return open_version(version, objects=self.runtime.objects, scorers=self.runtime.scorers)

    def _labelled(
        self, records: list[PredictionRecord], model: ServedModel, *, now: Micros
    ) -> pl.DataFrame:
        """The place and the label of each request whose label is known by now."""
        label, schemas = model.training_set.spec.label, model.training_set.schemas
        keys = model.training_set.label_key_schema
        asked = [
            stored_column(key.name, [each.request.get(key.name) for each in records], key.dtype)
            for key in keys
        ]
        facts = read_source_rows(
            label.source, log=self.runtime.log, tables=self.runtime.tables, visible_until=now
        )
        revisions = revisions_of(
            label,
            facts,
            schemas[label.source.name],
            visible_from="_visible_from",
            stands=pl.col("_visible_to") == FOREVER,
        )
        outcomes = join_outcomes(
            _timed(asked, records), revisions, on=label.join_on, horizon=label.horizon, now=now
        )
        label_column = pl.col("_label")
        as_label = label_column if model.classes else label_column.cast(pl.Float64)
        return (
            outcomes.select(as_label)
            .with_row_index("_place")
            .filter(pl.col("_label").is_not_null())
        )

    def _contender(
        self,
        version: ModelVersion,
        model: ServedModel,
        records: list[PredictionRecord],
        labelled: pl.DataFrame,
    ) -> Contender:
        scores = model.score(self._features(version, model, records))
        frame = pl.DataFrame(
            {
                "_id": [each.id for each in records],
                "_prediction_time": [each.at for each in records],
                "_label": labelled["_label"],
                "_score": class_scores(
                    np.array(scores.probabilities or scores.values), version.class_names
                ),
            }
        )
        return Contender(
            version=version.digest,
            artifact=version.artifact,
            predictions=Predictions(frame),
            base_rate=version.base_rate,
            class_rates=version.class_rates,
        )

    def _features(
        self, version: ModelVersion, model: ServedModel, records: list[PredictionRecord]
    ) -> dict[str, list[Value]]:
        """What the version would have been fed.  A fact that was appended after a request is not
        visible at the request's own time, so a backfill sees what was known then.
        """
        schema = model.training_set.request_schema
        if lacking := [name for name in schema.names if name not in records[0].request]:
            raise ReplayImpossible(
                version=version.label,
                environment=self.environment,
                reason=f"it asks for {', '.join(lacking)}, which the logged requests lack",
            )
        request = RequestColumns(
            {name: [each.request[name] for each in records] for name in schema.names}, len(records)
        )
        spine = pl.DataFrame(
            [
                stored_column(field.name, request.columns[field.name], field.dtype)
                for field in schema
            ]
            + [pl.Series("_prediction_time", [each.at for each in records], dtype=pl.Int64)]
        )
        columns, facts_of = dict[str, list[Value]](), self._facts_since(model, records[0].at)
        for view in model.training_set.views:
            frame = backfill_from(view, facts_of, spine)
            columns |= {name: plain_values(frame[name]) for name in frame.columns}
        return model.in_order(columns | model.on_demand.evaluate(request))

    def _facts_since(self, model: ServedModel, oldest: Micros) -> FactReader:
        """Reads the facts that a window can see at a time or later, those of each source once."""
        views = with_lookups(model.training_set.views)
        happened_from = min((horizon_at(view, oldest) for view in views), default=oldest)
        return cache(
            lambda source: read_source_rows(
                source,
                log=self.runtime.log,
                tables=self.runtime.tables,
                happened_from=happened_from,
            )
        )


def _squared_error(record: PredictionRecord, label: float | str) -> float:
    """The Brier score of one answer: of several classes that over them all."""
    if isinstance(label, str):
        known = dict(zip(record.classes, record.probabilities, strict=True))
        shares = {name: known.get(name, 0.0) for name in {*known, label}}
        return math.fsum((share - (name == label)) ** 2 for name, share in shares.items())
    return (record.score - label) ** 2


def _moments(values: Sequence[float]) -> Moments:
    return Moments(len(values), math.fsum(values), math.fsum(each**2 for each in values))


def _timed(columns: list[pl.Series], records: list[PredictionRecord]) -> pl.DataFrame:
    """The columns beside the time of each request."""
    times = pl.Series("_prediction_time", [record.at for record in records], dtype=pl.Int64)
    return pl.DataFrame([*columns, times])
