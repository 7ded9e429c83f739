"""Recompute predictions from the log and the artifacts, and compare them with the record.

The model is computed on the CPU, whatever it answered on: there a row's bytes depend on the row and
the model alone, so they can be compared as bytes.  Another provider sums in another order, and may
choose the order by how many rows it is given; an answer of one is compared within a tolerance that
the outcome names, also where this machine has that provider.

The features are recomputed by backfill and not read from online state: the second computation
shares the kernel and nothing else with the first.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from enum import StrEnum
from math import isclose

import msgspec
import polars as pl

from mainspring.elements.errors import MainspringError
from mainspring.features.cast import RequestColumns
from mainspring.features.history.gather import FactReader
from mainspring.features.online.parity import same_bytes
from mainspring.features.online.read import Value
from mainspring.features.online.recompute import backfill_as_read
from mainspring.features.physical import plain_values, stored_column
from mainspring.ports.errors import RetentionPassed
from mainspring.serving.inference.record import PredictionRecord
from mainspring.serving.predict import ServedModel

__all__ = ["ReplayOutcome", "ReplayResult", "expired_replay", "replay_predictions"]

TOLERANCE = 1e-9
PROVIDER_TOLERANCE = 1e-4
"""Of an answer of another provider, by its size where that is over 1: a few hundred times what
single precision rounds, and far below what another model or row would say.
"""


class ReplayOutcome(StrEnum):
    """The result of a replay."""

    IDENTICAL = "identical"
    EQUAL_WITHIN_TOLERANCE = f"equal within {TOLERANCE}"
    EQUAL_ON_ANOTHER_PROVIDER = f"equal within {PROVIDER_TOLERANCE} on another provider"
    DIFFERS = "differs"
    NOT_AVAILABLE = "not available"

    @property
    def is_reproduced(self) -> bool:
        """Whether it is the recorded answer, as exactly as that can be told."""
        return self in (ReplayOutcome.IDENTICAL, ReplayOutcome.EQUAL_ON_ANOTHER_PROVIDER)


class ReplayResult(msgspec.Struct, frozen=True, kw_only=True):
    """The replay of one prediction.

    Args:
        recorded: the score in the inference log; None if the record was removed.
        reason: why it differs or is not available; empty otherwise.
        score: the recomputed score; None when not available.
        differing: features whose bytes differ, as (recorded, recomputed).
    """

    prediction: str
    outcome: ReplayOutcome
    recorded: float | None
    score: float | None
    reason: str = ""
    differing: dict[str, tuple[Value, Value]] = {}


def replay_predictions(
    records: Sequence[PredictionRecord],
    open_model: Callable[[PredictionRecord], ServedModel],
    facts_of: FactReader,
) -> list[ReplayResult]:
    """Replay records, those of one model version together, in the order given.

    Args:
        open_model: loads the version that answered; an error of ours becomes `not available`, with
            its code as the reason.
    """
    by_version: dict[str, list[PredictionRecord]] = defaultdict(list)
    for record in records:
        by_version[record.version].append(record)
    answers: dict[str, ReplayResult] = {}
    for group in by_version.values():
        try:
            model = open_model(group[0])
            replayed = _replay_group(group, model, facts_of)
        except MainspringError as error:
            replayed = [_not_available(record, error) for record in group]
        answers |= {replay.prediction: replay for replay in replayed}
    return [answers[record.id] for record in records]


def _not_available(record: PredictionRecord, error: MainspringError) -> ReplayResult:
    return ReplayResult(
        prediction=record.id,
        outcome=ReplayOutcome.NOT_AVAILABLE,
        recorded=record.score,
        score=None,
        reason=f"{error.code} {error.message}",
    )


def expired_replay(prediction: str, error: RetentionPassed) -> ReplayResult:
    """The replay of a prediction whose record the log has removed."""
    return ReplayResult(
        prediction=prediction,
        outcome=ReplayOutcome.NOT_AVAILABLE,
        recorded=None,
        score=None,
        reason=f"retention: {error.code} {error.message}",
    )


def _replay_group(
    records: Sequence[PredictionRecord], model: ServedModel, facts_of: FactReader
) -> list[ReplayResult]:
    features = _recompute(records, model, facts_of)
    rows, scores = zip(*features.values(), strict=True), model.score(features)
    each = scores.probabilities or [[score] for score in scores.values]
    return [
        _compare(r, again, said, names=model.encoding.names)
        for r, again, said in zip(records, rows, each, strict=True)
    ]


def _recompute(
    records: Sequence[PredictionRecord], model: ServedModel, facts_of: FactReader
) -> dict[str, list[Value]]:
    schema = model.training_set.request_schema
    request = RequestColumns(
        {name: [record.request[name] for record in records] for name in schema.names}, len(records)
    )
    spine = pl.DataFrame(
        [stored_column(field.name, request.columns[field.name], field.dtype) for field in schema]
        + [pl.Series("_prediction_time", [record.at for record in records], dtype=pl.Int64)]
    )
    columns: dict[str, list[Value]] = {}
    for view in model.training_set.views:
        frame = backfill_as_read(view, spine, [record.read_at for record in records], facts_of)
        columns |= {name: plain_values(frame[name]) for name in frame.columns}
    return model.in_order(columns | model.on_demand.evaluate(request))


def _compare(
    record: PredictionRecord, again: Sequence[Value], said: Sequence[float], *, names: Sequence[str]
) -> ReplayResult:
    """What was recorded beside what is said now: one score, or the probability of each class."""
    differing = {
        name: (recorded, now)
        for name, recorded, now in zip(names, record.features, again, strict=True)
        if not same_bytes(recorded, now)
    }
    pairs = list(zip(record.probabilities or [record.score], said, strict=True))
    outcome = ReplayOutcome.DIFFERS if differing else _outcome(record, pairs)
    furthest = max(abs(recorded - now) for recorded, now in pairs)
    reason = f"{len(differing)} features differ, the score by {furthest:.3g}"
    if record.provider:
        reason += f"; answered on {record.provider}, recomputed on cpu"
    return ReplayResult(
        prediction=record.id,
        outcome=outcome,
        recorded=record.score,
        score=max(said),
        reason="" if outcome is ReplayOutcome.IDENTICAL else reason,
        differing=differing,
    )


def _outcome(record: PredictionRecord, pairs: Sequence[tuple[float, float]]) -> ReplayOutcome:
    """What the recorded and the recomputed numbers are to each other."""
    if all(same_bytes(recorded, now) for recorded, now in pairs):
        return ReplayOutcome.IDENTICAL
    outcome, tolerance = (
        (ReplayOutcome.EQUAL_ON_ANOTHER_PROVIDER, PROVIDER_TOLERANCE)
        if record.provider
        else (ReplayOutcome.EQUAL_WITHIN_TOLERANCE, TOLERANCE)
    )
    relative = tolerance if record.provider else 0.0
    is_near = all(isclose(*pair, rel_tol=relative, abs_tol=tolerance) for pair in pairs)
    return outcome if is_near else ReplayOutcome.DIFFERS
