"""The trees of an exported booster, read from its bytes without running them."""

import numpy as np
from numpy.typing import NDArray

from mainspring.engines.onnx.wire import Message, read_message
from mainspring.ports.ensembles import TreeArrays

__all__ = ["read_trees"]

_LESS_OR_EQUAL, _MEMBER = 0, 6
_SHARES = "shares_left"


def read_trees(payload: bytes) -> TreeArrays | None:
    """The ensemble of a model that we have exported; None for another graph, and for one that was
    exported before it said how its training rows were divided.

    Args:
        payload: bytes that were scanned (`scan.require_safe`).
    """
    [graph] = read_message(payload).messages("graph")
    nodes = [each for each in graph.messages("node") if each.text("op_type") == "TreeEnsemble"]
    if len(nodes) != 1:
        return None
    attributes = {each.text("name"): each for each in nodes[0].messages("attribute")}
    modes = _bytes(attributes, "nodes_modes")
    shares = _shares(graph)
    known = (modes == _LESS_OR_EQUAL) | (modes == _MEMBER)
    if len(shares) != len(modes) or not known.all() or not ((shares > 0) & (shares < 1)).all():
        return None
    found = _columns(graph, _ints(attributes, "nodes_featureids"))
    if found is None:
        return None
    return TreeArrays(
        columns=found,
        splits=_floats(attributes, "nodes_splits"),
        members=_members(modes, _floats(attributes, "membership_values")),
        missing_holds=_ints(attributes, "nodes_missing_value_tracks_true") != 0,
        shares=shares,
        children=_sides(attributes, "nodes_{}nodeids"),
        is_leaf=_sides(attributes, "nodes_{}leafs") != 0,
        leaf_values=_floats(attributes, "leaf_weights"),
        leaf_targets=_ints(attributes, "leaf_targetids"),
        roots=_ints(attributes, "tree_roots"),
    )


def _shares(graph: Message) -> NDArray[np.float64]:
    """Of each node the share of its training rows that went left; none where that is not said."""
    for constant in graph.messages("initializer"):
        if constant.text("name") == _SHARES:
            return _doubles(constant)
    return np.empty(0)


def _columns(graph: Message, read: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """The columns of the matrix: a graph appends those that hold codes, cut to whole numbers."""
    constants = {each.text("name"): each for each in graph.messages("initializer")}
    if "categorical" not in constants:
        return read
    [source] = graph.messages("input")
    shape = source.messages("type")[0].messages("tensor_type")[0].messages("shape")[0]
    features = shape.messages("dim")[1].integer("dim_value", default=-1)
    if features < 0:
        return None
    codes = np.frombuffer(b"".join(constants["categorical"].texts("raw_data")), dtype="<i8")
    return np.where(read < features, read, codes[np.maximum(read - features, 0)])


def _members(
    modes: NDArray[np.int64], listed: NDArray[np.float64]
) -> tuple[NDArray[np.float64] | None, ...]:
    """The sets of the nodes that have one; NaN ends each of them."""
    sets = iter(np.split(listed, np.flatnonzero(np.isnan(listed)) + 1))
    return tuple(next(sets)[:-1] if mode == _MEMBER else None for mode in modes.tolist())


def _sides(attributes: dict[str, Message], name: str) -> NDArray[np.int64]:
    return np.stack([_ints(attributes, name.format(side)) for side in ("true", "false")], axis=1)


def _ints(attributes: dict[str, Message], name: str) -> NDArray[np.int64]:
    return attributes[name].integer_array("ints")


def _floats(attributes: dict[str, Message], name: str) -> NDArray[np.float64]:
    if name not in attributes:
        return np.empty(0)
    [tensor] = attributes[name].messages("t")
    return _doubles(tensor)


def _doubles(tensor: Message) -> NDArray[np.float64]:
    return np.frombuffer(b"".join(tensor.texts("raw_data")), dtype="<f8").astype(np.float64)


def _bytes(attributes: dict[str, Message], name: str) -> NDArray[np.int64]:
    [tensor] = attributes[name].messages("t")
    return np.frombuffer(b"".join(tensor.texts("raw_data")), dtype=np.uint8).astype(np.int64)
