"""The JSON that XGBoost stores a booster as (`Booster.save_model`), read into the records that
LightGBM's exporter reads, so that both have one graph.

XGBoost compares in single precision and goes left where `x < condition`: over rounded columns that
is `x <=` the number just below, to the bit.  It sums leaves in single precision, the graph in
double, hence agreement within the rounding of single precision.  `base_score` is stored as a
prediction; as a sum of leaves it is one more tree.

Source: XGBoost's JSON schema (doc/model.schema in its repository), of versions 1 to 3.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from mainspring.engines.lightgbm.errors import UnsupportedBooster

__all__ = ["is_xgboost_json", "parse_xgboost_json"]

# Hessians are sums of weights, often below one; as counts only their ratios matter.
_COUNTS = 2.0**20


class _Tree(msgspec.Struct):
    left_children: list[int]
    right_children: list[int]
    split_indices: list[int]
    split_conditions: list[float]
    default_left: list[bool | int]
    sum_hessian: list[float]
    split_type: list[int]
    tree_param: dict[str, str]


class _Trees(msgspec.Struct):
    trees: list[_Tree]
    tree_info: list[int]


class _Booster(msgspec.Struct):
    name: str
    model: _Trees | None = None


class _Objective(msgspec.Struct):
    name: str


class _Learner(msgspec.Struct):
    learner_model_param: dict[str, str]
    objective: _Objective
    gradient_booster: _Booster
    attributes: dict[str, str] = {}


class _Stored(msgspec.Struct):
    learner: _Learner
    version: tuple[int, int, int]


def _as_it_is(base: float) -> float:
    return base


def _logit(base: float) -> float:
    return math.log(base / (1.0 - base))


_OBJECTIVES: dict[str, tuple[str, Callable[[float], float]]] = {
    "binary:logistic": ("binary sigmoid:1", _logit),
    "multi:softprob": ("multiclass", _as_it_is),
    "reg:squarederror": ("regression", _as_it_is),
    "count:poisson": ("poisson", math.log),
}


def is_xgboost_json(payload: bytes) -> bool:
    """Whether these bytes begin as such a file does."""
    return payload[:200].lstrip().startswith(b"{") and b'"learner"' in payload


def parse_xgboost_json(payload: bytes) -> Mapping[str, Any]:
    """The booster as LightGBM's `dump_model` would say it, over columns in single precision.

    Raises: UnsupportedBooster ENG-102 for what is damaged or cannot be exact.
    """
    try:
        stored = msgspec.json.decode(payload, type=_Stored)
        return _dump(stored.learner, stored.version[0])
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        raise UnsupportedBooster(faults=f"XGBoost's JSON cannot be read: {error}") from error


def _dump(learner: _Learner, major: int) -> Mapping[str, Any]:
    about = learner.learner_model_param
    model = learner.gradient_booster.model or _Trees([], [])
    targets = max(int(about.get("num_class", "0")), 1)
    faults = _faults(learner, model, targets=targets, major=major)
    if faults:
        raise UnsupportedBooster(faults="; ".join(faults))
    objective, link = _OBJECTIVES[learner.objective.name]
    said = msgspec.json.decode(about.get("base_score", "0.5"), type=float | list[float])
    bases = said if isinstance(said, list) else [said]
    if len(bases) not in (1, targets):
        raise ValueError("base_score")
    starts = [link(bases[place % len(bases)]) for place in range(targets)]
    return {
        "max_feature_idx": int(about.get("num_feature", "0")) - 1,
        "num_tree_per_iteration": targets,
        "objective": objective,
        "tree_info": [
            *({"tree_structure": {"leaf_value": start}} for start in starts),
            *({"tree_structure": _root(tree)} for tree in model.trees),
        ],
    }


def _faults(learner: _Learner, model: _Trees, *, targets: int, major: int) -> Sequence[str]:
    """Why the model as a whole cannot be exact."""
    about, name = learner.learner_model_param, learner.gradient_booster.name
    best = learner.attributes.get("best_iteration", "")
    trees = len(model.trees)
    in_turn = model.tree_info == [place % targets for place in range(trees)]
    checks = {
        f"version {major}": major not in (1, 2, 3),
        f"booster {name!r}": name != "gbtree",
        f"objective {learner.objective.name!r}": learner.objective.name not in _OBJECTIVES,
        "several targets": about.get("num_target", "1") not in ("0", "1"),
        "it has no trees": not trees,
        "trees out of turn, or several in parallel": not in_turn or trees % targets != 0,
        f"trees after the best iteration {best} (store booster[: {best} + 1])": best != ""
        and (int(best) + 1) * targets != trees,
        "splits on categories": any(any(tree.split_type) for tree in model.trees),
        "leaves of several values": any(
            tree.tree_param.get("size_leaf_vector", "1") not in ("0", "1") for tree in model.trees
        ),
    }
    return [fault for fault, holds in checks.items() if holds]


def _root(tree: _Tree) -> Mapping[str, Any]:
    """The first node, with its children inside; nodes that were pruned are not among them."""
    size = len(tree.left_children)
    columns = (tree.right_children, tree.split_indices, tree.split_conditions, tree.default_left)
    if any(len(each) != size for each in (*columns, tree.sum_hessian, tree.split_type)) or not size:
        raise ValueError("a tree whose lists differ in length")
    nodes = [_node(tree, place) for place in range(size)]
    pending, seen = [0], {0}
    while pending:
        place = pending.pop()
        if "leaf_value" in nodes[place]:
            continue
        for side, children in (
            ("left_child", tree.left_children),
            ("right_child", tree.right_children),
        ):
            child = children[place]
            if not 0 <= child < size or child in seen:
                raise ValueError("nodes that are no tree")
            seen.add(child)
            pending.append(child)
            nodes[place][side] = nodes[child]
    return nodes[0]


def _node(tree: _Tree, place: int) -> dict[str, Any]:
    """One node without its children."""
    condition = np.float32(tree.split_conditions[place])
    count = round(tree.sum_hessian[place] * _COUNTS)
    if tree.left_children[place] == -1:
        return {"leaf_value": float(condition), "leaf_count": count}
    return {
        "split_feature": tree.split_indices[place],
        "threshold": float(np.nextafter(condition, np.float32(-math.inf))),
        "decision_type": "<=",
        "missing_type": "NaN",
        "default_left": bool(tree.default_left[place]),
        "internal_count": count,
    }
