"""The row of a label's source that a row of feedback stands for.

The row is a function of the feedback and of the logged prediction alone: no clock is read and no id
is drawn.  So the same feedback twice is the same row twice, which its source counts as a duplicate.
"""

from collections.abc import Mapping
from typing import NamedTuple

from mainspring.datasets.spec import Label
from mainspring.elements.expression.tree import Column, Node, input_columns
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import format_instant
from mainspring.serving.feedback.errors import (
    FeedbackContradicts,
    FeedbackIncomplete,
    LabelComputed,
)
from mainspring.serving.inference.record import PredictionRecord

__all__ = ["LabelPlace", "label_row"]

_RESERVED = ("prediction", "label", "event_time")


class LabelPlace(NamedTuple):
    """Where the labels of an endpoint go.

    Args:
        schema: of the label's source.
    """

    endpoint: str
    label: Label
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
    source, known = place.label.source, place.schema
    row = {name: value for name, value in given.items() if name in known or name not in _RESERVED}
    if "label" in given and "label" not in known:
        row.setdefault(_label_column(place), given["label"])
    if "event_time" in given and isinstance(source.event_time, Column):
        row.setdefault(source.event_time.name, given["event_time"])
    if prediction is not None:
        _complete(row, place, prediction)
    _require_whole(row, place, prediction)
    return row


def _label_column(place: LabelPlace) -> str:
    value = place.label.value
    if isinstance(value, Column):
        return value.name
    raise LabelComputed(
        endpoint=place.endpoint,
        columns=", ".join(input_columns(value)),
        source=place.label.source.name,
    )


def _complete(row: dict[str, object], place: LabelPlace, prediction: PredictionRecord) -> None:
    """Add to a row what its prediction says."""
    source, known = place.label.source, place.schema
    for name in place.label.join_on:
        asked = prediction.request.get(name)
        if asked is None:
            continue
        is_instant = known[name].dtype == DType.TIMESTAMP and isinstance(asked, int)
        value = format_instant(asked) if is_instant and isinstance(asked, int) else asked
        # As text: a caller may send "7" for the key 7, which the source reads alike.
        if not is_instant and name in row and str(row[name]) != str(value):
            raise FeedbackContradicts(
                prediction=prediction.id, column=name, asked=str(value), given=str(row[name])
            )
        row.setdefault(name, value)
    lacking = [name for name in source.id if name not in row]
    # A key is never made up: the fact would be about another row than the one that was predicted.
    is_key = bool(set(lacking) & set(place.label.join_on))
    if len(lacking) == 1 and known[lacking[0]].dtype == DType.STRING and not is_key:
        row[lacking[0]] = prediction.id
    if isinstance(source.event_time, Column):
        row.setdefault(source.event_time.name, format_instant(prediction.at))


def _require_whole(
    row: Mapping[str, object], place: LabelPlace, prediction: PredictionRecord | None
) -> None:
    label, source = place.label, place.label.source
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
