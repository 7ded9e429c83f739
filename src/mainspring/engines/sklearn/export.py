"""A fitted linear scikit-learn model, or a pipeline that ends in one, as an ONNX graph in double
precision.

A matrix product sums in an order that depends on the number of rows, and vectorised exponentials on
a row's place; both would give one row other bits alone than in a batch.  So products are summed
column by column from the first feature to the last, and exponentials are powers of a constant, row
by row. Scores agree with scikit-learn's to rounding (its BLAS sums in another order), and are the
same bytes in every batch.
"""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from mainspring.engines.sklearn.errors import UnsupportedEstimator
from mainspring.ports.models import EXPORTABLE

__all__ = ["export_linear"]

_IR_VERSION, _OPSET = 10, 21


@dataclass
class _Draft:
    """A graph while it grows: `tip` is the tensor that the next step reads."""

    tip: str = "X"
    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)

    def then(self, operator: str, *inputs: str, to: str, **attributes: Any) -> None:
        """Append an operator and move the tip to its output."""
        self.nodes.append(helper.make_node(operator, list(inputs), [to], **attributes))
        self.tip = to

    def constant(self, name: str, value: object, dtype: type[np.generic] = np.float64) -> str:
        """A constant of the graph, by its name; doubles unless said otherwise."""
        self.constants.append(numpy_helper.from_array(np.array(value, dtype=dtype), name))
        return name


def export_linear(model: Any) -> bytes:
    """The canonical ONNX bytes of a fitted linear model or pipeline; input `X` and output as for
    boosters (`probability`, `probabilities` or `value`).

    Raises:
        UnsupportedEstimator: ENG-121, naming the step that has no graph.
    """
    *transformers, last = (
        [step for _, step in model.steps if step != "passthrough"]
        if _name(model) == "Pipeline"
        else [model]
    )
    draft = _Draft()
    for transformer in transformers:
        _write_transformer(draft, transformer)
    _require(last, known=EXPORTABLE["sklearn"].predictors)
    targets = _write_sum(draft, last)
    if _name(last) in _CLASSIFIERS:
        _write_probability(draft, targets)
    elif targets == 1:
        draft.then("Identity", "raw", to="value")
    else:
        raise UnsupportedEstimator(
            found=_name(last), reason=f"it predicts {targets} values per row"
        )
    graph = helper.make_graph(
        draft.nodes,
        "model",
        [
            helper.make_tensor_value_info(
                "X", TensorProto.DOUBLE, ["rows", int(model.n_features_in_)]
            )
        ],
        [helper.make_tensor_value_info(draft.tip, TensorProto.DOUBLE, ["rows", targets])],
        draft.constants,
    )
    onnx_model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
    )
    payload: bytes = onnx_model.SerializeToString(deterministic=True)
    return payload


def _name(estimator: object) -> str:
    """The estimator's class."""
    return type(estimator).__name__


def _require(estimator: Any, *, known: Collection[str]) -> None:
    """Refuse an estimator of another kind, or one that is not fitted."""
    if _name(estimator) not in known:
        raise UnsupportedEstimator(
            found=_name(estimator), reason=f"known here are {', '.join(known)}"
        )
    if not hasattr(estimator, "n_features_in_"):
        raise UnsupportedEstimator(found=_name(estimator), reason="it is not fitted")


def _write_transformer(draft: _Draft, transformer: Any) -> None:
    _require(transformer, known=EXPORTABLE["sklearn"].transformers)
    _TRANSFORMERS[_name(transformer)](draft, transformer)


def _write_imputer(draft: _Draft, imputer: Any) -> None:
    """NaN becomes the column's fitted statistic."""
    is_nan = isinstance(imputer.missing_values, float) and math.isnan(imputer.missing_values)
    if (
        not is_nan
        or imputer.add_indicator
        or np.isnan(imputer.statistics_.astype(np.float64)).any()
    ):
        raise UnsupportedEstimator(
            found=_name(imputer),
            reason="it looks for other values than NaN, adds indicators, or drops columns "
            "that were never seen",
        )
    statistics = draft.constant(f"statistics_{len(draft.nodes)}", imputer.statistics_)
    source, place = draft.tip, len(draft.nodes)
    draft.then("IsNaN", source, to=f"missing_{place}")
    draft.then("Where", draft.tip, statistics, source, to=f"imputed_{place}")


def _write_scaler(draft: _Draft, scaler: Any) -> None:
    """Centre and divide, each if the scaler does, in scikit-learn's order."""
    place = len(draft.nodes)
    if scaler.with_mean:
        draft.then(
            "Sub", draft.tip, draft.constant(f"mean_{place}", scaler.mean_), to=f"centred_{place}"
        )
    if scaler.with_std:
        draft.then(
            "Div", draft.tip, draft.constant(f"scale_{place}", scaler.scale_), to=f"scaled_{place}"
        )


