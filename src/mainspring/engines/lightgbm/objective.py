"""Links: how each LightGBM objective turns the sum of its leaves into what the model predicts, as
ONNX nodes.

ONNX Runtime's `Sigmoid`, `Exp` and `Softmax` work on vectors and finish the remainder of an array
with other code, so a row's last bit depends on its place in the batch (measured: 14 % of rows under
`Exp`, 1 % under `Sigmoid`).  A prediction must be the same bytes alone and in a batch.  `Pow` with
a scalar base runs the C library's `pow` row by row, so every exponential here is a power of a
constant.  It costs at most some 1e-15 relative to LightGBM's `exp`. `ReduceSum` has the same
defect, `Sum` over split columns has not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

__all__ = ["Link", "link_of"]

_MAX_COEFFICIENT = 700.0


@dataclass(frozen=True)
class Link:
    """The last part of a graph: nodes from the tensor `raw` (rows, targets) to the tensor named
    `output`, and the constants that they use.
    """

    output: str
    nodes: Sequence[NodeProto]
    constants: Sequence[TensorProto]


def link_of(objective: str, *, classes: int) -> Link | None:
    """The link of an objective as LightGBM writes it (`binary sigmoid:1`), or None when it is not
    known to be exact.

    Args:
        objective: name and parameters, separated by spaces.
        classes: columns of `raw`.

    The output is named `probability` (of the positive class), `probabilities` (of each class) or
    `value`.
    """
    name, *parameters = objective.split(" ")
    coefficient = next(
        (_number(p.removeprefix("sigmoid:")) for p in parameters if p.startswith("sigmoid:")), 1.0
    )
    if coefficient is None:
        return None
    match name:
        case _ if "sqrt" in parameters:
            return _squared()
        case "binary" | "multiclassova" | "cross_entropy":
            return _sigmoid(coefficient, output="probability" if classes == 1 else "probabilities")
        case "multiclass":
            return _softmax(classes)
        case "poisson" | "gamma" | "tweedie":
            return _exponential()
        case (
            "regression"
            | "regression_l1"
            | "huber"
            | "fair"
            | "quantile"
            | "mape"
            | "lambdarank"
            | "rank_xendcg"
        ):
            return _as_it_is()
    return None


def _number(text: str) -> float | None:
    """A finite positive number, or None; of a size whose exponential is a number as well."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if 0.0 < found < _MAX_COEFFICIENT else None


def _sigmoid(coefficient: float, *, output: str) -> Link:
    """`1 / (1 + exp(-coefficient · raw))`, each column by itself."""
    nodes = [
        helper.make_node("Pow", ["sigmoid_base", "raw"], ["odds_against"]),
        helper.make_node("Add", ["odds_against", "one"], ["inverse"]),
        helper.make_node("Reciprocal", ["inverse"], [output]),
    ]
    return Link(
        output, nodes, [_constant("sigmoid_base", math.exp(-coefficient)), _constant("one", 1.0)]
    )


def _softmax(classes: int) -> Link:
    """Exponentials of the distance to the row's largest, divided by their sum from the first class
    to the last.
    """
    columns = [f"class_{i}" for i in range(classes)]
    nodes = [
        helper.make_node("ReduceMax", ["raw", "last_axis"], ["largest"], keepdims=1),
        helper.make_node("Sub", ["raw", "largest"], ["distance"]),
        helper.make_node("Pow", ["e", "distance"], ["weight"]),
        helper.make_node("Split", ["weight"], columns, axis=1, num_outputs=classes),
        helper.make_node("Sum", columns, ["total"]),
        helper.make_node("Div", ["weight", "total"], ["probabilities"]),
    ]
    return Link(
        "probabilities",
        nodes,
        [
            _constant("e", math.e),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "last_axis"),
        ],
    )


def _exponential() -> Link:
    """`exp(raw)`: counts and amounts that cannot be negative."""
    return Link(
        "value", [helper.make_node("Pow", ["e", "raw"], ["value"])], [_constant("e", math.e)]
    )


def _squared() -> Link:
    """`raw · |raw|`: undoes `reg_sqrt`, which trains on the signed root of the label."""
    return Link(
        "value",
        [
            helper.make_node("Abs", ["raw"], ["size"]),
            helper.make_node("Mul", ["raw", "size"], ["value"]),
        ],
        [],
    )


def _as_it_is() -> Link:
    """The sum of the leaves is the prediction; a rank's has no unit and only orders rows."""
    return Link("value", [helper.make_node("Identity", ["raw"], ["value"])], [])


def _constant(name: str, value: float) -> TensorProto:
    """A double scalar."""
    return numpy_helper.from_array(np.array(value, dtype=np.float64), name)
