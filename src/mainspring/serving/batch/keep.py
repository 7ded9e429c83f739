"""Put the predictions of a block into the inference log, each once."""

from itertools import repeat
from typing import cast

import polars as pl

from mainspring.elements.expression.tree import Scalar
from mainspring.elements.schema import Schema
from mainspring.features.cast import RequestColumns
from mainspring.features.online.recompute import read_key
from mainspring.features.physical import plain_values
from mainspring.features.view import with_lookups
from mainspring.ports.log import LogWriter
from mainspring.ports.packed_frame import frame_of_records
from mainspring.serving.batch.answer import AnsweredBlock
from mainspring.serving.batch.job import BatchJob
from mainspring.serving.batch.output import prediction_ids
from mainspring.serving.inference.answered import group_of_one
from mainspring.serving.inference.group import pack_group
from mainspring.serving.inference.record import PredictionRecord
from mainspring.serving.predict import ServedModel
from mainspring.sources.topic import topic_of

__all__ = ["keep_block"]


def keep_block(
    job: BatchJob,
    answered: AnsweredBlock,
    first: int,
    *,
    log: LogWriter,
    model: ServedModel,
    topic: str,
    map_version: int,
    actor: str,
) -> None:
    """Append a block's predictions in one append, unless an attempt that was killed has.

    Args:
        first: the row of the input that the block begins with.
        map_version: of the environment's map that was in force.

    Cost: about 15 µs a prediction.
    """
    ids = prediction_ids(job, pl.Series(answered.rows, dtype=pl.Int64) + first).to_list()
    if not ids or log.find(topic, ids[:1]):
        return
    # Each for itself: the id of a row is that of its place in the input, whatever block it is in.
    names = model.encoding.names
    groups = [
        pack_group(group_of_one(record, names))
        for record in _records(
            job, answered, ids, model=model, map_version=map_version, actor=actor
        )
    ]
    log.append({topic: frame_of_records(groups)}, expected={})


def _records(
    job: BatchJob,
    answered: AnsweredBlock,
    ids: list[str],
    *,
    model: ServedModel,
    map_version: int,
    actor: str,
) -> list[PredictionRecord]:
    request = _request(model, answered.requests)
    read_at = {
        read_key(view, source): job.read_at[topic_of(source.stream)]
        for view in with_lookups(model.training_set.views)
        for source in view.view.sources
    }
    features = [plain_values(column) for column in answered.features.iter_columns()]
    scores = answered.scores.max(axis=1)
    each = answered.scores.tolist() if answered.classes else repeat((), len(scores))
    return [
        PredictionRecord(
            id=name,
            version=job.version,
            map_version=map_version,
            at=at,
            declared_at=declared_at,
            request=fields,
            features=list(values),
            read_at=read_at,
            score=score,
            actor=actor,
            provider=model.provider,
            classes=answered.classes,
            probabilities=probabilities,
        )
        for name, at, declared_at, fields, values, score, probabilities in zip(
            ids,
            answered.times.to_list(),
            model.declared_times(request),
            request.rows,
            zip(*features, strict=True),
            scores.tolist(),
            each,
            strict=True,
        )
    ]


def _request(model: ServedModel, requests: pl.DataFrame) -> RequestColumns:
    """The fields of the requests, those alone that a request of this model has."""
    known: Schema = model.training_set.request_schema
    names = [
        name
        for name in requests.columns
        if name in known or name in model.training_set.label_key_schema
    ]
    columns = {name: plain_values(requests[name]) for name in names}
    return RequestColumns(cast("dict[str, list[Scalar | None]]", columns), requests.height)
