"""A fitted LightGBM model as an ONNX graph in double precision, with the booster's decisions and
sums bit for bit.

Same booster, same bytes, in any process: names are fixed, there are no stamps of time or producer,
and protobuf writes fields in their order. The input is `X`, (rows, features) double, NaN for
missing, categories as integer codes; the one output says by its name what it holds (`probability`,
`probabilities` or `value`), (rows, 1) or (rows, classes) double.

Measured against LightGBM 4.7 and ONNX Runtime 1.32: sums of leaves are equal bit for bit,
probabilities within 3e-16 (see `objective` for why not equal).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from mainspring.engines.lightgbm.dump import dump_faults
from mainspring.engines.lightgbm.ensemble import categorical_features, ensemble_faults, flatten
from mainspring.engines.lightgbm.errors import NotABooster, UnsupportedBooster
from mainspring.engines.lightgbm.objective import link_of
from mainspring.engines.lightgbm.text import parse_booster_text
from mainspring.engines.lightgbm.xgboost_json import parse_xgboost_json

__all__ = ["export_booster", "export_booster_text", "export_xgboost_json"]

# The oldest that carry what is used: TreeEnsemble came with ai.onnx.ml 5, Split's num_outputs with
# opset 18.
_IR_VERSION, _OPSET, _ML_OPSET = 10, 21, 5


def export_booster(model: object) -> bytes:
    """The canonical ONNX bytes of a `Booster` or of a fitted `LGBMClassifier`, `LGBMRegressor` or
    `LGBMRanker`.

    The trees are those that the model predicts with: up to its best iteration after early stopping.

    Raises:
        NotABooster: ENG-101, nothing fitted is inside.
        UnsupportedBooster: ENG-102, with all reasons, when a graph could not be exact.
    """
    return _render(_dump_of(model))


def export_booster_text(payload: bytes) -> bytes:
    """The same bytes, of a booster that LightGBM stored as text, read without LightGBM.

    Raises:
        UnsupportedBooster: ENG-102, with all reasons, also where the text cannot be read.
    """
    dump = parse_booster_text(payload)
    if faults := dump_faults(dump):
        raise UnsupportedBooster(faults="; ".join(faults))
    return _render(dump)


def export_xgboost_json(payload: bytes) -> bytes:
    """The ONNX bytes of a booster that XGBoost stored as JSON, read without XGBoost; its columns
    are rounded to single precision first, as XGBoost does.

    Raises:
        UnsupportedBooster: ENG-102, with all reasons, also where the JSON cannot be read.
    """
    dump = parse_xgboost_json(payload)
    if faults := dump_faults(dump):
        raise UnsupportedBooster(faults="; ".join(faults))
    return _render(dump, is_single=True)


def _render(dump: Mapping[str, Any], *, is_single: bool = False) -> bytes:
    graph = _graph(dump)
    if is_single:
        _round_columns(graph)
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
    payload: bytes = helper.make_model(
        graph, opset_imports=opsets, ir_version=_IR_VERSION
    ).SerializeToString(deterministic=True)
    return payload


def _dump_of(model: Any) -> Mapping[str, Any]:
    """What the booster says about itself; an estimator's booster stands in `booster_` once it is
    fitted.
    """
    # An unfitted estimator raises from `booster_`, with an exception of the product that is not
    # ours to import.
    booster: Any = (
        model
        if hasattr(model, "dump_model")
        else model.booster_
        if getattr(model, "fitted_", False)
        else None
    )
    if booster is None:
        raise NotABooster(found=type(model).__name__)
    dump: Mapping[str, Any] = booster.dump_model()
    if faults := dump_faults(dump):
        raise UnsupportedBooster(faults="; ".join(faults))
    return dump


def _graph(dump: Mapping[str, Any]) -> GraphProto:
    """Cut the categorical columns, sum the leaves, apply the link."""
    trees, targets, features = (
        dump["tree_info"],
        dump["num_tree_per_iteration"],
        dump["max_feature_idx"] + 1,
    )
    link = link_of(dump.get("objective", ""), classes=targets)
    faults = ensemble_faults(trees) + _model_faults(dump)
    if link is None:
        faults.append(f"objective {dump.get('objective') or 'custom'!r}")
    if faults or link is None:
        raise UnsupportedBooster(faults="; ".join(faults))
    categorical = categorical_features(trees)
    ensemble = flatten(
        trees, targets=targets, categorical={c: features + i for i, c in enumerate(categorical)}
    )
    cut, cut_constants = _cut_codes(categorical) if categorical else ([], [])
    return helper.make_graph(
        [*cut, ensemble.to_node("columns" if categorical else "X", targets=targets), *link.nodes],
        "model",
        [helper.make_tensor_value_info("X", TensorProto.DOUBLE, ["rows", features])],
        [helper.make_tensor_value_info(link.output, TensorProto.DOUBLE, ["rows", targets])],
        [*cut_constants, *link.constants, ensemble.to_shares()],
    )


def _round_columns(graph: GraphProto) -> None:
    """Have the trees read X rounded to single precision."""
    trees = next(node for node in graph.node if node.op_type == "TreeEnsemble")
    trees.input[0] = "rounded"
    single = helper.make_node("Cast", ["X"], ["single"], to=TensorProto.FLOAT)
    rounded = helper.make_node("Cast", ["single"], ["rounded"], to=TensorProto.DOUBLE)
    graph.node.insert(0, rounded)
    graph.node.insert(0, single)


def _cut_codes(categorical: list[int]) -> tuple[list[NodeProto], list[TensorProto]]:
    """Nodes that append the columns `categorical` of X, cut towards zero, and their constants."""
    # x - fmod(x, 1) cuts exactly; NaN and infinities become NaN, which is in no set.
    nodes = [
        helper.make_node("Gather", ["X", "categorical"], ["codes"], axis=1),
        helper.make_node("Mod", ["codes", "whole"], ["fraction"], fmod=1),
        helper.make_node("Sub", ["codes", "fraction"], ["whole_codes"]),
        helper.make_node("Concat", ["X", "whole_codes"], ["columns"], axis=1),
    ]
    return nodes, [
        numpy_helper.from_array(np.array(categorical, dtype=np.int64), "categorical"),
        numpy_helper.from_array(np.array(1.0), "whole"),
    ]


def _model_faults(dump: Mapping[str, Any]) -> list[str]:
    """What the booster as a whole does that a sum of trees cannot say."""
    faults = []
    if not dump["tree_info"]:
        faults.append("it has no trees")
    if dump.get("average_output"):
        faults.append("random forest mode (averaged output)")
    if dump.get("pandas_categorical"):
        faults.append("categories from a pandas frame (encode them as integer codes)")
    return faults
