"""A training set and a monitor give a prediction one label, whatever the order in which outcomes
arrive, are corrected and are taken back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mainspring.datasets.build import CompiledTrainingSet, build_training_set
from mainspring.datasets.spec import Label, TrainingSet
from mainspring.elements.expression import col
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import HOUR, format_duration
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.features.history.reader import HistoryReader
from mainspring.monitoring.evaluate import MonitoredModel, MonitorEvaluator
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.facts import read_source_rows
from mainspring.sources.ingest import SourceWriter
from mainspring.sources.spec import Source
from mainspring.testing import FrozenClock
from tests.unit.monitoring.monitored import append_predictions, monitored_model

TRIPS = Source("trips", id="trip", event_time="at")
TRUTH = Source("truth", id=["number", "part"], event_time="at", known_at="told", clock_skew=None)
SCHEMAS = {
    "trips": Schema.of(trip=DType.STRING, at=DType.TIMESTAMP, bags=DType.INT64),
    "truth": Schema.of(
        number=DType.INT64,
        part=DType.STRING,
        trip=DType.STRING,
        at=DType.TIMESTAMP,
        told=DType.TIMESTAMP,
        late=DType.BOOLEAN,
    ),
}
LAST = 40

hours = st.integers(0, 12)
outcomes = st.fixed_dictionaries(
    {
        "number": st.sampled_from([-1, 9, 10]),
        "part": st.sampled_from(["a", "b"]),
        "trip": st.sampled_from(["x", "y", None]),
        "at": hours,
        "delay": st.integers(0, 6),
        "late": st.sampled_from([True, False, None]),
        "op": st.sampled_from(["insert", "insert", "replace", "delete"]),
    }
)
steps = st.lists(
    st.tuples(st.integers(1, 4), st.lists(outcomes, max_size=3), st.lists(hours, max_size=2)),
    min_size=1,
    max_size=6,
)


def outcome(number: int, at: int, late: bool | None, op: str = "insert") -> dict[str, object]:
    """An outcome of trip x that is known when it happens."""
    return {
        "number": number, "part": "a", "trip": "x", "at": at, "delay": 0, "late": late, "op": op,
    }  # fmt: skip


def monitored_by(label: Label) -> MonitoredModel:
    """A monitored model with this label."""
    model = monitored_model()
    declared = model.training_set.spec
    spec = TrainingSet(
        "trips",
        spine=TRIPS,
        prediction_time=col("at"),
        request=["bags"],
        label=label,
        features=declared.features,
        split=declared.split,
    )
    return replace(model, training_set=CompiledTrainingSet(spec, (), SCHEMAS))


def write_outcomes(log: SqliteLog, now: int, rows: Sequence[Mapping[str, object]]) -> None:
    """Each with its own operation, at the hour that it is."""
    compiled, clock = CompiledSource(TRUTH, SCHEMAS["truth"]), FrozenClock(now)
    writer = SourceWriter(compiled, log=log, clock=clock, objects=MemoryObjects())
    for row in rows:
        at = int(str(row["at"])) * HOUR
        told = {"at": at, "told": at + int(str(row["delay"])) * HOUR}
        fact = {name: value for name, value in row.items() if name not in ("delay", "op")}
        writer.write_rows([fact | told], op=str(row["op"]))


def labels_of(
    facts: pl.DataFrame, asked: Sequence[tuple[str, int]], horizon: int | None, now: int
) -> list[float | None]:
    """What the rule says, fact by fact."""
    found: list[float | None] = []
    rows = list(facts.iter_rows(named=True))
    for trip, at in asked:
        candidates = []
        for row in rows:
            same = [each for each in rows if (each["_id"], each["trip"]) == (row["_id"], trip)]
            came = min((each["_visible_from"] for each in same), default=0)
            stands = row["_visible_from"] <= now < row["_visible_to"] and row["trip"] == trip
            counts = True
            if horizon is not None:
                was_known = row["_event_time"] < at and came <= at
                counts = max(at + horizon, row["_visible_from"]) <= now
                counts &= not was_known and came <= at + horizon
            if stands and counts:
                candidates.append((row["_event_time"], row["number"], row["part"], row["late"]))
        if candidates:
            found.append(max(candidates, key=lambda fact: fact[:3])[3])
        else:
            found.append(None if horizon is None or at + horizon > now else 0.0)
    return [None if label is None else float(label) for label in found]


@pytest.mark.parametrize("horizon", [None, 3 * HOUR])
@settings(max_examples=40, deadline=None)
@example([(1, [outcome(10, 5, late=True)], [1]), (1, [outcome(9, 5, late=False)], [])])
@example([(1, [outcome(2, 5, late=True), outcome(1, 4, late=False)], [1])])
@example(
    [
        (1, [outcome(2, 5, late=False), outcome(1, 4, late=True)], [1]),
        (1, [outcome(2, 5, late=False, op="delete")], []),
    ]
)
@given(steps)
def test_training_set_and_monitor_give_one_label(
    horizon: int | None,
    steps: list[tuple[int, list[dict[str, object]], list[int]]],
) -> None:
    absence = (
        {} if horizon is None else {"missing": "negative", "horizon": format_duration(horizon)}
    )
    model = monitored_by(Label(TRUTH, col("late"), join_on="trip", **absence))  # type: ignore[arg-type]
    log, asked, now = SqliteLog(None), list[tuple[str, int]](), 0
    monitor = MonitorEvaluator(model, log=log)
    for length, rows, times in [*steps, (LAST, [], [])]:
        start, now = now, now + length * HOUR
        write_outcomes(log, start, rows)
        made = [("xy"[hour % 2], start + hour * HOUR // 13 * length) for hour in times]
        append_predictions(log, [at for _, at in made], [trip for trip, _ in made])
        asked += made
        monitor.evaluate(start, now)
        facts = read_source_rows(TRUTH, log=log, schema=SCHEMAS["truth"])
        expected = labels_of(facts, asked, horizon, now)
        scores, labels = monitor.memory.predictions.scores_and_labels()
        joined = dict(zip(scores.tolist(), labels.tolist(), strict=True))
        assert [joined.get(float(place)) for place in range(len(asked))] == expected
    spine = pl.DataFrame(
        {
            "trip": [trip for trip, _ in asked],
            "at": [at for _, at in asked],
            "_id": [str(place) for place in range(len(asked))],
        },
        schema={"trip": pl.String, "at": pl.Int64, "_id": pl.String},
    )
    always = {"_event_time": 0, "_visible_from": 0, "_visible_to": 2**63 - 1}
    asking = spine.with_columns(
        pl.col("at").cast(pl.Datetime("us", "UTC")), _history=True, **{
            name: pl.lit(value, dtype=pl.Int64) for name, value in always.items()
        }
    )  # fmt: skip
    tables = {"trips": asking, "truth": facts}
    history = HistoryReader.over(lambda source: tables[source.name])
    built = build_training_set(model.training_set, history, inputs={}, now=now)
    by_id = dict(built.frame.select("_id", pl.col("_label").cast(pl.Float64)).iter_rows())
    assert [by_id[str(place)] for place in range(len(asked))] == expected
    assert np.all([at is None or at <= now for at in built.frame["_label_known_at"]])
