"""Models and definitions with something wrong in them, by chance: each is refused with a code, or
works.

`python -m tests.attacks.fuzzing --rounds 100000 --seed 7` tries as many; it prints where one ended
otherwise, and after a signal the file of `--last` says in which round it was.
"""

import argparse
import copy
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper

from mainspring.datasets.definition import (
    SourceDefinition,
    ViewDefinition,
    compile_training_set_definition,
    compile_view_definition,
    parse_source_definition,
    parse_training_set_definition,
    parse_view_definition,
    render_source_definition,
    render_training_set_definition,
    render_view_definition,
)
from mainspring.datasets.encoding import EncodedFeature, Encoding, parse_encoding, render_encoding
from mainspring.elements.errors import MainspringError
from mainspring.elements.schema import DType
from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.features.spec import FeatureView
from tests.unit.datasets.test_definition import SCHEMA, definition

__all__ = ["MODELS", "iter_faults", "main"]

_NUMBERS = (0, 1, -1, 2, 3, 7, 2**31 - 1, 2**31, -(2**31), 2**40, 2**63 - 1, -(2**63))
_REALS = (0.0, -1.0, 1e-45, 3e38, float("inf"), float("-inf"), float("nan"))
_TEXTS = ("", "x", "NONE", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT", "RBF", "POLY", "BRANCH_GT", "LEAF")


def _model(operator: str, outputs: Sequence[str], columns: int, **attributes: Any) -> ModelProto:
    """A model of one operator of `ai.onnx.ml` from X, (rows, 3), to `value`, (rows, columns)."""
    node = helper.make_node(operator, ["X"], list(outputs), domain="ai.onnx.ml", **attributes)
    given = helper.make_tensor_value_info("X", TensorProto.FLOAT, ["rows", 3])
    value = helper.make_tensor_value_info("value", TensorProto.FLOAT, ["rows", columns])
    graph = helper.make_graph([node], "g", [given], [value])
    imports = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


_TREES = {
    "nodes_treeids": [0, 0, 0, 1, 1, 1],
    "nodes_nodeids": [0, 1, 2, 0, 1, 2],
    "nodes_featureids": [0, 0, 0, 2, 0, 0],
    "nodes_values": [0.5, 0.0, 0.0, 1.5, 0.0, 0.0],
    "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF", "BRANCH_GT", "LEAF", "LEAF"],
    "nodes_truenodeids": [1, 0, 0, 1, 0, 0],
    "nodes_falsenodeids": [2, 0, 0, 2, 0, 0],
    "nodes_missing_value_tracks_true": [0] * 6,
}
_LEAVES = {"treeids": [0, 0, 1, 1], "nodeids": [1, 2, 1, 2], "ids": [0, 0, 0, 0]}
_WEIGHTS = [0.1, 0.9, 0.4, 0.6]
_SVM = {
    "kernel_type": "RBF",
    "kernel_params": [0.5, 0.0, 3.0],
    "coefficients": [0.5, -0.5, 0.25, -0.25],
    "support_vectors": [0.1, 0.2, 0.3] * 4,
    "rho": [0.1],
}

