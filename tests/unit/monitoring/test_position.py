"""How far a monitor has come, stored."""

import numpy as np
import pytest

from mainspring.elements.errors import NewerFormat
from mainspring.elements.identity import Digest
from mainspring.elements.time import DAY, HOUR
from mainspring.engines.local.objects import MemoryObjects
from mainspring.flow.schedule import ScheduleWindow
from mainspring.monitoring.evaluate import MonitorEvaluator
from mainspring.monitoring.join import KeyedLabels, KeyedPredictions
from mainspring.monitoring.position import (
    MonitorPosition,
    ReadOffsets,
    StoredMemoryChunk,
    merge_chunks,
    parse_chunk,
    parse_position,
    render_chunk,
    render_position,
)
from mainspring.monitoring.record import store_memory
from tests.unit.monitoring.monitored import CountingLog, append_predictions, monitored_model

PREDICTIONS = KeyedPredictions(
    np.array([3]),
    np.array([2**63 + 5], dtype=np.uint64),
    np.array([0.1]),
    np.array([np.nan]),
    np.array([7]),
)
LABELS = KeyedLabels(np.array([4, 2**64 - 1], dtype=np.uint64), np.array([1.0, np.nan]))


def same(left: tuple[np.ndarray, ...], right: tuple[np.ndarray, ...]) -> bool:
    return all(
        one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
        for one, other in zip(left, right, strict=True)
    )


def test_a_position_is_read_back_as_it_was_written():
    position = MonitorPosition(
        window=ScheduleWindow(0, HOUR),
        subject="sha256:1",
        offsets=ReadOffsets(end=HOUR, predictions=5, ingested={"source:sales": 3}),
        chunks=(StoredMemoryChunk(0, Digest("sha256:2")),),
    )
    assert parse_position(render_position(position), monitor="m") == position


def test_a_format_of_a_later_release_is_not_read():
    payload = render_position(MonitorPosition(record_format=2, window=ScheduleWindow(0, HOUR)))
    with pytest.raises(NewerFormat, match="format 2"):
        parse_position(payload, monitor="m")


def test_a_chunk_is_read_back_as_it_was_written():
    predictions, labels = parse_chunk(render_chunk(PREDICTIONS, LABELS))
    assert same(predictions, PREDICTIONS)
    assert same(labels, LABELS)


def test_of_merged_chunks_the_later_label_counts():
    later = KeyedLabels(np.array([4], dtype=np.uint64), np.array([0.0]))
    predictions, labels = parse_chunk(
        merge_chunks([render_chunk(PREDICTIONS, LABELS), render_chunk(PREDICTIONS, later)])
    )
    assert predictions.offsets.tolist() == [7, 7]
    assert same(labels, KeyedLabels(LABELS.keys, np.array([0.0, np.nan])))


def test_a_position_names_a_chunk_for_each_day_and_for_each_window_of_the_last():
    log, objects = CountingLog(), MemoryObjects()
    evaluator, counts = MonitorEvaluator(monitored_model(), log=log), []
    for start in range(0, 125 * DAY, 12 * HOUR):
        append_predictions(log, [start], [f"{start}"])
        store_memory(objects, evaluator.memory, evaluator.evaluate(start, start + 12 * HOUR))
        counts.append(len(evaluator.memory.chunks))
    assert counts[:4] == [1, 2, 2, 3]
    assert max(counts) == 121
