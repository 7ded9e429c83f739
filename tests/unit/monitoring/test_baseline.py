"""What is kept of the rows that a model was trained on."""

import numpy as np
import pytest

from mainspring.elements.errors import NewerFormat
from mainspring.elements.time import DAY
from mainspring.monitoring.baseline import (
    Baseline,
    HoldoutPredictions,
    make_baseline,
    parse_baseline,
    render_baseline,
)
from mainspring.monitoring.limits.source import IngestedRows

FORMAT_1 = (
    b'{"features":{"x":{"edges":[0.0,1.0],"counts":[0,9,0,1],"limit":0.08}},'
    b'"score":{"edges":[0.0,1.0],"counts":[0,10,0,0],"limit":0.0},'
    b'"label_rate":0.25,"label_change":null,"daily_auc":0.7}'
)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def made(labels, times, scores) -> Baseline:
    return make_baseline(
        labels.reshape(-1, 1),
        ["a"],
        times=times,
        labels=labels,
        holdout=HoldoutPredictions(scores, labels, times),
        ingested={"trips": IngestedRows(90, 10)},
    )


def test_a_baseline_of_release_0_1_is_read_and_its_limit_says_how_days_differ():
    column = parse_baseline(FORMAT_1).features["x"]
    assert column.spread(hours=False) == column.spread(hours=True) == 0.01


def test_a_baseline_that_an_older_release_would_misread_says_so(rng):
    payload = render_baseline(made((rng.random(400) < 0.3) * 1.0, np.arange(400), rng.random(400)))
    assert parse_baseline(payload).format_number == 2
    with pytest.raises(NewerFormat):
        parse_baseline(payload.replace(b'"record_format":2', b'"record_format":3'))


def test_it_keeps_how_many_rows_had_come(rng):
    baseline = made((rng.random(400) < 0.3) * 1.0, np.arange(400), rng.random(400))
    assert parse_baseline(render_baseline(baseline)).ingested == {"trips": IngestedRows(90, 10)}


def test_a_day_that_is_bad_for_everybody_does_not_flatter_the_daily_auc(rng):
    times = np.repeat(np.arange(2, dtype=np.int64) * DAY, 200)
    labels = (rng.random(400) < np.where(times == 0, 0.1, 0.9)).astype(np.float64)
    assert made(labels, times, times / DAY).daily_auc == 0.5


def test_labels_that_are_numbers_have_no_daily_auc(rng):
    baseline = made(rng.random(400), np.arange(400), rng.random(400))
    assert (baseline.daily_auc, baseline.daily_auc_error) == (None, 0.0)
