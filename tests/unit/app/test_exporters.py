"""One door for every library's models."""

import subprocess
import sys

import lightgbm as lgb
import numpy as np
import pytest
from onnx import TensorProto, helper
from sklearn import linear_model
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mainspring.app.models.exporters import export_model
from mainspring.engines.onnx.errors import InputMismatch, InvalidModel, NoExporter
from mainspring.ports.models import EXPORTABLE, ExportedModel

X = np.arange(200.0).reshape(100, 2)


class Negation:
    """A model of nobody's library that brings its own graph."""

    def __init__(self, stamp="today", output="value"):
        self.stamp, self.output = stamp, output

    def to_onnx(self):
        tensors = [
            helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["rows", 2])
            for name in ("X", self.output)
        ]
        graph = helper.make_graph(
            [helper.make_node("Neg", ["X"], [self.output])], self.stamp, tensors[:1], tensors[1:]
        )
        return helper.make_model(
            graph,
            producer_name=self.stamp,
            opset_imports=[helper.make_opsetid("", 21)],
            ir_version=10,
        ).SerializeToString()


class Tuned(lgb.LGBMRegressor):
    """A user's own kind of a supported estimator."""


@pytest.mark.parametrize(
    "model",
    [
        lgb.LGBMRegressor(n_estimators=2, n_jobs=1, verbose=-1),
        Tuned(n_estimators=2, n_jobs=1, verbose=-1),
        LinearRegression(),
    ],
)
def test_a_library_is_known_by_the_ancestors_of_the_class(model):
    exported = export_model(model.fit(X, X[:, 0]), 2)
    assert isinstance(exported, ExportedModel)
    assert (exported.format, exported.output) == ("onnx", "value")


LINEAR = EXPORTABLE["sklearn"]
TRANSFORMERS = {
    "ColumnTransformer": ColumnTransformer([("all", StandardScaler(), [0, 1])]),
    "OneHotEncoder": OneHotEncoder(handle_unknown="ignore"),
    "SimpleImputer": SimpleImputer(),
    "StandardScaler": StandardScaler(),
}


@pytest.mark.parametrize("name", LINEAR.predictors)
def test_every_linear_model_that_is_said_to_be_exportable_is(name):
    model = getattr(linear_model, name)().fit(X, X[:, 0] > 100)
    assert export_model(model, 2).format == "onnx"


@pytest.mark.parametrize("name", LINEAR.transformers)
def test_every_transformer_that_is_said_to_be_exportable_is(name):
    model = make_pipeline(TRANSFORMERS[name], LinearRegression()).fit(X, X[:, 0])
    assert export_model(model, 2).format == "onnx"


def test_a_model_may_bring_its_own_graph_and_loses_its_stamps():
    assert export_model(Negation("monday"), 2) == export_model(Negation("friday"), 2)


def test_a_graph_for_other_columns_is_refused():
    with pytest.raises(InputMismatch, match=r"reads \(rows, 2\)"):
        export_model(Negation(), 3)


def test_a_graph_that_does_not_say_what_it_predicts_is_refused():
    with pytest.raises(InvalidModel, match="its output is named 'variable'"):
        export_model(Negation(output="variable"), 2)


def test_a_graph_that_cannot_be_loaded_is_refused():
    class Broken:
        def to_onnx(self):
            return b"broken"

    with pytest.raises(InvalidModel):
        export_model(Broken(), 2)


def test_an_unknown_model_is_refused_with_what_is_supported():
    with pytest.raises(NoExporter, match=r"no exporter for builtins\.dict; supported are LightGBM"):
        export_model({}, 2)


def test_exporting_does_not_import_libraries_that_the_model_is_not_of():
    program = (
        "import sys; from mainspring.app.models.exporters import export_model; "
        "print({'lightgbm', 'sklearn', 'onnxruntime', 'numpy'} & set(sys.modules))"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "set()"
    )
