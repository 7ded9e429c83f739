"""What is rendered parses back as it was: durations, instants, positions of shards, definitions,
baselines, predictions in the log.
"""

import math

from hypothesis import given
from hypothesis import strategies as st

from mainspring.datasets.definition import (
    TrainingSetDefinition,
    parse_training_set_definition,
    render_training_set_definition,
)
from mainspring.datasets.spec import Label, TrainingSet, split_by_time
from mainspring.elements.expression import col
from mainspring.elements.time import format_duration, format_instant, parse_duration, parse_instant
from mainspring.engines.local.log import SqliteLog
from mainspring.features.spec import OnDemandFeatureView
from mainspring.monitoring.baseline import Baseline, parse_baseline, render_baseline
from mainspring.monitoring.limits.column import ColumnBaseline
from mainspring.monitoring.limits.source import IngestedRows
from mainspring.ports.online import Position, decode_position, encode_position
from mainspring.serving.inference.record import PredictionRecord
from mainspring.serving.inference_log import (
    inference_topic,
    iter_predictions,
)
from mainspring.sources.spec import Source
from tests.logged import append_records, earlier_frame

SPLIT = split_by_time(train_from="2013-01-08", test_from="2013-10-01", test_until="2014-01-01")
YEAR_1, YEAR_9999 = parse_instant("0001-01-01"), parse_instant("9999-12-31")
finite = st.floats(allow_nan=False, allow_infinity=False)
values = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | finite | st.text(max_size=5)


@given(st.integers(1, 2**62))
def test_a_length_of_time_reads_back(length):
    assert parse_duration(format_duration(length)) == length


@given(
    st.lists(st.tuples(st.text(), st.integers(0, 2**63 - 1)), max_size=4),
    st.integers(-(2**63), 2**63 - 1),
)
def test_a_position_reads_back(offsets, visible_until):
    position = Position(tuple(offsets), visible_until)
    assert decode_position(encode_position(position)) == position


@given(st.integers(YEAR_1, YEAR_9999))
def test_an_instant_reads_back(moment):
    assert parse_instant(format_instant(moment)) == moment


@given(st.floats(allow_nan=False) | st.integers(-(2**53), 2**53))
def test_constants_in_a_definition_keep_their_value_and_their_type(constant):
    source = Source("rows", id="id", event_time="at")
    form = OnDemandFeatureView("form", features={"x": col("delay") + constant})
    label = Label(source, col("late"), join_on="id")
    rows = TrainingSet(
        "rows",
        spine=source,
        prediction_time=col("at"),
        request=["delay"],
        label=label,
        features=[form],
        split=SPLIT,
    )
    read = parse_training_set_definition(
        render_training_set_definition(TrainingSetDefinition(rows, (), ()))
    )
    assert read.training_set == rows
    assert repr(read.training_set.features[0].features[0][1].right.value) == repr(constant)


@given(st.lists(finite, min_size=2, max_size=4), finite, st.none() | st.floats(0, 1))
def test_a_baseline_reads_back(edges, spread, auc):
    column = ColumnBaseline(
        tuple(edges), (1,) * (len(edges) - 1), between_days=spread, between_hours=spread
    )
    baseline = Baseline(
        record_format=2,
        features={"x": column},
        score=column,
        label_rate=0.25,
        label_change=None,
        daily_auc=auc,
        daily_auc_error=0.01,
        ingested={"trips": IngestedRows(9, 1)},
    )
    assert parse_baseline(render_baseline(baseline)) == baseline


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.text(max_size=3), values, max_size=3),
            st.lists(values, max_size=3),
            st.floats(0, 1),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_predictions_read_back_from_the_log(drawn):
    records = [
        PredictionRecord(
            id=f"p-{place}",
            version="sha256:v",
            map_version=1,
            at=place,
            declared_at=None,
            request=r,
            features=f,
            read_at={"v": 3},
            score=s,
            actor="person:ada",
            provider=("", "cuda")[place % 2],
        )
        for place, (r, f, s) in enumerate(drawn)
    ]
    log, topic = SqliteLog(None), inference_topic("dev", "late")
    append_records(log, topic, records[1:])
    log.append({topic: earlier_frame(records[:1])}, expected={})
    assert list(iter_predictions(log, topic)) == [*records[1:], records[0]]
    assert all(math.isfinite(record.score) for record in records)
