"""The process that trains: an order in, an answer out, nothing else on standard output."""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from mainspring.datasets.build import render_training_rows
from mainspring.datasets.card import FeatureColumn, TrainingSetCard
from mainspring.elements.identity import Digest
from mainspring.elements.schema import DType
from mainspring.engines.local.objects import FileObjects
from mainspring.training.errors import FitFailed
from mainspring.training.worker_protocol import TrainTask, parse_train_result, render_train_task

PROJECT = """
import lightgbm as lgb
import mainspring as ms
from mainspring import col

flights = ms.Source("flights", "flights.csv", id="id", event_time="at")
rows = ms.TrainingSet(
    "rows", spine=flights, prediction_time=col("at"), request=["delay"], label=ms.Label(flights,
    col("late"), join_on="id"), features=[],
    split=ms.split_by_time(train_from="2013-01-01", test_from="2013-02-01",
    test_until="2013-03-01"),
)

@ms.model(rows)
def late(train, run):
    import bounds
    print("a stray line")
    if len(train.y) < bounds.LEAST:
        raise ValueError("too few rows")
    shape = {"num_threads": 1, "verbosity": 1, "objective": "binary", "min_data_in_leaf": 5}
    return lgb.train(shape, lgb.Dataset(train.X, train.y), 3)
"""


@pytest.fixture
def order(tmp_path):
    delay = np.random.default_rng(1).normal(size=300)
    frame = pl.DataFrame(
        {
            "_id": [str(row) for row in range(300)],
            "_prediction_time": range(300),
            "_label": delay > 0,
            "_split": ["fit"] * 200 + ["test"] * 100,
            "delay": delay,
        }
    )
    digest = FileObjects(tmp_path / "objects").write(render_training_rows(frame))
    card = TrainingSetCard(
        name="rows",
        digest=digest,
        features=(FeatureColumn("delay", DType.FLOAT64, "request"),),
        request=("delay",),
        rows=300,
        fitted=200,
        tested=100,
        excluded={},
        tainted=(),
        assumed=(),
        history_share={},
        inputs={},
    )
    (tmp_path / "project.py").write_text(PROJECT)
    path = str(tmp_path / "project.py")
    return TrainTask(
        project=path,
        model="late",
        objects=str(tmp_path / "objects"),
        card=card,
        fingerprint=Digest("sha256:f"),
        code=Digest("sha256:c"),
    )


@pytest.fixture
def work(order, tmp_path):
    """Runs the worker on a project whose fit asks for at least so many rows."""

    def work(least):
        (tmp_path / "bounds.py").write_text(f"LEAST = {least}\n")
        return subprocess.run(
            [sys.executable, "-m", "mainspring.app.models.train_worker"],
            input=render_train_task(order),
            capture_output=True,
            check=True,
        )

    return work


def test_model_is_trained_and_its_objects_are_stored(work, tmp_path):
    done = work(least=1)
    trained = parse_train_result(done.stdout, model="late")
    assert FileObjects(tmp_path / "objects").exists(trained.artifact)
    assert trained.metrics["roc_auc"] > 0.9
    assert b"a stray line" in done.stderr


def test_fit_that_raises_is_told_with_the_users_line(work, order):
    with pytest.raises(FitFailed, match="too few rows") as caught:
        parse_train_result(work(least=1000).stdout, model="late")
    line = next(
        number for number, text in enumerate(PROJECT.splitlines(), 1) if "raise ValueError" in text
    )
    assert (caught.value.at.path, caught.value.at.line) == (order.project, line)
