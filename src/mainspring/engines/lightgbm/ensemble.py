"""The trees of a booster's dump as the flat arrays of ONNX's `TreeEnsemble`.

Decisions follow LightGBM's own code (`Tree::NumericalDecision`, `Tree::CategoricalDecision`):

- numerical: left when `x <= threshold`.  NaN goes the default way where the node learnt one
  (`missing_type` NaN), and counts as 0.0 where it did not. A threshold of infinity parts missing
  from present; the dump cuts it to 1e300, which would send an infinite x the wrong way, so it is
  made whole again.
- categorical: the code is `x` cut towards zero; left when it is in the node's set.  NaN, negative
  and unseen codes go right.

ONNX Runtime reads a small set as a bit mask of the code and a set with codes of 64 and more as
equalities of the double, so 3.7 is a member of {3, 70} but not of {3}.  The graph therefore appends
the categorical columns cut to whole numbers, and set nodes read those (`categorical` maps the
column). Sets rewritten as chains of `<=` would avoid the extra columns, but a chain shares its
subtrees and the format copies whatever is shared.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

__all__ = ["SHARES_LEFT", "Ensemble", "categorical_features", "ensemble_faults", "flatten"]

_LESS_OR_EQUAL, _MEMBER = 0, 6
_SUM, _NO_TRANSFORM = 1, 0
_END_OF_SET = float("nan")
_CUT_INFINITY = 1e300


SHARES_LEFT = "shares_left"
"""The constant of a graph that says of each node which share of its training rows went left.  No
operator reads it; explanations do.  The format's own place for it, `nodes_hitrates`, is of floats.
"""


@dataclass
class Ensemble:
    """The attributes of one `TreeEnsemble`, filled tree by tree; places in `nodes_*` are places in
    these lists.
    """

    features: list[int] = field(default_factory=list)
    modes: list[int] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)
    nan_goes_left: list[int] = field(default_factory=list)
    shares_left: list[float] = field(default_factory=list)
    children: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    is_leaf: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    members: list[float] = field(default_factory=list)
    leaf_values: list[float] = field(default_factory=list)
    leaf_targets: list[int] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)

    def to_node(self, source: str, *, targets: int) -> NodeProto:
        """The operator that reads tensor `source` and writes the sums of leaves to `raw`, (rows,
        targets) double.
        """
        attributes: dict[str, Any] = {
            "aggregate_function": _SUM,
            "leaf_targetids": self.leaf_targets,
            "leaf_weights": numpy_helper.from_array(np.array(self.leaf_values, dtype=np.float64)),
            "n_targets": targets,
            "nodes_falseleafs": self.is_leaf[1],
            "nodes_falsenodeids": self.children[1],
            "nodes_featureids": self.features,
            "nodes_missing_value_tracks_true": self.nan_goes_left,
            "nodes_modes": numpy_helper.from_array(np.array(self.modes, dtype=np.uint8)),
            "nodes_splits": numpy_helper.from_array(np.array(self.splits, dtype=np.float64)),
            "nodes_trueleafs": self.is_leaf[0],
            "nodes_truenodeids": self.children[0],
            "post_transform": _NO_TRANSFORM,
            "tree_roots": self.roots,
        }
        if self.members:
            attributes["membership_values"] = numpy_helper.from_array(
                np.array(self.members, dtype=np.float64)
            )
        return helper.make_node(
            "TreeEnsemble", [source], ["raw"], domain="ai.onnx.ml", **attributes
        )

    def to_shares(self) -> TensorProto:
        """The constant `SHARES_LEFT`, (nodes,) double."""
        return numpy_helper.from_array(np.array(self.shares_left, dtype=np.float64), SHARES_LEFT)


def categorical_features(trees: list[Mapping[str, Any]]) -> list[int]:
    """The columns that any set node reads, rising."""
    return sorted(
        {
            n["split_feature"]
            for t in trees
            for n in _splits(t["tree_structure"])
            if n["decision_type"] == "=="
        }
    )


def ensemble_faults(trees: list[Mapping[str, Any]]) -> list[str]:
    """Why these trees cannot be written exactly; empty when they can."""
    faults = set()
    for node in (n for t in trees for n in _splits(t["tree_structure"])):
        if node["decision_type"] not in ("<=", "=="):
            faults.add(f"split of type {node['decision_type']!r}")
        if node["missing_type"] == "Zero":
            faults.add("zero_as_missing")
    if any("leaf_coeff" in n for t in trees for n in _nodes(t["tree_structure"])):
        faults.add("linear trees")
    return sorted(faults)


def flatten(
    trees: list[Mapping[str, Any]], *, targets: int, categorical: Mapping[int, int]
) -> Ensemble:
    """All trees in order; tree i adds to target `i % targets`, and sums run in that order in ONNX
    Runtime as in LightGBM.

    Args:
        categorical: for each column that set nodes read, the column that holds it cut to whole
            numbers.
    """
    ensemble = Ensemble()
    for index, tree in enumerate(trees):
        ensemble.roots.append(len(ensemble.features))
        _append_tree(
            ensemble, tree["tree_structure"], target=index % targets, categorical=categorical
        )
    return ensemble


def _append_tree(
    ensemble: Ensemble, root: Mapping[str, Any], *, target: int, categorical: Mapping[int, int]
) -> None:
    """One tree in preorder; a stack, because trees grown leaf by leaf can be hundreds of levels
    deep.
    """
    if "leaf_value" in root:
        _append_stump(ensemble, root["leaf_value"], target=target)
        return
    pending: list[tuple[Mapping[str, Any], int, int]] = [(root, -1, 0)]
    while pending:
        node, parent, side = pending.pop()
        if "leaf_value" in node:
            ensemble.children[side][parent] = _append_leaf(
                ensemble, node["leaf_value"], target=target
            )
            ensemble.is_leaf[side][parent] = 1
            continue
        place = _append_split(ensemble, node, categorical)
        if parent >= 0:
            ensemble.children[side][parent] = place
        pending += [(node["right_child"], place, 1), (node["left_child"], place, 0)]


def _append_split(
    ensemble: Ensemble, node: Mapping[str, Any], categorical: Mapping[int, int]
) -> int:
    """One inner node whose children are not known yet; its place."""
    feature, threshold = node["split_feature"], node["threshold"]
    ensemble.shares_left.append(_count(node["left_child"]) / max(node["internal_count"], 1))
    if node["decision_type"] == "==":
        ensemble.members += [*map(float, threshold.split("||")), _END_OF_SET]
        _append_node(
            ensemble, feature=categorical[feature], mode=_MEMBER, split=0.0, nan_goes_left=False
        )
    else:
        goes_left = node["default_left"] if node["missing_type"] == "NaN" else threshold >= 0.0
        split = math.copysign(math.inf, threshold) if abs(threshold) >= _CUT_INFINITY else threshold
        _append_node(
            ensemble, feature=feature, mode=_LESS_OR_EQUAL, split=split, nan_goes_left=goes_left
        )
    return len(ensemble.features) - 1


def _append_stump(ensemble: Ensemble, value: float, *, target: int) -> None:
    """A tree without a split: the format wants a node whose two branches are the same leaf."""
    leaf = _append_leaf(ensemble, value, target=target)
    ensemble.shares_left.append(0.5)
    _append_node(ensemble, feature=0, mode=_LESS_OR_EQUAL, split=0.0, nan_goes_left=False)
    for side in (0, 1):
        ensemble.children[side][-1] = leaf
        ensemble.is_leaf[side][-1] = 1


def _append_node(
    ensemble: Ensemble, *, feature: int, mode: int, split: float, nan_goes_left: bool
) -> None:
    """One row of the `nodes_*` attributes."""
    ensemble.features.append(feature)
    ensemble.modes.append(mode)
    ensemble.splits.append(split)
    ensemble.nan_goes_left.append(int(nan_goes_left))
    for column in (*ensemble.children, *ensemble.is_leaf):
        column.append(0)


def _append_leaf(ensemble: Ensemble, value: float, *, target: int) -> int:
    """One row of the `leaf_*` attributes; its place."""
    ensemble.leaf_values.append(value)
    ensemble.leaf_targets.append(target)
    return len(ensemble.leaf_values) - 1


def _count(node: Mapping[str, Any]) -> int:
    """How many training rows came to a node or leaf; a dump says nothing of a leaf that is the
    whole tree.
    """
    count: int = node.get("internal_count", node.get("leaf_count", 0))
    return count


def _nodes(root: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All nodes of a tree, leaves included."""
    found, pending = [], [root]
    while pending:
        node = pending.pop()
        found.append(node)
        pending += [node[child] for child in ("left_child", "right_child") if child in node]
    return found


def _splits(root: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The inner nodes of a tree."""
    return [n for n in _nodes(root) if "split_feature" in n]
