"""Whether what a booster says about itself can be read: every field that is used has its type and
lies within bounds.

The object to export comes from a user's fit and may say anything; what is read here becomes places
in arrays, so it is checked as a whole before the first of them is filled.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["dump_faults"]

_MAX_TREES, _MAX_NODES, _MAX_FEATURES, _MAX_CLASSES = 100_000, 5_000_000, 1_000_000, 10_000
_MAX_SETS = 20_000_000
_EXACT = 2**53
_CODES = re.compile(r"\d{1,9}(?:\|\|\d{1,9})*+")
_MISSING = frozenset({"None", "NaN", "Zero"})


def dump_faults(dump: object) -> list[str]:
    """What is wrong with a dump, the first of each kind; nothing when it can be flattened.

    Cost: one pass over all nodes, of which there may be five million.
    """
    if not isinstance(dump, Mapping):
        return ["its dump is no mapping"]
    faults = [
        *_fault("max_feature_idx", _is_whole(dump.get("max_feature_idx"), 0, _MAX_FEATURES)),
        *_fault(
            "num_tree_per_iteration",
            _is_whole(dump.get("num_tree_per_iteration"), 1, _MAX_CLASSES),
        ),
        *_fault("objective", isinstance(dump.get("objective", ""), str)),
        *_fault("tree_info", _is_list_of_trees(dump.get("tree_info"))),
    ]
    return faults or sorted(set(_tree_faults(dump["tree_info"], dump["max_feature_idx"])))


def _tree_faults(trees: list[Mapping[str, Any]], features: int) -> Iterator[str]:
    """The faults of nodes; each node is looked at once, so one that contains itself ends the
    search like any other dump that is too large.
    """
    left, members = _MAX_NODES, _MAX_SETS
    for tree in trees:
        pending = [tree["tree_structure"]]
        while pending:
            node, left = pending.pop(), left - 1
            if left < 0 or members < 0:
                yield f"more than {_MAX_NODES} nodes, or {_MAX_SETS} characters of sets"
                return
            fault = _node_fault(node, features)
            if fault:
                yield fault
                continue
            if "leaf_value" not in node:
                members -= len(node["threshold"]) if isinstance(node["threshold"], str) else 0
                pending += [node["right_child"], node["left_child"]]


def _node_fault(node: object, features: int) -> str:
    """What is wrong with one node, or nothing."""
    if not isinstance(node, Mapping):
        return "a node is no mapping"
    # A leaf that is the whole tree has no count.
    if not _is_whole(node.get("internal_count", node.get("leaf_count", 0)), 0, _EXACT):
        return "a count of rows cannot be read"
    if "leaf_value" in node:
        return "" if _is_finite(node["leaf_value"]) else "a leaf_value is no finite number"
    if "internal_count" not in node:
        return "a split has no count of rows"
    if not _is_whole(node.get("split_feature"), 0, features):
        return "a split_feature is no column"
    if str(node.get("missing_type")) not in _MISSING:
        return "a missing_type is not known"
    if not isinstance(node.get("default_left"), bool):
        return "a default_left is no truth value"
    if "left_child" not in node or "right_child" not in node:
        return "a split has no children"
    threshold = node.get("threshold")
    if node.get("decision_type") == "==":
        is_set = isinstance(threshold, str) and _CODES.fullmatch(threshold)
        return "" if is_set else "a set of categories cannot be read"
    # Infinite where a split parts missing from present.
    is_number = _is_finite(threshold) or threshold in (math.inf, -math.inf)
    return "" if is_number else "a threshold is no number"


def _is_list_of_trees(trees: object) -> bool:
    return (
        isinstance(trees, list)
        and len(trees) <= _MAX_TREES
        and all(isinstance(tree, Mapping) and "tree_structure" in tree for tree in trees)
    )


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_finite(value: object) -> bool:
    return _is_whole(value, -_EXACT, _EXACT) or (isinstance(value, float) and math.isfinite(value))


def _fault(name: str, is_right: bool) -> list[str]:
    return [] if is_right else [f"its {name} cannot be read"]
