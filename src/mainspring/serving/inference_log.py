"""Where predictions lie in the log, and how they are found and read there.

Each process that answers appends to a segment of its own, a topic with a number behind the name of
the endpoint, so that no server waits for another; whoever reads the predictions of an endpoint
reads all its segments.  A record of the log is a group of predictions that were answered together.
Up to format 4 of a workspace an endpoint had one topic without a number, and each record was one
prediction.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import polars as pl

from mainspring.elements.errors import ServingError
from mainspring.ports.errors import RetentionPassed
from mainspring.ports.log import LogReader, PackedRecord
from mainspring.serving.errors import PredictionUnknown
from mainspring.serving.inference.answered import AnsweredRows, parse_prediction_id
from mainspring.serving.inference.errors import UNLOGGED, PredictionNotLogged
from mainspring.serving.inference.group import unpack_group, unpack_prediction
from mainspring.serving.inference.record import PredictionRecord

__all__ = [
    "PLACES_PER_RECORD",
    "FoundPredictions",
    "PlacedPrediction",
    "find_prediction",
    "find_predictions",
    "find_topic",
    "first_place",
    "inference_segments",
    "inference_topic",
    "iter_placed",
    "iter_predictions",
    "newest_of_segments",
    "newest_predictions",
    "no_such_prediction",
    "offset_of_place",
    "place_of_topic",
    "segment_of",
    "segment_topic",
    "start_of_newest",
]

_PREFIX = "inference:"
PLACES_PER_RECORD = 1 << 16
"""More than a record of the log has predictions."""
_SEGMENT_PLACES = 1 << 56
_FIRST_LOOK = 16
_SKIPPED_RECORDS = 16
"""Fewer than so many records between two that are wanted are read over: a new read asks the log for
its head and for a place, which takes longer.
"""


class FoundPredictions(NamedTuple):
    """What the log has of predictions.  An id that is in neither was never logged there.

    Args:
        records: by id the topic and the record.
        removed: by id the topic, of those whose records retention has removed.
    """

    records: Mapping[str, tuple[str, PredictionRecord]]
    removed: Mapping[str, str]


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
        yield from _iter_placed_in(frame, topic)


def _iter_placed_in(frame: pl.DataFrame, topic: str) -> Iterator[PlacedPrediction]:
    offsets = frame["_offset"].to_list()
    if "packed" not in frame.columns:
        for offset, packed in zip(offsets, frame["record"].to_list(), strict=True):
            yield PlacedPrediction(first_place(topic, offset), unpack_prediction(packed))
        return
    for offset, group in zip(offsets, iter_groups(frame), strict=True):
        for place, record in enumerate(group.records(), start=first_place(topic, offset)):
            yield PlacedPrediction(place, record)


def iter_predictions(
    log: LogReader, topic: str, *, start: int = 0, stop: int | None = None
) -> Iterator[PredictionRecord]:
    """As `iter_placed`, without places."""
    return (record for _, record in iter_placed(log, topic, start=start, stop=stop))


def newest_predictions(log: LogReader, topic: str, count: int) -> list[PredictionRecord]:
    """The newest predictions of an endpoint that the log keeps, newest last.

    Cost: of each segment a read of about so many predictions, of which as many are in memory.
    """
    return newest_of_segments(log, inference_segments(log, topic), count)


def newest_of_segments(
    log: LogReader, segments: Iterable[str], count: int
) -> list[PredictionRecord]:
    """The newest predictions of these segments, newest last."""
    found = list[PredictionRecord]()
    for each in segments:
        start = start_of_newest(log, each, count)
        found += deque(iter_predictions(log, each, start=start), maxlen=count)
    return sorted(found, key=lambda record: (record.at, record.id))[-count:]


def start_of_newest(log: LogReader, topic: str, count: int, *, first: int = 0) -> int:
    """From which record on a segment has its newest predictions, so many at least, and not many
    more; the first record that is kept where there are fewer.

    A record holds one prediction or thousands, so records are no measure of them.

    Args:
        first: look no further back than this record.
    """
    head, first = log.head(topic), max(log.first(topic), first)
    records = _FIRST_LOOK
    while head - records > first:
        frames = log.read(topic, start=head - records, stop=head)
        rows = sum(map(_predictions_in, frames))
        if rows >= count:
            return head - records
        records = max(2 * records, records * count // max(1, rows) + 1)
    return first


def _predictions_in(frame: pl.DataFrame) -> int:
    if "packed" not in frame.columns:
        return frame.height
    return sum(len(group.scores) for group in iter_groups(frame))


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


def no_such_prediction(prediction: str) -> ServingError:
    """Why the log has nothing under an id: it was never given, or its answer has said that it is
    not logged.
    """
    is_unlogged = prediction.startswith(UNLOGGED)
    return (PredictionNotLogged if is_unlogged else PredictionUnknown)(prediction=prediction)


def find_predictions(
    log: LogReader, predictions: Iterable[str], *, environment: str
) -> FoundPredictions:
    """The records of predictions of one environment, by one look into each segment for them all.

    Cost: an index of each segment is asked once, 4 µs an id; a stored frame of the log is read once
        however many of them lie in it.
    """
    wanted = dict[str, list[str]]()
    for name in dict.fromkeys(predictions):
        wanted.setdefault(parse_prediction_id(name)[0], []).append(name)
    records, removed = dict[str, tuple[str, PredictionRecord]](), dict[str, str]()
    for topic in log.topics():
        if not wanted:
            break
        if not topic.startswith(inference_topic(environment, "")):
            continue
        lying = {identity.offset: group for group, identity in log.find(topic, [*wanted]).items()}
        names = {offset: wanted.pop(group) for offset, group in lying.items()}
        asked = {name for each in names.values() for name in each}
        for frame in _iter_frames_with(log, topic, sorted(names)):
            found = (record for _, record in _iter_placed_in(frame, topic))
            records |= {record.id: (topic, record) for record in found if record.id in asked}
        # Asked last: what retention removes while the log is read is missing for that reason too.
        first = log.first(topic)
        gone = (name for offset, each in names.items() if offset < first for name in each)
        removed |= {name: topic for name in gone if name not in records}
    return FoundPredictions(records, removed)


def _iter_frames_with(log: LogReader, topic: str, offsets: Sequence[int]) -> Iterator[pl.DataFrame]:
    """The records at these offsets, which ascend, but for those that were removed.

    Read one by one, ten thousand records of a frame that compaction has made would decode it ten
    thousand times; read from the first to the last, a few old ones would decode the whole log.
    """
    place = bisect_left(offsets, log.first(topic))
    while place < len(offsets):
        end = offsets[place] + 1
        for frame in _iter_near(log, topic, offsets, place=place):
            end = int(frame["_offset"][-1]) + 1
            lying = offsets[place : bisect_left(offsets, end)]
            yield frame.filter(pl.col("_offset").is_in(lying))
            place += len(lying)
        place = bisect_left(offsets, max(end, log.first(topic)))


def _iter_near(
    log: LogReader, topic: str, offsets: Sequence[int], *, place: int
) -> Iterator[pl.DataFrame]:
    """The frames from one of the offsets on, until the next one lies far behind or was removed."""
    with suppress(RetentionPassed):
        for frame in log.read(topic, start=offsets[place], stop=offsets[-1] + 1):
            yield frame
            end = int(frame["_offset"][-1]) + 1
            place = bisect_left(offsets, end)
            if place == len(offsets) or offsets[place] - end >= _SKIPPED_RECORDS:
                return


def place_of_topic(topic: str) -> tuple[str, str]:
    """The environment and the endpoint of a topic of predictions; of `inference_topic` the inverse.

    >>> place_of_topic(inference_topic("dev", "late"))
    ('dev', 'late')
    """
    environment, endpoint, *_ = topic.removeprefix(_PREFIX).split(":")
    return environment, endpoint
