"""Recomputing what was answered."""

from dataclasses import replace

import msgspec
import polars as pl
import pytest

from mainspring.elements.time import MINUTE
from mainspring.ports.errors import ObjectMissing
from mainspring.ports.placement import Placed
from mainspring.serving.inference_log import iter_predictions
from mainspring.serving.tracing.replay import ReplayOutcome, replay_predictions
from mainspring.sources.facts import read_source_rows
from tests.unit.features.history import TOPIC, landing, records_of


def told(predict, log, *rows):
    predict(*rows)
    return list(iter_predictions(log, "inference:dev:late"))


def test_facts_that_came_later_do_not_change_a_replay(predict, log, model, row):
    records = told(predict, log, row)
    log.append({TOPIC: records_of([landing(6, seen=9)])}, expected={})
    [replay] = replay_predictions(
        records, lambda _: model, lambda source: read_source_rows(source, log=log)
    )
    assert replay.outcome is ReplayOutcome.IDENTICAL


def test_history_imported_later_does_not_change_a_replay_although_it_claims_to_have_been_known(
    predict, log, model, row
):
    records = told(predict, log, row)
    log.append({TOPIC: records_of([landing(6, seen=6)])}, expected={})
    [replay] = replay_predictions(
        records, lambda _: model, lambda source: read_source_rows(source, log=log)
    )
    assert replay.outcome is ReplayOutcome.IDENTICAL


def test_a_changed_fact_shows_as_a_difference_with_both_values(predict, log, model, row):
    records = told(predict, log, row)
    fewer = read_source_rows(model.training_set.views[0].view.sources[0], log=log).filter(
        pl.col("_event_time") > 5 * MINUTE
    )
    [replay] = replay_predictions(records, lambda _: model, lambda _: fewer)
    assert (replay.outcome, replay.differing, replay.score) == (
        ReplayOutcome.DIFFERS,
        {"city__n__10m": (2, 1)},
        7.0,
    )


def test_a_score_within_the_tolerance_is_said_to_be_so(predict, log, model, row):
    [record] = told(predict, log, row)
    nearly = msgspec.structs.replace(record, score=record.score + 1e-12)
    [replay] = replay_predictions(
        [nearly], lambda _: model, lambda source: read_source_rows(source, log=log)
    )
    assert replay.outcome is ReplayOutcome.EQUAL_WITHIN_TOLERANCE


def answered_on_gpu(model, difference):
    """The model as it scores on a GPU: in other last bits."""

    class Scorer:
        placed = Placed(provider="cuda", declared="cuda")

        def predict(self, matrix):
            return model.scorer.predict(matrix) * (1 + difference)

    return replace(model, scorer=Scorer())


@pytest.mark.parametrize(
    ("difference", "outcome", "reproduced"),
    [
        (0.0, ReplayOutcome.IDENTICAL, True),
        (1e-12, ReplayOutcome.EQUAL_ON_ANOTHER_PROVIDER, True),
        (1e-6, ReplayOutcome.EQUAL_ON_ANOTHER_PROVIDER, True),
        (1e-3, ReplayOutcome.DIFFERS, False),
    ],
)
def test_an_answer_of_another_provider_is_compared_within_a_tolerance_that_is_told(
    predictor, log, model, row, difference, outcome, reproduced
):
    predictor.predict(
        answered_on_gpu(model, difference), [row], topic="inference:dev:late", map_version=1,
        actor="me",
    )  # fmt: skip
    [record] = iter_predictions(log, "inference:dev:late")
    [replay] = replay_predictions(
        [record], lambda _: model, lambda source: read_source_rows(source, log=log)
    )
    assert record.provider == "cuda"
    assert (replay.outcome, replay.outcome.is_reproduced) == (outcome, reproduced)
    if difference:
        assert replay.reason.endswith("answered on cuda, recomputed on cpu")


def test_another_feature_is_no_matter_of_the_provider(predictor, log, model, row):
    predictor.predict(
        answered_on_gpu(model, 0.0), [row], topic="inference:dev:late", map_version=1, actor="me"
    )
    [record] = iter_predictions(log, "inference:dev:late")
    fewer = read_source_rows(model.training_set.views[0].view.sources[0], log=log).filter(
        pl.col("_event_time") > 5 * MINUTE
    )
    [replay] = replay_predictions([record], lambda _: model, lambda _: fewer)
    assert replay.outcome is ReplayOutcome.DIFFERS


def test_a_model_that_is_gone_makes_a_replay_not_available(predict, log, row):
    def gone(record):
        raise ObjectMissing(digest=record.version)

    [replay] = replay_predictions(
        told(predict, log, row), gone, lambda source: read_source_rows(source, log=log)
    )
    assert (replay.outcome, replay.score) == (ReplayOutcome.NOT_AVAILABLE, None)
    assert replay.reason.startswith("ENG-002")


def test_replays_come_in_the_order_asked(predict, log, model, row):
    records = told(predict, log, row, row, row)[::-1]
    replays = replay_predictions(
        records, lambda _: model, lambda source: read_source_rows(source, log=log)
    )
    assert [replay.prediction for replay in replays] == [record.id for record in records]