MODELS: Mapping[str, ModelProto] = {
    "SVMClassifier": _model(
        "SVMClassifier",
        ["label", "value"],
        2,
        classlabels_ints=[0, 1],
        vectors_per_class=[2, 2],
        prob_a=[1.0],
        prob_b=[0.0],
        post_transform="NONE",
        **_SVM,
    ),
    "SVMRegressor": _model("SVMRegressor", ["value"], 1, n_supports=4, one_class=0, **_SVM),
    "Scaler": _model("Scaler", ["value"], 3, offset=[0.0, 1.0, 2.0], scale=[1.0, 2.0, 3.0]),
    "Normalizer": _model("Normalizer", ["value"], 3, norm="L2"),
    "Binarizer": _model("Binarizer", ["value"], 3, threshold=0.5),
    "Imputer": _model(
        "Imputer", ["value"], 3, imputed_value_floats=[0.0, 1.0, 2.0], replaced_value_float=0.0
    ),
    "LinearClassifier": _model(
        "LinearClassifier",
        ["label", "value"],
        2,
        coefficients=[0.1, 0.2, 0.3, -0.1, -0.2, -0.3],
        intercepts=[0.0, 1.0],
        classlabels_ints=[0, 1],
        multi_class=0,
        post_transform="SOFTMAX",
    ),
    "LinearRegressor": _model(
        "LinearRegressor",
        ["value"],
        1,
        coefficients=[0.1, 0.2, 0.3],
        intercepts=[1.0],
        targets=1,
        post_transform="NONE",
    ),
    "TreeEnsembleRegressor": _model(
        "TreeEnsembleRegressor",
        ["value"],
        1,
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        base_values=[0.5],
        target_weights=_WEIGHTS,
        **{f"target_{name}": found for name, found in _LEAVES.items()},
        **_TREES,
    ),
    "TreeEnsembleClassifier": _model(
        "TreeEnsembleClassifier",
        ["label", "value"],
        2,
        classlabels_int64s=[0, 1],
        post_transform="LOGISTIC",
        class_weights=_WEIGHTS,
        **{f"class_{name}": found for name, found in _LEAVES.items()},
        **_TREES,
    ),
}


def _changed_model(random: Random) -> bytes:
    """One of the models with an attribute or a few bytes changed, or both."""
    model = copy.deepcopy(random.choice(list(MODELS.values())))
    for _ in range(random.randrange(3)):
        _change_attribute(random, model)
    payload = bytearray(model.SerializeToString())
    for _ in range(random.choice([0, 0, 0, 1, 4])):
        payload[random.randrange(len(payload))] = random.randrange(256)
    return bytes(payload)


def _change_attribute(random: Random, model: ModelProto) -> None:
    attributes = model.graph.node[0].attribute
    if not attributes:
        return
    attribute = random.choice(list(attributes))
    if random.random() < 0.05:
        attributes.remove(attribute)
        return
    for field, made in (("ints", _NUMBERS), ("floats", _REALS), ("strings", _TEXTS)):
        if values := list(getattr(attribute, field)):
            changed = _changed_list(random, values, [*made, *values])
            del getattr(attribute, field)[:]
            getattr(attribute, field).extend(_encoded(value) for value in changed)
            return
    match attribute.type:
        case 1:
            attribute.f = random.choice(_REALS)
        case 2:
            attribute.i = random.choice(_NUMBERS)
        case 3:
            attribute.s = random.choice(_TEXTS).encode()
        case _:
            pass


def _encoded(value: object) -> object:
    return value.encode() if isinstance(value, str) else value


def _changed_list(random: Random, values: list[Any], made: Sequence[Any]) -> list[Any]:
    place = random.randrange(len(values))
    match random.randrange(5):
        case 0:
            return values[:place]
        case 1:
            return [*values, random.choice(made)]
        case 2:
            return values * random.choice([2, 3, 50])
        case 3:
            return random.sample(values, len(values))
        case _:
            return [*values[:place], random.choice(made), *values[place + 1 :]]


def _score(payload: bytes) -> None:
    scorer = OnnxScorer(payload)
    scorer.predict(np.zeros((2, max(scorer.feature_count, 0))))


# --- encodings and definitions

_WORDS = (
    *("", "mean", "sum", "count", "no such", "__class__", "DType", "float", "nan", "7d", "-1d"),
    *("\x00", "a" * 5_000, "Feature", "FeatureView", "Literal", "Column", "Source", "9999999d"),
)


def _documents() -> Mapping[str, tuple[Callable[[bytes], object], object]]:
    """Of each kind what reads it, and one as it is stored."""
    whole = definition()
    view = next(each for each in whole.training_set.features if each.name == "both")
    assert isinstance(view, FeatureView)
    source = view.sources[0]
    names = [each.name for each in whole.training_set.features]
    features = tuple(EncodedFeature(name, DType.STRING, ("a", "b")) for name in names)
    stored: Mapping[str, tuple[Callable[[bytes], object], bytes]] = {
        "training set": (_open_training_set, render_training_set_definition(whole)),
        "view": (
            _open_view,
            render_view_definition(ViewDefinition(view, whole.schemas, whole.shards)),
        ),
        "source": (
            parse_source_definition,
            render_source_definition(SourceDefinition(source, SCHEMA)),
        ),
        "encoding": (_open_encoding, render_encoding(Encoding(features))),
    }
    return {kind: (read, json.loads(payload)) for kind, (read, payload) in stored.items()}