def _write_columns(draft: _Draft, transformer: Any) -> None:
    """Each step on its own columns, and the results side by side, in the order of the steps."""
    source, parts = draft.tip, []
    every = np.arange(int(transformer.n_features_in_))
    for _, step, columns in transformer.transformers_:
        chosen = np.atleast_1d(every[columns])
        if not chosen.size or (isinstance(step, str) and step == "drop"):
            continue
        place = len(draft.nodes)
        indices = draft.constant(f"columns_{place}", chosen, np.int64)
        draft.then("Gather", source, indices, to=f"chosen_{place}", axis=1)
        if not _passes_on(step):
            _write_transformer(draft, step)
        parts.append(draft.tip)
    draft.then("Concat", *parts, to=f"joined_{len(draft.nodes)}", axis=1)


def _passes_on(step: Any) -> bool:
    """Whether a step gives its columns as they are: scikit-learn writes it in two ways."""
    if isinstance(step, str):
        return step == "passthrough"
    return _name(step) == "FunctionTransformer" and step.func is None


def _write_one_hot(draft: _Draft, encoder: Any) -> None:
    """A column for each category that was fitted: 1 where the code is that, else 0; so a category
    that was not fitted is zeros.
    """
    is_plain = encoder.drop is None and encoder.min_frequency is None
    if encoder.handle_unknown != "ignore" or not is_plain or encoder.max_categories is not None:
        raise UnsupportedEstimator(
            found=_name(encoder),
            reason="a category that was not fitted must be ignored (handle_unknown='ignore'), and "
            "none dropped or put together",
        )
    source, parts, first = draft.tip, [], len(draft.nodes)
    yes, no = draft.constant(f"yes_{first}", 1.0), draft.constant(f"no_{first}", 0.0)
    for index, categories in enumerate(encoder.categories_):
        place = len(draft.nodes)
        column = draft.constant(f"column_{place}", [index], np.int64)
        draft.then("Gather", source, column, to=f"code_{place}", axis=1)
        known = categories[~np.isnan(categories)]
        constant = draft.constant(f"known_{place}", [known])
        found: list[tuple[str, tuple[str, ...]]] = [("Equal", (f"code_{place}", constant))]
        found += [("IsNaN", (f"code_{place}",))] * (len(known) < len(categories))
        for operator, inputs in found:
            draft.then(operator, *inputs, to=f"is_{operator}_{place}")
            draft.then("Where", draft.tip, yes, no, to=f"{operator}_{place}")
            parts.append(draft.tip)
    draft.then("Concat", *parts, to=f"one_hot_{len(draft.nodes)}", axis=1)


def _write_sum(draft: _Draft, model: Any) -> int:
    """Coefficients times columns plus intercept, as tensor `raw` (rows, targets); the number of
    targets.
    """
    coefficients = np.atleast_2d(model.coef_)
    targets, features = coefficients.shape
    products = [f"product_{i}" for i in range(features)]
    draft.then("Unsqueeze", draft.tip, draft.constant("last_axis", [2], np.int64), to="columns")
    draft.then("Mul", "columns", draft.constant("coefficients", coefficients.T), to="products")
    draft.nodes.append(
        helper.make_node("Split", ["products"], products, axis=1, num_outputs=features)
    )
    draft.then("Sum", *products, to="sum")
    draft.then("Squeeze", "sum", draft.constant("feature_axis", [1], np.int64), to="total")
    draft.then(
        "Add",
        "total",
        draft.constant("intercept", np.broadcast_to(model.intercept_, (targets,))),
        to="raw",
    )
    return int(targets)


def _write_probability(draft: _Draft, targets: int) -> None:
    """The logistic function for one target, softmax for several."""
    if targets == 1:
        draft.then("Pow", draft.constant("sigmoid_base", math.exp(-1.0)), "raw", to="odds_against")
        draft.then("Add", "odds_against", draft.constant("one", 1.0), to="inverse")
        draft.then("Reciprocal", "inverse", to="probability")
        return
    classes = [f"class_{i}" for i in range(targets)]
    draft.then(
        "ReduceMax", "raw", draft.constant("class_axis", [1], np.int64), to="largest", keepdims=1
    )
    draft.then("Sub", "raw", "largest", to="distance")
    draft.then("Pow", draft.constant("e", math.e), "distance", to="weight")
    draft.nodes.append(helper.make_node("Split", ["weight"], classes, axis=1, num_outputs=targets))
    draft.then("Sum", *classes, to="weights")
    draft.then("Div", "weight", "weights", to="probabilities")


_TRANSFORMERS: dict[str, Callable[[_Draft, Any], None]] = {
    "ColumnTransformer": _write_columns,
    "OneHotEncoder": _write_one_hot,
    "SimpleImputer": _write_imputer,
    "StandardScaler": _write_scaler,
}
_CLASSIFIERS = ("LogisticRegression",)
