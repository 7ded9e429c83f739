"""Recompute predictions from the log and the artifacts, and say whether they come out the same.

The features are recomputed by backfill and not read from online state: the second computation shares the kernel and nothing else with the first.
"""

import struct
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial

import msgspec
import numpy as np
import polars as pl

from mainspring.elements.errors import MainspringError
from mainspring.elements.frame import STORED
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import FOREVER
from mainspring.features.backfill import backfill
from mainspring.features.gather import FactReader, backfill_from, gather_facts, gather_keys
from mainspring.features.pattern import plain_values
from mainspring.features.read import Value
from mainspring.features.view import CompiledView, with_lookups
from mainspring.ports.errors import RetentionPassed
from mainspring.serving.inference_log import PredictionRecord, read_key
from mainspring.serving.predict import ServedModel

__all__ = ["Outcome", "Replay", "not_kept", "replay_predictions"]

TOLERANCE = 1e-9


class Outcome(StrEnum):
    """What a replay can say."""

    IDENTICAL = "identical"
    EQUAL_WITHIN_TOLERANCE = f"equal within {TOLERANCE}"
    DIFFERS = "differs"
    NOT_AVAILABLE = "not available"


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """The answer about one prediction.

    Args:
        told: what was answered; None where the record itself is gone.
        reason: why it differs or is not available; empty otherwise.
        score: as recomputed; None when not available.
        differing: features whose bytes differ, with what was told and what comes out now.
    """

    prediction: str
    outcome: Outcome
    told: float | None
    score: float | None
    reason: str = ""
    differing: dict[str, tuple[Value, Value]] = {}


def replay_predictions(records: Sequence[PredictionRecord], open_model: Callable[[PredictionRecord], ServedModel], facts_of: FactReader) -> list[Replay]:
    """Replay records, those of one model version together, in the order given.

    Args:
        open_model: loads the version that answered; an error of ours becomes `not available`, with its code as the reason.
    """
    by_version: dict[str, list[PredictionRecord]] = defaultdict(list)
    for record in records:
        by_version[record.version].append(record)
    answers: dict[str, Replay] = {}
    for group in by_version.values():
        try:
            model = open_model(group[0])
            replayed = _replay_group(group, model, facts_of)
        except MainspringError as error:
            replayed = [_not_available(record, error) for record in group]
        answers |= {replay.prediction: replay for replay in replayed}
    return [answers[record.id] for record in records]


def _not_available(record: PredictionRecord, error: MainspringError) -> Replay:
    return Replay(prediction=record.id, outcome=Outcome.NOT_AVAILABLE, told=record.score, score=None, reason=f"{error.code} {error.message}")


def not_kept(prediction: str, error: RetentionPassed) -> Replay:
    """The answer about a prediction whose record the log does not keep any more."""
    return Replay(prediction=prediction, outcome=Outcome.NOT_AVAILABLE, told=None, score=None, reason=f"retention: {error.code} {error.message}")


def _replay_group(records: Sequence[PredictionRecord], model: ServedModel, facts_of: FactReader) -> list[Replay]:
    features = _recompute(records, model, facts_of)
    scores = model.score(features)
    return [_compare(r, again, score, names=model.encoding.names) for r, again, score in zip(records, features, scores, strict=True)]


def _recompute(records: Sequence[PredictionRecord], model: ServedModel, facts_of: FactReader) -> list[list[Value]]:
    spine = _spine_of(records, model.training_set.request_schema)
    columns: dict[str, list[Value]] = {}
    for view in model.training_set.views:
        frame = _backfill_as_read(view, records, spine, facts_of)
        columns |= {name: plain_values(frame[name]) for name in frame.columns}
    rows = [{**{name: values[i] for name, values in columns.items()}, **model.on_demand(record.request)} for i, record in enumerate(records)]
    return [[row[name] for name in model.encoding.names] for row in rows]


def _backfill_as_read(view: CompiledView, records: Sequence[PredictionRecord], spine: pl.DataFrame, facts_of: FactReader) -> pl.DataFrame:
    """The view at each record's (L, q).

    L matters only to a record before whose q a fact claims to be visible that was appended after L, such as history imported later; the others
    share one backfill, because facts beyond their L are not visible at their q anyway.
    """
    facts = {source.name: facts_of(source) for each in with_lookups([view]) for source in each.view.sources}
    frame = backfill_from(view, lambda source: facts[source.name], spine)
    for place in _places_bound(view, records, facts):
        known = partial(_facts_known_to, records[place], facts)
        alone = backfill(view, known(view), gather_keys(view, known, spine.slice(place, 1)))
        frame = pl.concat([frame.slice(0, place), alone, frame.slice(place + 1)])
    return frame


def _places_bound(view: CompiledView, records: Sequence[PredictionRecord], facts: Mapping[str, pl.DataFrame]) -> list[int]:
    """The records for which a fact that was not read yet claims to have been visible."""
    bound: set[int] = set()
    for each in with_lookups([view]):
        for source in each.view.sources:
            earliest_after, key = _earliest_visible_after(facts[source.name]), read_key(each, source)
            bound |= {place for place, record in enumerate(records) if earliest_after(record.read_at[key]) <= record.at}
    return sorted(bound)


def _facts_known_to(record: PredictionRecord, facts: Mapping[str, pl.DataFrame], view: CompiledView) -> pl.DataFrame:
    """The facts of a view that had been read when a record was made."""
    return gather_facts(view, lambda source: facts[source.name].filter(pl.col("_offset") < record.read_at[read_key(view, source)]))


def _earliest_visible_after(facts: pl.DataFrame) -> Callable[[int], int]:
    ordered = facts.sort("_offset")
    offsets = ordered["_offset"].to_numpy()
    suffix = np.minimum.accumulate(ordered["_visible_from"].to_numpy()[::-1])[::-1] if len(offsets) else offsets

    def earliest(limit: int) -> int:
        place = int(np.searchsorted(offsets, limit))
        return int(suffix[place]) if place < len(offsets) else FOREVER

    return earliest


def _spine_of(records: Sequence[PredictionRecord], schema: Schema) -> pl.DataFrame:
    columns = [_series(f.name, [record.request[f.name] for record in records], f.dtype) for f in schema]
    return pl.DataFrame([*columns, pl.Series("_prediction_time", [record.at for record in records], dtype=pl.Int64)])


def _series(name: str, values: Sequence[Value], dtype: DType) -> pl.Series:
    """Instants come as int64 microseconds and are stored as such, but join only with their own type."""
    stored = STORED[dtype]
    return pl.Series(name, values, dtype=pl.Int64() if stored.is_temporal() else stored).cast(stored)


def _compare(record: PredictionRecord, again: Sequence[Value], score: float, *, names: Sequence[str]) -> Replay:
    differing = {name: (told, now) for name, told, now in zip(names, record.features, again, strict=True) if not _same_bytes(told, now)}
    same = _same_bytes(record.score, score)
    close = abs(record.score - score) <= TOLERANCE
    outcome = Outcome.IDENTICAL if same and not differing else Outcome.EQUAL_WITHIN_TOLERANCE if close and not differing else Outcome.DIFFERS
    reason = "" if outcome is Outcome.IDENTICAL else f"{len(differing)} features differ, the score by {abs(record.score - score):.3g}"
    return Replay(prediction=record.id, outcome=outcome, told=record.score, score=score, reason=reason, differing=differing)


def _same_bytes(left: Value, right: Value) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same_bytes, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return struct.pack("<d", left) == struct.pack("<d", right)
    return type(left) is type(right) and left == right
