"""A monitor at work, window after window."""

import numpy as np
import polars as pl
import pytest

from mainspring.elements.events import ProjectName
from mainspring.elements.time import HOUR, MINUTE
from mainspring.engines.local.state import SqliteState
from mainspring.monitoring.baseline import JudgedPredictions, make_baseline
from mainspring.monitoring.spec import Monitor
from mainspring.monitoring.watch import MonitoredModel, MonitorEvaluator
from mainspring.sources.topic import quarantine_topic_of, topic_of
from mainspring.training.spec import Model
from tests.unit.serving.conftest import clock, log, model, predictor, row

__all__ = ["clock", "log", "model", "predictor", "row"]

TOPIC = "inference:dev:late"


def late_arrival(train, run):
    return None


@pytest.fixture
def state(clock):
    return SqliteState(None, ProjectName("trips"), clock=clock)


@pytest.fixture
def watcher(model, log, state):
    """Watches a model that was taught on bags between nought and nine."""
    rng = np.random.default_rng(7)
    matrix = np.column_stack([rng.integers(0, 10, 1000) * 2.0, rng.integers(0, 3, 1000)])
    times = np.repeat(np.arange(5), 200) * 24 * HOUR
    labels = rng.random(1000)
    baseline = make_baseline(
        matrix,
        model.encoding.names,
        times=times,
        labels=labels,
        judged=JudgedPredictions(matrix.sum(axis=1), labels, times),
    )
    monitor = Monitor(Model(late_arrival, model.training_set.spec, seed=0))
    watched = MonitoredModel(
        monitor=monitor,
        version=model.version,
        topic=TOPIC,
        training_set=model.training_set,
        encoding=model.encoding,
        baseline=baseline,
    )
    return MonitorEvaluator(
        watched, log=log, state=state, project=ProjectName("trips"), environment="dev"
    )


@pytest.fixture
def ask(predictor, model, row):
    """Asks about trips t0, t1, … with so many bags each."""

    def ask(*bags):
        rows = [row | {"trip": f"t{place}", "bags": number} for place, number in enumerate(bags)]
        return predictor.predict(model, rows, topic=TOPIC, map_version=1, actor="person:ada")

    return ask


@pytest.fixture
def learn(log):
    """The truth about so many trips arrives."""

    def learn(count, operation="insert"):
        trips = [f"t{place}" for place in range(count)]
        frame = pl.DataFrame(
            {"_id": trips, "trip": trips, "late": [place % 2 == 0 for place in range(count)]}
        )
        times = {
            name: pl.lit(0, dtype=pl.Int64)
            for name in ("_event_time", "_known_at", "_appended_at", "_visible_at")
        }
        envelope = {
            "_content": pl.lit(b"0" * 16),
            "_op": pl.lit(operation),
            "_history": pl.lit(False),
        }
        log.append({topic_of("truth"): frame.with_columns(**times, **envelope)}, expected={})

    return learn


def test_a_window_holds_the_predictions_before_its_end(watcher, ask, clock):
    ask(1, 2)
    clock.advance(HOUR)
    ask(3)
    assert [watcher.watch(0, HOUR).predictions, watcher.watch(HOUR, 2 * HOUR).predictions] == [2, 1]


def test_drift_opens_an_incident_that_the_state_and_the_journal_tell(watcher, ask, state):
    ask(*[600] * 60)
    found = {finding.kind for finding in watcher.watch(0, HOUR).findings}
    assert {"feature_drift", "score_drift"} <= found
    assert [recorded.event.kind for recorded in state.iter_events(kind="incident.")] == [
        "incident.opened"
    ] * 2
    assert len(list(state.iter_documents("incident", "dev/late_arrival-monitor/"))) == 2


def test_labels_that_come_later_are_joined_to_what_was_said(watcher, ask, learn):
    ask(*[1] * 60)
    assert watcher.watch(0, HOUR).labelled == 0
    learn(55)
    [day] = watcher.labelled_days(HOUR)
    assert (day.rows, round(day.label_rate, 3)) == (55, 0.509)


def test_a_label_that_was_taken_back_is_no_label(watcher, ask, learn):
    ask(*[1] * 60)
    learn(60)
    assert watcher.watch(0, HOUR).latest_labelled.rows == 60
    learn(9, "retract")
    assert watcher.watch(HOUR, 2 * HOUR).latest_labelled.rows == 51


def test_a_watcher_that_starts_at_the_head_leaves_out_what_was_there(watcher, ask, learn):
    ask(1, 2)
    learn(2)
    watcher.start_at_head()
    ask(3)
    assert watcher.watch(0, HOUR).predictions == 1
    scores, _ = watcher.judged()
    assert len(scores) == 0


def test_rows_that_broke_the_contract_are_counted_once(watcher, log):
    refused = pl.DataFrame(
        {
            "_id": [str(n) for n in range(60)],
            "reason": ["type:late"] * 60,
            "_op": "insert",
            "_visible_at": 8 * MINUTE,
        }
    )
    envelope = {
        "_content": pl.lit(b"0" * 16),
        "_appended_at": pl.lit(8 * MINUTE),
        "_history": pl.lit(False),
    }
    log.append({quarantine_topic_of("truth"): refused.with_columns(**envelope)}, expected={})
    assert [finding.subject for finding in watcher.watch(0, HOUR).findings] == ["truth type:late"]
    assert watcher.watch(HOUR, 2 * HOUR).findings == ()


def test_rows_imported_as_history_are_no_matter_of_the_window(watcher, log):
    refused = pl.DataFrame(
        {
            "_id": [str(n) for n in range(60)],
            "reason": ["type:late"] * 60,
            "_op": "insert",
            "_visible_at": 8 * MINUTE,
        }
    )
    envelope = {
        "_content": pl.lit(b"0" * 16),
        "_appended_at": pl.lit(8 * MINUTE),
        "_history": pl.lit(True),
    }
    log.append({quarantine_topic_of("truth"): refused.with_columns(**envelope)}, expected={})
    assert watcher.watch(0, HOUR).findings == ()


def test_a_new_watcher_goes_on_with_the_incidents_that_are_open(watcher, ask, state):
    ask(*[600] * 60)
    watcher.watch(0, HOUR)
    again = MonitorEvaluator(
        watcher._watched,
        log=watcher._log,
        state=state,
        project=ProjectName("trips"),
        environment="dev",
    )
    again.watch(0, HOUR)
    assert len(list(state.iter_documents("incident", "dev/"))) == 2
