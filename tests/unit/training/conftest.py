"""A small training set, and the backend to fit on it."""

import numpy as np
import polars as pl
import pytest

import mainspring.training.spec as training
from mainspring.app.models.exporters import export_model
from mainspring.app.models.scorers import OnnxScorerLoader
from mainspring.datasets.build import render_training_rows
from mainspring.datasets.card import FeatureColumn, TrainingSetCard
from mainspring.datasets.spec import Label, TrainingSet, split_by_time
from mainspring.elements.expression.build import col
from mainspring.elements.identity import Digest, digest_of
from mainspring.elements.schema import DType
from mainspring.engines.local.objects import MemoryObjects
from mainspring.sources.spec import Source
from mainspring.training.fit import TrainingBackend, fit_and_export

ROWS = 400


@pytest.fixture
def frame():
    rng = np.random.default_rng(7)
    delay = rng.normal(size=ROWS)
    return pl.DataFrame(
        {
            "_id": [f"f{row}" for row in range(ROWS)],
            "_prediction_time": np.arange(ROWS),
            "_label": delay + rng.normal(size=ROWS) > 0.5,
            "_label_known_at": np.arange(ROWS) + 1,
            "_split": ["fit"] * 250 + ["test"] * 149 + [""],
            "carrier": rng.choice(["AA", "UA", "B6"], ROWS),
            "delay": delay,
        }
    )


@pytest.fixture
def card(frame):
    return TrainingSetCard(
        name="flights",
        digest=digest_of(render_training_rows(frame)),
        features=(
            FeatureColumn("carrier", DType.STRING, "schedule"),
            FeatureColumn("delay", DType.FLOAT64, "delays"),
        ),
        request=("carrier",),
        rows=ROWS,
        fitted=250,
        tested=149,
        excluded={"outside the split": 1},
        tainted=(),
        assumed=(),
        history_share={},
        inputs={},
    )


@pytest.fixture
def objects():
    return MemoryObjects()


@pytest.fixture
def declared():
    """Declares a fit function as a model."""
    source = Source("flights", id="id", event_time="at")
    split = split_by_time(train_from="2013-01-01", test_from="2013-02-01", test_until="2013-03-01")
    rows = TrainingSet(
        "flights",
        spine=source,
        prediction_time=col("at"),
        request=["carrier"],
        label=Label(source, col("late"), join_on="id"),
        features=[],
        split=split,
    )
    return lambda fit: training.Model(fit, rows, seed=3)


@pytest.fixture
def fitted(frame, card, objects, declared):
    """Fits a function on the rows; `change` changes them before."""

    def fit(function, change=lambda rows: rows):
        backend = TrainingBackend(objects=objects, export=export_model, scorers=OnnxScorerLoader())
        return fit_and_export(
            declared(function),
            change(frame),
            card,
            backend=backend,
            fingerprint=Digest("sha256:f"),
            code=Digest("sha256:c"),
        )

    return fit
