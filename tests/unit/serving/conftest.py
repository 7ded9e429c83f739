"""A served model over one feature view and one on-demand view, in memory; it scores by adding its
features up.
"""

import threading

import numpy as np
import polars as pl
import pytest

from mainspring.datasets.build import CompiledTrainingSet
from mainspring.datasets.encoding import learn_encoding
from mainspring.datasets.spec import Label, Split, TrainingSet
from mainspring.elements.expression import col, minutes
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import MINUTE
from mainspring.features.spec import OnDemandFeatureView
from mainspring.ports.placement import Placed
from mainspring.serving.api import ServingApi
from mainspring.serving.errors import NotExplainable, PredictionUnknown
from mainspring.serving.host import EndpointHost, ServedEnvironment
from mainspring.serving.predict import Predictor, compile_served_model
from mainspring.serving.served_endpoint import ServedEndpoint
from mainspring.sources.spec import Source
from mainspring.testing import FrozenClock, SeededIds
from tests.unit.features.history import folded, landing, log_of, windowed

SCHEMA = Schema.of(trip=DType.STRING, at=DType.TIMESTAMP, city=DType.STRING, bags=DType.INT64)


class Adder:
    """A scorer: the sum of a row, a missing value counting as nothing."""

    score_shape, placed = (-1,), Placed()

    def __init__(self, width, datatype="FP64"):
        self.feature_count, self.datatype = width, datatype

    def predict(self, matrix):
        return np.nansum(matrix, axis=1)


class Linear(Adder):
    """A scorer that cannot take missing values, as linear models cannot."""

    def predict(self, matrix):
        with np.errstate(over="ignore"):
            return np.sum(matrix, axis=1)


def explainer_of(version):
    """Of no version here is known how its rows were divided."""
    raise NotExplainable(version=version, reason="it has no trees")


@pytest.fixture
def model():
    asked = Source("trips", id="trip", event_time="at")
    view, form = windowed(), OnDemandFeatureView("form", features={"double": col("bags") * 2})
    split, label = (
        Split(0, 1, 2),
        Label(Source("truth", id="trip", event_time="at"), col("late"), join_on="trip"),
    )
    spec = TrainingSet(
        "trips",
        spine=asked,
        prediction_time=col("at") - minutes(60),
        request=["city", "bags", "at"],
        label=label,
        features=[form, view.view],
        split=split,
    )
    rows = pl.DataFrame({"double": [1], "city__n__10m": [1]})
    training_set = CompiledTrainingSet(
        spec,
        (view,),
        {
            "trips": SCHEMA,
            "truth": Schema.of(trip=DType.STRING, at=DType.TIMESTAMP, late=DType.BOOLEAN),
        },
    )
    return compile_served_model(
        "sha256:" + "5" * 64,
        "late v1",
        training_set,
        encoding=learn_encoding(rows, rows.columns),
        scorer=Adder(2),
    )


@pytest.fixture
def clock():
    return FrozenClock(8 * MINUTE)


@pytest.fixture
def log():
    return log_of([landing(5), landing(7)])


@pytest.fixture
def predictor(model, log, clock):
    return Predictor(folded(model.training_set.views[0], log), log, clock, SeededIds(0))


@pytest.fixture
def predict(predictor, model):
    return lambda *rows: predictor.predict(
        model, rows, topic="inference:dev:late", map_version=3, actor="person:ada"
    )


@pytest.fixture
def row():
    return {"city": "JFK", "bags": 3, "at": "1970-01-01T01:08:00Z", "trip": "t1"}


def unknown(prediction):
    raise PredictionUnknown(prediction=prediction)


@pytest.fixture
def served(model):
    late = ServedEndpoint(name="late", topic="inference:dev:late", current=model)
    return ServedEnvironment(environment="dev", version=4, endpoints={"late": late})


@pytest.fixture
def api_of(predictor, clock):
    """The routes over an environment, and what they observed."""

    def api_of(
        served, replay=unknown, require_stores=lambda: None, predictor=predictor, gather_s=0.0
    ):
        host = EndpointHost(
            lambda _: served,
            predictor,
            environment="dev",
            clock=clock,
            ids=SeededIds(1),
            explainer_of=explainer_of,
        )
        host.refresh()
        observed = []
        api = ServingApi(
            host,
            replay=replay,
            version="9",
            require_ready=require_stores,
            observe=lambda *args: observed.append(args),
            draining=threading.Event(),
            gather_s=gather_s,
        )
        return api, observed

    return api_of


@pytest.fixture
def api(api_of, served):
    return api_of(served)[0]
