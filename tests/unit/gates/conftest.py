"""Predictions to judge, a version that they belong to, and keys to sign with."""

import numpy as np
import polars as pl
import pytest

from mainspring.datasets.card import FeatureColumn, TrainingSetCard
from mainspring.datasets.predictions import Predictions
from mainspring.elements.events import Actor, ProjectName
from mainspring.elements.identity import Digest, digest_of
from mainspring.elements.schema import DType
from mainspring.gates.check.beats_champion import Contender
from mainspring.registry.version import ExportCheck, FitEnvironment, ModelManifest, make_version


def digest(name):
    """A digest of its own for every name."""
    return digest_of(name.encode())


@pytest.fixture
def predictions():
    """Makes predictions of a skill (0 knows nothing) with the first rows, in two carriers."""

    def predictions(skill=1.0, rows=2000, *, noise=11, start=0):
        drawn = np.random.default_rng(5)
        truth = drawn.normal(size=4000)
        label = (truth + drawn.normal(size=4000) > 0).astype(float)
        blur = np.random.default_rng(noise).normal(size=4000)
        score = 1 / (1 + np.exp(-(skill * truth + 0.1 * blur)))
        carrier = np.where(np.arange(4000) % 4 == 0, "AA", "UA")
        frame = pl.DataFrame(
            {
                "_id": np.arange(4000).astype(str),
                "_prediction_time": np.arange(4000),
                "_label": label,
                "_score": score,
                "carrier": carrier,
            }
        )
        return Predictions(frame[start : start + rows])

    return predictions


@pytest.fixture
def contender(predictions):
    """Makes one side of a comparison."""
    return lambda name, *args, **options: Contender(
        digest(name), digest(f"artifact of {name}"), predictions(*args, **options), 0.5
    )


@pytest.fixture
def card():
    """Makes a card, tainted or not."""

    def card(tainted=(), assumed=()):
        return TrainingSetCard(
            name="flights",
            digest=digest("rows"),
            features=(FeatureColumn("delay", DType.FLOAT64, "delays"),),
            request=("carrier",),
            rows=10,
            fitted=5,
            tested=5,
            excluded={},
            tainted=tainted,
            assumed=assumed,
            history_share={},
            inputs={},
        )

    return card


@pytest.fixture
def version():
    manifest = ModelManifest(
        model="late_arrival",
        fingerprint=digest("definition"),
        code=digest("code"),
        artifact=digest("artifact"),
        format="onnx",
        output="probability",
        encoding=digest("encoding"),
        training_set=digest("rows"),
        definition=digest("training set"),
        card=digest("card"),
        predictions=digest("predictions"),
        environment=FitEnvironment("3.11", "Linux", "x86_64", {}),
        seed=0,
        params={},
        metrics={"roc_auc": 0.76},
        base_rate=0.24,
        fitted=5,
        tested=5,
        feature_auc={},
        export=ExportCheck(5, 0, 0.0),
    )
    return make_version(
        manifest,
        ordinal=3,
        project=ProjectName("flights"),
        author=Actor("person:ada"),
        registered_at=0,
        reason="",
    )


@pytest.fixture
def policy():
    return Digest(digest("policy"))