def _open_training_set(payload: bytes) -> None:
    compile_training_set_definition(parse_training_set_definition(payload))


def _open_view(payload: bytes) -> None:
    compile_view_definition(parse_view_definition(payload))


def _open_encoding(payload: bytes) -> None:
    encoding = parse_encoding(payload)
    encode_columns = [read for _, read in encoding.readers]
    assert len(encode_columns) == len(encoding.column_names)


def _part(random: Random, whole: object) -> object:
    """Something to stand in the place of a part: a word, a number, or another part."""
    match random.randrange(4):
        case 0:
            return random.choice(_WORDS)
        case 1:
            return random.choice(
                [*_NUMBERS, 0.5, -0.5, 1e308, None, True, [], {}, [[]], {"$": "x"}]
            )
        case 2:
            return random.choice(list(_parts(whole)))
        case _:
            return _nested(random.choice([3, 40, 400]), random.choice(list(_parts(whole))))


def _nested(depth: int, part: object) -> object:
    for _ in range(depth):
        part = [part]
    return part


def _parts(value: object) -> Iterator[object]:
    yield value
    match value:
        case dict():
            for each in value.values():
                yield from _parts(each)
        case list():
            for each in value:
                yield from _parts(each)
        case _:
            pass


def _replaced(random: Random, value: object, whole: object) -> object:
    """The value with one part of it replaced, removed or put elsewhere."""
    match value:
        case dict() if value and random.random() < 0.9:
            name = random.choice(list(value))
            if random.random() < 0.1:
                return {key: part for key, part in value.items() if key != name}
            return {**value, name: _replaced(random, value[name], whole)}
        case list() if value and random.random() < 0.9:
            place = random.randrange(len(value))
            if random.random() < 0.1:
                return value[:place] + value[place:] * 2
            changed = _replaced(random, value[place], whole)
            return [*value[:place], changed, *value[place + 1 :]]
        case _:
            return _part(random, whole)


def _changed_document(random: Random, whole: object) -> bytes:
    changed = whole
    for _ in range(random.choice([1, 1, 2, 5])):
        changed = _replaced(random, changed, whole)
    payload = json.dumps(changed).encode()
    return payload[: random.randrange(len(payload))] if random.random() < 0.02 else payload


# --- rounds


def iter_faults(rounds: int, seed: int, *, on_round: Callable[[str], object]) -> Iterator[str]:
    """What ended otherwise than well or with a code.

    Args:
        on_round: is told which round begins, for a signal leaves nothing else behind.
    """
    documents = _documents()
    for number in range(rounds):
        random = Random(f"{seed} {number}")
        kind = "model" if number % 2 else random.choice(list(documents))
        on_round(f"{seed} {number} {kind}")
        began = time.process_time()
        try:
            if kind == "model":
                _score(_changed_model(random))
            else:
                read, whole = documents[kind]
                read(_changed_document(random, whole))
        except MainspringError as error:
            if error.code == "MSP-000":
                yield f"round {number} of {kind}: {error}"
        # whatever else is raised is what is looked for here
        except Exception as error:
            yield f"round {number} of {kind}: {type(error).__name__}: {str(error)[:200]}"
        if time.process_time() - began > _MOST_S:
            yield f"round {number} of {kind}: took {time.process_time() - began:.1f} s"


_MOST_S = 5.0
"""Processor time of a round: of bounded work none takes a hundredth of it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every fault; 1 where there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--last", default=os.devnull, help="the file that the round in hand is noted in"
    )
    given = parser.parse_args(arguments)
    note = os.open(given.last, os.O_WRONLY | os.O_CREAT, 0o600)
    faults = 0
    for fault in iter_faults(
        given.rounds, given.seed, on_round=lambda said: os.pwrite(note, f"{said:60}".encode(), 0)
    ):
        faults += 1
        print(fault, flush=True)
    print(f"{given.rounds} rounds, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
