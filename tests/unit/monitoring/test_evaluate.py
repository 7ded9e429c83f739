"""A monitor, evaluated on one window after another."""

from dataclasses import replace

import msgspec
import numpy as np
import polars as pl
import pytest

from mainspring.elements.time import DAY, HOUR, MINUTE
from mainspring.monitoring.baseline import HoldoutPredictions, make_baseline
from mainspring.monitoring.evaluate import MonitoredModel, MonitorEvaluator
from mainspring.monitoring.limits.source import IngestedRows
from mainspring.sources.topic import quarantine_topic_of, topic_of
from tests.unit.monitoring.monitored import append_labels, append_refused, monitored_model
from tests.unit.serving.conftest import clock, log, model, predictor, row

__all__ = ["clock", "log", "model", "predictor", "row"]

TOPIC = "inference:dev:late"


@pytest.fixture
def evaluator(model, log):
    """Of a model that was trained on bags between nought and nine."""
    rng = np.random.default_rng(7)
    matrix = np.column_stack([rng.integers(0, 10, 1000) * 2.0, rng.integers(0, 3, 1000)])
    times = np.repeat(np.arange(5), 200) * 24 * HOUR
    labels = rng.random(1000)
    baseline = make_baseline(
        matrix,
        model.encoding.names,
        times=times,
        labels=labels,
        holdout=HoldoutPredictions(matrix.sum(axis=1), labels, times),
        ingested={},
    )
    monitored = MonitoredModel(
        monitor="late-monitor",
        sensitivity=1.4,
        version=model.version,
        topic=TOPIC,
        training_set=model.training_set,
        encoding=model.encoding,
        baseline=baseline,
    )
    return MonitorEvaluator(monitored, log=log)


@pytest.fixture
def evaluate(evaluator):
    """The report of a window."""
    return lambda start, end: evaluator.evaluate(start, end).report


@pytest.fixture
def ask(predictor, model, row):
    """Asks about trips t0, t1, … with so many bags each."""

    def ask(*bags):
        rows = [row | {"trip": f"t{place}", "bags": number} for place, number in enumerate(bags)]
        return predictor.predict(model, rows, topic=TOPIC, map_version=1, actor="person:ada")

    return ask


@pytest.fixture
def learn(log):
    """The labels of so many trips arrive."""

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


def test_a_window_holds_the_predictions_before_its_end(evaluate, ask, clock):
    ask(1, 2)
    clock.advance(HOUR)
    ask(3)
    assert [evaluate(0, HOUR).predictions, evaluate(HOUR, 2 * HOUR).predictions] == [2, 1]


def test_a_window_of_another_schedule_reads_again_what_lies_before_the_last_end(
    evaluate, ask, clock
):
    ask(1, 2)
    assert [evaluate(0, HOUR).predictions, evaluate(0, DAY).predictions] == [2, 2]
    assert evaluate(DAY, 2 * DAY).predictions == 0


def test_drift_of_features_and_scores_is_found(evaluate, ask):
    ask(*[600] * 60)
    assert {"feature_drift", "score_drift"} <= {
        finding.kind for finding in evaluate(0, HOUR).findings
    }


def test_labels_that_come_later_are_joined_to_predictions(evaluator, evaluate, ask, learn):
    ask(*[1] * 60)
    assert evaluate(0, HOUR).labelled == 0
    learn(55)
    [day] = evaluator.labelled_days(HOUR)
    assert (day.rows, round(day.label_rate, 3)) == (55, 0.509)


def test_a_label_that_was_taken_back_is_no_label(evaluator, evaluate, ask, learn):
    ask(*[1] * 60)
    learn(60)
    assert evaluate(0, HOUR).latest_labelled.rows == 60
    learn(9, "retract")
    assert evaluate(HOUR, 2 * HOUR).latest_labelled.rows == 51


