"""The trace of one prediction: its model, training set, attestations and features."""

from collections.abc import Mapping

import msgspec

from mainspring.datasets.card import TrainingSetCard
from mainspring.elements.errors import MainspringError
from mainspring.elements.identity import short
from mainspring.elements.stored import parse_stored
from mainspring.elements.time import format_instant
from mainspring.features.online.read import Value
from mainspring.ports.objects import ObjectReader
from mainspring.ports.state import StateReader
from mainspring.registry.read import read_object
from mainspring.registry.version import ModelVersion
from mainspring.serving.inference.record import PredictionRecord
from mainspring.serving.tracing.attested import attested_lines
from mainspring.serving.tracing.replay import ReplayResult

__all__ = ["PredictionTrace", "build_trace", "expired_trace"]

_KNOWN_FEATURES = 6


class PredictionTrace(msgspec.Struct, frozen=True, kw_only=True):
    """A replay and its context, as fields for programs and as lines for people."""

    replay: ReplayResult
    version: str
    digest: str
    requested_by: str
    requested_at: str
    environment: str
    trained_on: str
    attested: tuple[str, ...]
    read_at: dict[str, int]
    features: dict[str, Value]
    lines: tuple[str, ...]


def build_trace(
    replay: ReplayResult,
    record: PredictionRecord,
    version: ModelVersion | None,
    *,
    environment: str,
    names: tuple[str, ...],
    state: StateReader,
    objects: ObjectReader,
) -> PredictionTrace:
    """The trace of a replayed prediction; a part that is missing or was changed says so.

    Args:
        version: the version that answered; None if it is not stored any more.
        names: of the record's features; empty if they are not known any more.
    """
    features = dict(zip(names, record.features, strict=True)) if names else {}
    trained_on = _trained_on(version, objects) if version else "not available"
    attested = (
        attested_lines(version, environment, record.map_version, state=state, objects=objects)
        if version
        else ()
    )
    requested_at = format_instant(record.at)
    head = [
        f"{record.id}  {replay.outcome}" + (f" — {replay.reason}" if replay.reason else ""),
        f"  answered    {record.score:.6f}"
        + (f" on {record.provider}" if record.provider else "")
        + ("" if replay.score is None else f", recomputed {replay.score:.6f}"),
        f"  requested   {requested_at} by {record.actor}",
        f"  request     {', '.join(f'{name}={value}' for name, value in record.request.items())}",
        (
            f"  model       "
            f"{_made(version) if version else f'({short(record.version)}) is not stored'}"
        ),
        f"  trained on  {trained_on}",
    ]
    if version is not None:
        head.append(
            f"  code        {short(version.code)} · Python {version.environment.python} "
            f"· seed {version.seed}"
        )
    read_at = [f"{view} up to record {offset:,}" for view, offset in record.read_at.items()]
    tail = [
        *(f"  attested    {line}" for line in attested),
        *([f"  read at     {', '.join(read_at)}"] if read_at else []),
        f"  features    {_shown_features(features)}",
    ]
    return PredictionTrace(
        replay=replay,
        version=version.label if version else "",
        digest=record.version,
        requested_by=record.actor,
        requested_at=requested_at,
        environment=environment,
        trained_on=trained_on,
        attested=attested,
        read_at=record.read_at,
        features=features,
        lines=(*head, *tail),
    )


def expired_trace(replay: ReplayResult) -> PredictionTrace:
    """The trace of a prediction whose record the log has removed: only that it was made."""
    return PredictionTrace(
        replay=replay,
        version="",
        digest="",
        requested_by="",
        requested_at="",
        environment="",
        trained_on="not available",
        attested=(),
        read_at={},
        features={},
        lines=(f"{replay.prediction}  {replay.outcome} — {replay.reason}",),
    )


def _made(version: ModelVersion) -> str:
    return (
        f"{version.label} ({short(version.digest)}), made "
        f"{format_instant(version.registered_at)} by {version.author}: {version.reason}"
    )


def _trained_on(version: ModelVersion, objects: ObjectReader) -> str:
    try:
        card = parse_stored(read_object(objects, version, "card"), TrainingSetCard)
    except MainspringError as error:
        return f"not available: {error.code} {error.message}"
    return f"{card.name} {short(card.digest)}: {card.fitted:,} rows fitted, {card.tested:,} tested"


def _shown_features(features: Mapping[str, Value]) -> str:
    """The first that have a value, those read from online state before those of the request."""
    known = sorted(
        (name for name, value in features.items() if value is not None),
        key=lambda name: "__" not in name,
    )[:_KNOWN_FEATURES]
    shown = "; ".join(f"{name} = {_short_value(features[name])}" for name in known)
    more = len(features) - len(known)
    return f"{shown} … and {more} more" if more else shown


def _short_value(value: Value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
