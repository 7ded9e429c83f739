"""What a graph's tree ensembles must agree on before a runtime may follow them.

An ensemble is a dozen lists that name places in each other.  Older runtimes follow them wherever
they lead; the present one checks most of them, and all are checked here before it looks.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mainspring.engines.onnx.wire import Message

__all__ = ["TREE_OPERATORS", "tree_faults"]

TREE_OPERATORS = frozenset(("TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"))
_MEMBER = 6
_OF_NODES = (
    *("nodes_falseleafs", "nodes_falsenodeids", "nodes_trueleafs", "nodes_truenodeids"),
    "nodes_featureids",
)
_OLD_OF_NODES = (
    *("nodes_treeids", "nodes_nodeids", "nodes_truenodeids", "nodes_falsenodeids"),
    "nodes_featureids",
)


def tree_faults(node: Message) -> Iterator[str]:
    """What is wrong with a node of one of `TREE_OPERATORS`; nothing when it can be followed."""
    attributes = {each.text("name"): each for each in node.messages("attribute")}
    if len(attributes) < node.count("attribute"):
        yield "an attribute is written twice"
    elif node.text("op_type") == "TreeEnsemble":
        yield from _faults(attributes)
    else:
        yield from _old_faults(attributes)


def _faults(attributes: dict[str, Message]) -> Iterator[str]:
    """Of a `TreeEnsemble`, whose nodes and leaves are apart."""
    modes = _modes(attributes)
    nodes, leaves = len(modes), len(_integers(attributes, "leaf_targetids"))
    lengths = {name: len(_integers(attributes, name)) for name in _OF_NODES}
    lengths["nodes_splits"] = _tensor_size(attributes, "nodes_splits")
    for name, optional in (
        ("nodes_missing_value_tracks_true", len(_integers(attributes, _TRACKS))),
        ("nodes_hitrates", _tensor_size(attributes, "nodes_hitrates")),
    ):
        if name in attributes:
            lengths[name] = optional
    yield from (f"{name} has {n} of {nodes} nodes" for name, n in lengths.items() if n != nodes)
    if _tensor_size(attributes, "leaf_weights") != leaves or not leaves or not nodes:
        yield "leaf_weights and leaf_targetids differ, or there are none"
    if any(n != nodes for n in lengths.values()) or not leaves:
        return
    yield from _place_faults(attributes, nodes, leaves)
    yield from _member_faults(attributes, modes)


_TRACKS = "nodes_missing_value_tracks_true"


def _place_faults(attributes: dict[str, Message], nodes: int, leaves: int) -> Iterator[str]:
    """Places that are outside of the list which they name."""
    for side in ("true", "false"):
        places = _integers(attributes, f"nodes_{side}nodeids")
        is_leaf = _integers(attributes, f"nodes_{side}leafs")
        if ((places < 0) | (places >= np.where(is_leaf != 0, leaves, nodes))).any():
            yield f"nodes_{side}nodeids names what is not there"
    roots = _integers(attributes, "tree_roots")
    if not len(roots) or ((roots < 0) | (roots >= nodes)).any():
        yield "tree_roots names what is not there"
    targets = _integers(attributes, "leaf_targetids")
    count = attributes["n_targets"].integer("i") if "n_targets" in attributes else 1
    if ((targets < 0) | (targets >= count)).any():
        yield "leaf_targetids names what is not there"


def _member_faults(attributes: dict[str, Message], modes: NDArray[np.int64]) -> Iterator[str]:
    """Modes that do not exist, and sets that are not there."""
    if ((modes < 0) | (modes > _MEMBER)).any():
        yield "nodes_modes names what is not there"
    members = _tensor(attributes, "membership_values")
    found = _floating(members) if members is not None else np.empty(0)
    if np.isnan(found).sum() != (modes == _MEMBER).sum() or not np.isnan(found[-1:]).all():
        yield "membership_values has another number of sets than nodes_modes"


def _old_faults(attributes: dict[str, Message]) -> Iterator[str]:
    """Of the older operators, whose leaves are nodes that name their tree."""
    nodes = attributes["nodes_modes"].count("strings") if "nodes_modes" in attributes else 0
    lengths = {name: len(_integers(attributes, name)) for name in _OLD_OF_NODES}
    lengths["nodes_values"] = _count(attributes, "nodes_values")
    for name in ("nodes_hitrates", _TRACKS):
        if any(given.startswith(name) for given in attributes):
            lengths[name] = _count(attributes, name)
    yield from (f"{name} has {n} of {nodes} nodes" for name, n in lengths.items() if n != nodes)
    prefix = "class" if "class_ids" in attributes else "target"
    names = (f"{prefix}_ids", f"{prefix}_nodeids", f"{prefix}_treeids", f"{prefix}_weights")
    leaves = {_count(attributes, name) for name in names}
    if len(leaves) > 1 or leaves == {0} or not nodes:
        yield f"{', '.join(names)} differ, or there are none"
    for name in (*_OLD_OF_NODES, *names[:3]):
        if (_integers(attributes, name) < 0).any():
            yield f"{name} is negative"


def _count(attributes: dict[str, Message], name: str) -> int:
    """The numbers of an attribute, as a list or, in doubles, as a tensor under another name."""
    found = attributes.get(name)
    listed = found.count("floats") + found.count("ints") if found else 0
    return listed or _tensor_size(attributes, f"{name}_as_tensor")


def _modes(attributes: dict[str, Message]) -> NDArray[np.int64]:
    tensor = _tensor(attributes, "nodes_modes")
    if tensor is None:
        return np.empty(0, dtype=np.int64)
    if tensor.has("raw_data"):
        raw = np.frombuffer(b"".join(tensor.texts("raw_data")), dtype=np.uint8)
        return raw.astype(np.int64)
    return tensor.integer_array("int32_data")


def _floating(tensor: Message) -> NDArray[np.float64]:
    """The numbers of a tensor of floats or doubles; none for another type."""
    raw = b"".join(tensor.texts("raw_data"))
    match tensor.integer("data_type"):
        case 1 if len(raw) % 4 == 0:
            found, field = np.frombuffer(raw, dtype="<f4").astype(np.float64), "float_data"
        case 11 if len(raw) % 8 == 0:
            found, field = np.frombuffer(raw, dtype="<f8"), "double_data"
        case _:
            return np.empty(0)
    return found if len(found) else tensor.float_array(field)


def _tensor(attributes: dict[str, Message], name: str) -> Message | None:
    return next(iter(attributes[name].messages("t")), None) if name in attributes else None


def _tensor_size(attributes: dict[str, Message], name: str) -> int:
    """The elements that a tensor says it has; that it has them is checked with all tensors."""
    tensor = _tensor(attributes, name)
    if tensor is None or tensor.count("dims") != 1:
        return 0
    return next(tensor.integers("dims"))


def _integers(attributes: dict[str, Message], name: str) -> NDArray[np.int64]:
    return (
        attributes[name].integer_array("ints")
        if name in attributes
        else np.empty(0, dtype=np.int64)
    )
