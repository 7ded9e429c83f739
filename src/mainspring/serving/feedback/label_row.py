"""The row of a label's source that a row of feedback stands for.

The row is a function of the feedback and of the logged prediction alone: no clock is read and no id
is drawn.  So the same feedback twice is the same row twice, which its source counts as a duplicate.
"""

from collections.abc import Mapping
from typing import NamedTuple

from mainspring.datasets.spec import Label
from mainspring.elements.expression.tree import Column, Node, input_columns
from mainspring.elements.schema import DType, Field, Schema
from mainspring.elements.text import clipped
from mainspring.elements.time import format_instant
from mainspring.elements.values.scalar import is_bad, read_value
from mainspring.ports.limits import MAX_SHOWN
from mainspring.serving.feedback.errors import (
    FeedbackContradicts,
    FeedbackIncomplete,
    LabelComputed,
)
from mainspring.serving.inference.record import PredictionRecord
from mainspring.sources.spec import Source

__all__ = ["LabelPlace", "label_row"]

_RESERVED = ("prediction", "label", "event_time")


class LabelPlace(NamedTuple):
    """Where the labels of an endpoint go.

    Args:
        label: that its model is trained on.
        source: of the label, as it takes rows in now: since the model was trained it may have got
            another name or definition.
        schema: of this source.
    """

    endpoint: str
    label: Label
    source: Source
    schema: Schema


def label_row(
    given: Mapping[str, object], place: LabelPlace, prediction: PredictionRecord | None
) -> dict[str, object]:
    """The row to write.

    `label` and `event_time` stand for the columns that the label and the event time of the source
    are.  What the row does not say of a prediction comes from it: the columns to join by from its
    request, the event time from its own, and the id of the fact, where that is a text, from its id.

    Raises: FeedbackIncomplete SRV-080, LabelComputed SRV-081, FeedbackContradicts SRV-082.
    """
    known = place.schema
    row = {name: value for name, value in given.items() if name in known or name not in _RESERVED}
    if "label" in given and "label" not in known:
        _put(row, _label_column(place), given["label"], said_by="label", schema=known)
    when = place.source.event_time
    if "event_time" in given and "event_time" not in known and isinstance(when, Column):
        _put(row, when.name, given["event_time"], said_by="event_time", schema=known)
    if prediction is not None:
        _complete(row, place, prediction)
    _require_whole(row, place, prediction)
    return row


def _put(
    row: dict[str, object], column: str, value: object, *, said_by: str, schema: Schema
) -> None:
    if column in row and column in schema and _differ(row[column], value, schema[column]):
        raise _contradiction("the row", column, known=row[column], other=said_by, given=value)
    row.setdefault(column, value)


def _label_column(place: LabelPlace) -> str:
    value = place.label.value
    if isinstance(value, Column):
        return value.name
    raise LabelComputed(
        endpoint=place.endpoint, columns=", ".join(input_columns(value)), source=place.source.name
    )


def _complete(row: dict[str, object], place: LabelPlace, prediction: PredictionRecord) -> None:
    """Add to a row what its prediction says."""
    source, known = place.source, place.schema
    for name in place.label.join_on:
        asked: object = prediction.request.get(name)
        if asked is None or name not in known:
            continue
        if known[name].dtype == DType.TIMESTAMP and isinstance(asked, int):
            asked = format_instant(asked)
        if name in row and _differ(row[name], asked, known[name]):
            raise _contradiction(prediction.id, name, known=asked, other=name, given=row[name])
        row.setdefault(name, asked)
    lacking = [name for name in source.id if name not in row]
    # A key is never made up: the fact would be about another row than the one that was predicted.
    is_key = bool(set(lacking) & set(place.label.join_on))
    if len(lacking) == 1 and known[lacking[0]].dtype == DType.STRING and not is_key:
        row[lacking[0]] = prediction.id
    if isinstance(source.event_time, Column):
        row.setdefault(source.event_time.name, format_instant(prediction.at))


def _differ(one: object, other: object, field: Field) -> bool:
    """Whether two values of a column are not the same, however they are written.  What is no value
    of the column is left to its source, which says so.
    """
    readings = [read_value(field.dtype, value, field.spelling) for value in (one, other)]
    return readings[0] != readings[1] and not any(map(is_bad, readings))


def _contradiction(
    subject: str, column: str, *, known: object, other: str, given: object
) -> FeedbackContradicts:
    return FeedbackContradicts(
        subject=subject,
        column=column,
        known=clipped(str(known), MAX_SHOWN),
        other=other,
        given=clipped(str(given), MAX_SHOWN),
    )


def _require_whole(
    row: Mapping[str, object], place: LabelPlace, prediction: PredictionRecord | None
) -> None:
    label, source = place.label, place.source
    needed = dict.fromkeys(
        (
            *label.join_on,
            *source.id,
            *_columns(source.event_time, place.schema),
            *_columns(source.known_at, place.schema),
            *input_columns(label.value),
        )
    )
    missing = [name for name in needed if name not in row]
    if missing:
        raise FeedbackIncomplete(
            subject=prediction.id if prediction else f"endpoint {place.endpoint!r}",
            missing=", ".join(missing),
            source=source.name,
        )


def _columns(node: Node, schema: Schema) -> tuple[str, ...]:
    return tuple(name for name in input_columns(node) if name in schema)
