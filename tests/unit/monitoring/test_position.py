"""How far a monitor has come, stored."""

import numpy as np
import polars as pl
import pytest

from mainspring.elements.errors import NewerFormat
from mainspring.elements.identity import Digest
from mainspring.elements.time import DAY, HOUR
from mainspring.engines.local.objects import MemoryObjects
from mainspring.flow.schedule import ScheduleWindow
from mainspring.monitoring.evaluate import MonitorEvaluator
from mainspring.monitoring.join import (
    NO_LABEL_FACTS,
    KeyedPredictions,
    LabelChanges,
    LabelledPredictions,
)
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
FACTS = pl.DataFrame(
    [(2**64 - 1, "a", -1, 5, True, 1.0), (4, "b", 0, 7, False, None)],
    schema=NO_LABEL_FACTS.schema,
    orient="row",
)
CHANGES = LabelChanges(FACTS, np.array([7]), np.array([1.0]))


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
    predictions, changes = parse_chunk(render_chunk(PREDICTIONS, CHANGES))
    assert same(predictions, PREDICTIONS)
    assert same(changes[1:], CHANGES[1:])
    assert changes.facts.equals(FACTS)


def test_of_merged_chunks_the_later_decision_about_a_prediction_counts():
    none = PREDICTIONS.rows(np.array([False]))
    later = LabelChanges(NO_LABEL_FACTS, np.array([7]), np.array([0.0]))
    merged = merge_chunks([render_chunk(PREDICTIONS, CHANGES), render_chunk(none, later)])
    predictions, changes = parse_chunk(merged)
    restored = LabelledPredictions.restored([(0, predictions, changes)])
    assert restored.scores_and_labels()[1].tolist() == [0.0]


def test_a_position_names_a_chunk_for_each_day_and_for_each_window_of_the_last():
    log, objects = CountingLog(), MemoryObjects()
    evaluator, counts = MonitorEvaluator(monitored_model(), log=log), []
    for start in range(0, 125 * DAY, 12 * HOUR):
        append_predictions(log, [start], [f"{start}"])
        store_memory(objects, evaluator.memory, evaluator.evaluate(start, start + 12 * HOUR))
        counts.append(len(evaluator.memory.chunks))
    assert counts[:4] == [1, 2, 2, 3]
    assert max(counts) == 121