def test_an_evaluator_that_starts_at_the_head_leaves_out_what_was_there(
    evaluator, evaluate, ask, learn
):
    ask(1, 2)
    learn(2)
    evaluator.start_at_head()
    ask(3)
    assert evaluate(0, HOUR).predictions == 1
    scores, _ = evaluator.scores_and_labels(HOUR)
    assert len(scores) == 0


def test_rows_that_broke_the_contract_are_counted_once(evaluator, evaluate, log):
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
    assert [finding.subject for finding in evaluate(0, HOUR).findings] == ["truth type:late"]
    assert evaluate(HOUR, 2 * HOUR).findings == ()


def test_rows_imported_as_history_are_no_matter_of_the_window(evaluator, evaluate, log):
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
    assert evaluate(0, HOUR).findings == ()


def test_a_label_that_was_there_before_the_prediction_is_joined(evaluate, ask, learn):
    learn(60)
    assert evaluate(0, MINUTE).predictions == 0
    ask(*[1] * 60)
    assert evaluate(MINUTE, HOUR).latest_labelled.rows == 60


def test_predictions_that_the_log_forgot_are_compared_no_more(evaluate, ask, learn, log):
    ask(*[1] * 60)
    learn(60)
    assert evaluate(0, HOUR).latest_labelled.rows == 60
    log.trim(TOPIC, log.head(TOPIC))
    assert evaluate(HOUR, 2 * HOUR).latest_labelled is None


def test_what_is_120_days_old_is_forgotten(evaluate, ask, learn):
    ask(*[1] * 60)
    learn(60)
    assert evaluate(0, 120 * DAY).latest_labelled.rows == 60
    assert evaluate(120 * DAY, 121 * DAY).latest_labelled is None


def test_sixty_rows_of_what_the_model_was_trained_on_raise_nothing(evaluate, ask):
    rng = np.random.default_rng(3)
    ask(*rng.integers(0, 10, 60).tolist())
    report = evaluate(0, DAY)
    assert [f for f in report.findings if f.subject == "double"] == []
    assert "double" in report.judged["feature_drift"]


def test_what_was_not_judged_is_in_the_report(evaluate, ask):
    ask(*[1] * 12)
    report = evaluate(0, HOUR)
    assert report.judged == {}
    assert [each.words for each in report.unjudged if each.kind == "score_drift"] == [
        "score_drift of score: 12 rows, 20 needed"
    ]
    kinds = {each.kind for each in report.unjudged}
    assert kinds == {"feature_drift", "score_drift", "data_quality", "label_rate", "performance"}


def monitored_with(ingested: dict[str, IngestedRows] | msgspec.UnsetType) -> MonitoredModel:
    """A monitored model whose baseline was made when so many rows had come."""
    monitored = monitored_model()
    baseline = msgspec.structs.replace(monitored.baseline, ingested=ingested)
    return replace(monitored, baseline=baseline)


def quality(log, ingested: dict[str, IngestedRows] | msgspec.UnsetType, refused: int) -> list[str]:
    """What is found when so many of 300 rows are refused."""
    late = {f"t{row}": True for row in range(300 - refused)}
    append_labels(log, late, at=8 * MINUTE)
    append_refused(log, refused, at=8 * MINUTE)
    report = MonitorEvaluator(monitored_with(ingested), log=log).evaluate(0, HOUR).report
    return [f.subject for f in report.findings if f.kind == "data_quality"]


USUAL = {"truth": IngestedRows(17_100, 900)}


@pytest.mark.parametrize(("refused", "found"), [(15, []), (150, ["truth type:late"])])
def test_trouble_that_the_baseline_knows_is_no_news(log, refused, found):
    assert quality(log, USUAL, refused) == found


def test_the_same_trouble_is_news_where_there_was_none(log):
    assert quality(log, {"truth": IngestedRows(18_000, 0)}, 15) == ["truth type:late"]


def test_where_a_baseline_of_release_0_1_knows_of_no_rows_those_before_the_window_are_usual(log):
    append_refused(log, 50, at=-DAY)
    append_labels(log, {f"old{row}": True for row in range(50)}, at=-DAY)
    assert quality(log, msgspec.UNSET, 150) == []
