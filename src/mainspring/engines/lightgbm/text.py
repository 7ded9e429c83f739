"""The text that LightGBM stores a booster as (`Booster.save_model`), read into what `dump_model`
says of the same booster, so that one exporter serves both.

Numbers stand in the text with seventeen digits, so they are read to the bit.  The tree arrays are
LightGBM's own (`Tree::ToString`): a child below zero is the leaf `~child`, and of `decision_type`
the lowest bit says categories, the next that missing goes left, the two above what is missing.  A
threshold of categories is a place in `cat_boundaries`, between which `cat_threshold` has words of
32 codes each.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from mainspring.engines.lightgbm.errors import UnsupportedBooster

__all__ = ["is_booster_text", "parse_booster_text"]

_VERSIONS = frozenset({"v3", "v4"})
_MISSING = ("None", "Zero", "NaN")
_CATEGORIES, _DEFAULT_LEFT = 1, 2
_WORD = 32
_T = TypeVar("_T", int, float)


def is_booster_text(payload: bytes) -> bool:
    """Whether these bytes begin as the text of a booster does."""
    return payload[:5].rstrip(b"\r\n") == b"tree" and b"=" in payload[:200]


def parse_booster_text(payload: bytes) -> Mapping[str, Any]:
    """The dump of a booster, as far as the exporter reads it.

    Raises: UnsupportedBooster ENG-102 for a text that is cut off or says what it cannot.
    """
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise UnsupportedBooster(faults="the text is not UTF-8") from error
    body, end, rest = text.replace("\r\n", "\n").partition("\nend of trees\n")
    head, *blocks = body.split("\nTree=")
    if not end:
        raise UnsupportedBooster(faults="the text is cut off before 'end of trees'")
    about = _fields(head)
    if about.get("version") not in _VERSIONS:
        raise UnsupportedBooster(faults=f"version {about.get('version')!r} of the text")
    targets = _whole(about, "num_tree_per_iteration")
    dump = {
        "max_feature_idx": _whole(about, "max_feature_idx"),
        "num_tree_per_iteration": targets,
        "objective": about.get("objective", ""),
        "average_output": "average_output" in about,
        "pandas_categorical": _pandas_categorical(rest),
        "tree_info": [{"tree_structure": _tree(f"Tree={block}")} for block in blocks],
    }
    sizes = about.get("tree_sizes", "").split()
    if len(sizes) != len(blocks) or len(blocks) % max(targets, 1):
        raise UnsupportedBooster(faults=f"it says {len(sizes)} trees and has {len(blocks)}")
    return dump


def _fields(block: str) -> dict[str, str]:
    """Lines of `key=value`; a key alone is a flag."""
    return {key: value for key, _, value in (line.partition("=") for line in block.split("\n"))}


def _pandas_categorical(rest: str) -> object:
    line = next((each for each in rest.split("\n") if each.startswith("pandas_categorical:")), "")
    try:
        return json.loads(line.partition(":")[2] or "null")
    except ValueError as error:
        raise UnsupportedBooster(faults="its pandas_categorical cannot be read") from error


def _tree(block: str) -> Mapping[str, Any]:
    """The root of one tree, with its children inside."""
    fields = _fields(block)
    leaves = _whole(fields, "num_leaves")
    values = _numbers(fields, "leaf_value", leaves)
    # A tree without a split has no count, and needs none.
    counts = _wholes(fields, "leaf_count", leaves) if leaves > 1 else [0]
    # The exporter refuses whatever has coefficients.
    linear: dict[str, object] = {"leaf_coeff": []} if fields.get("is_linear", "0") != "0" else {}
    leaf_nodes: list[dict[str, Any]] = [
        {"leaf_value": value, "leaf_count": count, **linear}
        for value, count in zip(values, counts, strict=True)
    ]
    if leaves == 1:
        return leaf_nodes[0]
    splits = list(_splits(fields, leaves - 1))
    left, right = (_wholes(fields, f"{side}_child", leaves - 1) for side in ("left", "right"))
    # Each node but the root has one parent: then nothing contains itself.
    if sorted([*left, *right]) != [*range(-leaves, 0), *range(1, leaves - 1)]:
        raise UnsupportedBooster(faults=f"the nodes of tree {fields['Tree']} are no tree")
    for split, one, other in zip(splits, left, right, strict=True):
        for side, child in (("left_child", one), ("right_child", other)):
            split[side] = leaf_nodes[~child] if child < 0 else splits[child]
    return splits[0]


def _splits(fields: Mapping[str, str], count: int) -> Iterator[dict[str, Any]]:
    """The inner nodes of a tree, their children left out."""
    features, kinds = (_wholes(fields, key, count) for key in ("split_feature", "decision_type"))
    thresholds = _numbers(fields, "threshold", count)
    sets = _sets(fields)
    counts = _wholes(fields, "internal_count", count)
    for feature, kind, threshold, rows in zip(features, kinds, thresholds, counts, strict=True):
        if not 0 <= kind < 4 * len(_MISSING):
            raise UnsupportedBooster(faults=f"decision_type {kind} in tree {fields['Tree']}")
        of_categories = bool(kind & _CATEGORIES)
        if of_categories and threshold not in range(len(sets)):
            raise UnsupportedBooster(faults="a set of categories is not there")
        yield {
            "split_feature": feature,
            "internal_count": rows,
            "threshold": sets[int(threshold)] if of_categories else threshold,
            "decision_type": "==" if of_categories else "<=",
            "default_left": bool(kind & _DEFAULT_LEFT),
            "missing_type": _MISSING[kind >> 2],
        }


def _sets(fields: Mapping[str, str]) -> Sequence[str]:
    """The codes of each set of categories, as `dump_model` writes them."""
    count = _whole(fields, "num_cat")
    if not count:
        return []
    bounds = _wholes(fields, "cat_boundaries", count + 1)
    words = _wholes(fields, "cat_threshold", bounds[-1])
    if bounds != sorted(bounds) or bounds[0] or any(not 0 <= each < 2**_WORD for each in words):
        raise UnsupportedBooster(faults="its sets of categories cannot be read")
    return [
        "||".join(
            str(_WORD * place + bit)
            for place, word in enumerate(words[begin:end])
            for bit in range(_WORD)
            if word >> bit & 1
        )
        for begin, end in pairwise(bounds)
    ]


def _whole(fields: Mapping[str, str], key: str) -> int:
    [value] = _wholes(fields, key, 1)
    if value < 0:
        raise UnsupportedBooster(faults=f"its {key} cannot be read")
    return value


def _wholes(fields: Mapping[str, str], key: str, count: int) -> list[int]:
    try:
        return _exactly(count, [int(each) for each in fields.get(key, "").split()])
    except ValueError as error:
        raise UnsupportedBooster(faults=f"its {key} cannot be read") from error


def _numbers(fields: Mapping[str, str], key: str, count: int) -> list[float]:
    try:
        return _exactly(count, [float(each) for each in fields.get(key, "").split()])
    except ValueError as error:
        raise UnsupportedBooster(faults=f"its {key} cannot be read") from error


def _exactly(count: int, values: list[_T]) -> list[_T]:
    if len(values) != count:
        raise ValueError(count)
    return values
