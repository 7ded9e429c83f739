"""Where predictions lie in the log, and how they are found and read there.

Each process that answers appends to a segment of its own, a topic with a number behind the name of
the endpoint, so that no server waits for another; whoever reads the predictions of an endpoint
reads all its segments.  A record of the log is a group of predictions that were answered together.
Up to format 4 of a workspace an endpoint had one topic without a number, and each record was one
prediction.
"""

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from mainspring.ports.log import LogReader, PackedRecord
from mainspring.serving.inference.answered import AnsweredRows, parse_prediction_id
from mainspring.serving.inference.group import unpack_group, unpack_prediction
from mainspring.serving.inference.record import PredictionRecord

__all__ = [
    "PLACES_PER_RECORD",
    "PlacedPrediction",
    "find_prediction",
    "find_topic",
    "first_place",
    "inference_segments",
    "inference_topic",
    "iter_placed",
    "iter_predictions",
    "newest_predictions",
    "offset_of_place",
    "place_of_topic",
    "segment_of",
    "segment_topic",
]

_PREFIX = "inference:"
PLACES_PER_RECORD = 1 << 16
"""More than a record of the log has predictions."""
_SEGMENT_PLACES = 1 << 56


class PlacedPrediction(NamedTuple):
    """A prediction and where it lies: a number that no other one of the endpoint has, and that is
    larger for later ones of a segment.
    """

    place: int
    record: PredictionRecord


def inference_topic(environment: str, endpoint: str) -> str:
    """The topic of an endpoint's predictions in one environment, which its segments begin with."""
    return f"{_PREFIX}{environment}:{endpoint}"


def segment_topic(topic: str, segment: int) -> str:
    """The topic of a segment of an endpoint's predictions."""
    return f"{topic}:{segment}"


def inference_segments(log: LogReader, topic: str) -> list[str]:
    """The topics that hold predictions of an endpoint, the one without a number first."""
    begin = f"{topic}:"
    found = [
        each
        for each in log.topics()
        if each == topic or (each.startswith(begin) and each.removeprefix(begin).isdigit())
    ]
    return sorted(found, key=segment_of)


def segment_of(topic: str) -> int:
    """The number of a segment; 0 of the topic without one."""
    parts = topic.split(":")
    return int(parts[3]) if len(parts) > 3 else 0


def first_place(topic: str, offset: int) -> int:
    """The place of the first prediction of a record."""
    return segment_of(topic) * _SEGMENT_PLACES + offset * PLACES_PER_RECORD


def offset_of_place(place: int) -> int:
    """The offset of the record that a place lies in."""
    return place % _SEGMENT_PLACES // PLACES_PER_RECORD


def iter_groups(frame: pl.DataFrame) -> Iterator[AnsweredRows]:
    """The groups of a frame of packed predictions."""
    columns = (frame[name].to_list() for name in ("_id", "_appended_at", "shared", "packed"))
    for row in zip(*columns, strict=True):
        yield unpack_group(PackedRecord(*row))


def iter_placed(
    log: LogReader, topic: str, *, start: int = 0, stop: int | None = None
) -> Iterator[PlacedPrediction]:
    """The predictions of one segment in the order of the log, from one offset to another."""
    for frame in log.read(topic, start=start, stop=stop):
        offsets = frame["_offset"].to_list()
        if "packed" not in frame.columns:
            for offset, packed in zip(offsets, frame["record"].to_list(), strict=True):
                yield PlacedPrediction(first_place(topic, offset), unpack_prediction(packed))
            continue
        for offset, group in zip(offsets, iter_groups(frame), strict=True):
            for place, record in enumerate(group.records(), start=first_place(topic, offset)):
                yield PlacedPrediction(place, record)


def iter_predictions(
    log: LogReader, topic: str, *, start: int = 0, stop: int | None = None
) -> Iterator[PredictionRecord]:
    """As `iter_placed`, without places."""
    return (record for _, record in iter_placed(log, topic, start=start, stop=stop))


def newest_predictions(log: LogReader, topic: str, count: int) -> list[PredictionRecord]:
    """The newest predictions of an endpoint that the log keeps, newest last."""
    found = list[PredictionRecord]()
    for each in inference_segments(log, topic):
        start = max(log.head(each) - count, log.first(each))
        found += [*iter_predictions(log, each, start=start)][-count:]
    return sorted(found, key=lambda record: (record.at, record.id))[-count:]


def find_topic(log: LogReader, prediction: str) -> tuple[str, int] | None:
    """The topic and the offset of a prediction, wherever it was made; None when it is unknown."""
    group, _ = parse_prediction_id(prediction)
    for topic in log.topics():
        if not topic.startswith(_PREFIX):
            continue
        found = log.find(topic, [group])
        if group in found:
            return topic, found[group].offset
    return None


def find_prediction(log: LogReader, prediction: str) -> tuple[str, PredictionRecord] | None:
    """The topic and the record of a prediction, wherever it was made; None when it is unknown."""
    found = find_topic(log, prediction)
    if found is None:
        return None
    topic, offset = found
    for record in iter_predictions(log, topic, start=offset, stop=offset + 1):
        if record.id == prediction:
            return topic, record
    return None


def place_of_topic(topic: str) -> tuple[str, str]:
    """The environment and the endpoint of a topic of predictions; of `inference_topic` the inverse.

    >>> place_of_topic(inference_topic("dev", "late"))
    ('dev', 'late')
    """
    environment, endpoint, *_ = topic.removeprefix(_PREFIX).split(":")
    return environment, endpoint
