"""Predictions as they are stored: a group in columns, and apart from it what many groups share.

Packed one by one, each with the names of its fields, ninety predictions of twenty features took
thirty times the bytes of their numbers.  Of release 0.1 up to format 4 of a workspace they were
stored so, and are read so still.
"""

from collections.abc import Iterator, Sequence

import msgspec

from mainspring.elements.expression.tree import Scalar
from mainspring.elements.identity import Digest
from mainspring.elements.stored import StoredRecord, pack_stored, unpack_stored
from mainspring.elements.time import Micros
from mainspring.features.cast import RequestColumns
from mainspring.features.online.read import Value
from mainspring.ports.log import PackedRecord
from mainspring.serving.inference.answered import AnsweredRows
from mainspring.serving.inference.record import PredictionRecord

__all__ = [
    "PredictionGroup",
    "PredictionHead",
    "StoredPrediction",
    "pack_group",
    "unpack_group",
    "unpack_prediction",
]


class PredictionHead(StoredRecord, frozen=True, kw_only=True):
    """What the predictions of one group have in common, and mostly those of many.

    Args:
        request, features: names of the columns of the group.
        read_at: the keys of L.
        classes: what the probabilities of the group are of; from format 2 on, which is that of
            models of several classes alone.
        provider: as of `PredictionRecord`; from format 3 on, which is that of other providers than
            the CPU alone, for an earlier release would find that the replay differs.
    """

    title = "what predictions have in common"
    newest_format = 3

    version: Digest
    map_version: int
    revision: str
    actor: str
    request: list[str]
    features: list[str]
    read_at: list[str]
    classes: list[str] | msgspec.UnsetType = msgspec.UNSET
    provider: str | msgspec.UnsetType = msgspec.UNSET


class PredictionGroup(
    StoredRecord,
    frozen=True,
    kw_only=True,
    rename={
        "declared_at": "d",
        "request": "r",
        "absent": "a",
        "features": "f",
        "read_at": "l",
        "scores": "s",
        "latency_us": "t",
        "at": "q",
        "places": "p",
        "probabilities": "c",
    },
):
    """Predictions that were answered together, by columns.

    Args:
        at: one q for all, or one for each.
        declared_at: unset where it is q.
        absent: by the name of a field the rows whose requests did not have it.
        read_at: the offsets of all rows by the keys of the head; where rows have read at different
            ones, L of each row.
        scores, latency_us: as of `PredictionRecord`.
        places: of each row behind the id of the group, where some were not logged; from format 2
            on, for an earlier release would find the rows under the ids of others.
        probabilities: of each row those of the classes of the head; from format 3 on, for an
            earlier release would replay the row without them.
    """

    title = "a group of predictions"
    newest_format = 3

    at: Micros | list[Micros]
    declared_at: list[Micros | None] | msgspec.UnsetType = msgspec.UNSET
    request: list[list[Scalar | None]]
    absent: dict[str, list[int]] | msgspec.UnsetType = msgspec.UNSET
    features: list[list[Value]]
    read_at: list[int | dict[str, int]]
    scores: list[float]
    latency_us: int
    places: list[int] | msgspec.UnsetType = msgspec.UNSET
    probabilities: list[list[float]] | msgspec.UnsetType = msgspec.UNSET


class StoredPrediction(StoredRecord, frozen=True, kw_only=True, gc=False):
    """One prediction as releases stored it up to format 4 of a workspace."""

    title = "a prediction"

    id: str
    version: Digest
    map_version: int
    at: Micros
    declared_at: Micros | None
    request: dict[str, Scalar | None]
    features: list[Value]
    read_at: dict[str, int]
    score: float
    actor: str


def pack_group(answered: AnsweredRows) -> PackedRecord:
    """The group as the log takes it; `unpack_group` is the inverse."""
    first = answered.read_at[0]
    is_alike = all(each is first or each == first for each in answered.read_at)
    at = answered.at[0] if len({*answered.at}) == 1 else list(answered.at)
    request = answered.request
    head = PredictionHead(
        version=answered.version,
        map_version=answered.map_version,
        revision=answered.revision,
        actor=answered.actor,
        request=list(request.columns),
        features=list(answered.names),
        read_at=list(first) if is_alike else [],
        classes=list(answered.classes) or msgspec.UNSET,
        provider=answered.provider or msgspec.UNSET,
        record_format=3 if answered.provider else 2 if answered.classes else msgspec.UNSET,
    )
    absent = {name: sorted(rows) for name, rows in request.absent.items()}
    group = PredictionGroup(
        at=at,
        declared_at=msgspec.UNSET
        if all(map(int.__eq__, answered.at, _known(answered.declared_at)))
        else list(answered.declared_at),
        request=list(request.columns.values()),
        absent=absent or msgspec.UNSET,
        features=[list(values) for values in answered.features],
        read_at=list(first.values()) if is_alike else [dict(each) for each in answered.read_at],
        scores=list(answered.scores),
        latency_us=answered.latency_us,
        places=list(answered.places) or msgspec.UNSET,
        probabilities=[list(each) for each in answered.probabilities] or msgspec.UNSET,
        record_format=3 if answered.classes else 2 if answered.places else msgspec.UNSET,
    )
    return PackedRecord(answered.id, max(answered.at), pack_stored(head), pack_stored(group))


def _known(times: Sequence[Micros | None]) -> Iterator[Micros]:
    return (-1 if time is None else time for time in times)


def unpack_group(record: PackedRecord) -> AnsweredRows:
    """The predictions of a group.  Raises: NewerFormat REG-005, RecordUnreadable REG-020."""
    head = unpack_stored(record.shared, PredictionHead)
    group = unpack_stored(record.packed, PredictionGroup)
    rows = len(group.scores)
    at = group.at if isinstance(group.at, list) else [group.at] * rows
    absent = {} if isinstance(group.absent, msgspec.UnsetType) else group.absent
    apart = [each for each in group.read_at if isinstance(each, dict)]
    offsets = [each for each in group.read_at if isinstance(each, int)]
    return AnsweredRows(
        id=record.id,
        version=head.version,
        map_version=head.map_version,
        revision=head.revision,
        actor=head.actor,
        at=at,
        declared_at=at if isinstance(group.declared_at, msgspec.UnsetType) else group.declared_at,
        request=RequestColumns(
            dict(zip(head.request, group.request, strict=True)),
            rows,
            {name: set(places) for name, places in absent.items()},
        ),
        names=head.features,
        features=group.features,
        read_at=apart or [dict(zip(head.read_at, offsets, strict=True))] * rows,
        scores=group.scores,
        latency_us=group.latency_us,
        provider="" if isinstance(head.provider, msgspec.UnsetType) else head.provider,
        places=() if isinstance(group.places, msgspec.UnsetType) else group.places,
        classes=() if isinstance(head.classes, msgspec.UnsetType) else head.classes,
        probabilities=()
        if isinstance(group.probabilities, msgspec.UnsetType)
        else group.probabilities,
    )


def unpack_prediction(payload: bytes) -> PredictionRecord:
    """A prediction that was stored by itself.  Raises: as `unpack_group`."""
    held = unpack_stored(payload, StoredPrediction)
    return PredictionRecord(
        id=held.id,
        version=held.version,
        map_version=held.map_version,
        at=held.at,
        declared_at=held.declared_at,
        request=held.request,
        features=held.features,
        read_at=held.read_at,
        score=held.score,
        actor=held.actor,
    )
