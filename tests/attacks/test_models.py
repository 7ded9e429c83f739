"""Models that are no models: whatever opens one refuses it before ONNX Runtime sees it."""

import copy
import os
import resource
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper, onnx_ml_pb2

from mainspring.app.http.bare import run_model_server
from mainspring.app.models.model_file import ModelFile
from mainspring.app.models.scorers import OnnxScorerLoader
from mainspring.elements.errors import MainspringError
from mainspring.engines.lightgbm.export import export_booster
from mainspring.engines.onnx.errors import InvalidModel, ScoringFailed, UnsafeModel
from mainspring.engines.onnx.scan import scan_onnx
from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.engines.onnx.wire import MalformedProtobuf, read_message
from mainspring.ports.models import ExportedModel

ROWS = np.ones((2, 3))
AXIS = numpy_helper.from_array(np.array([1]), "axis")


def model_of(*nodes, constants=(), opset=21, ml=5, columns=3, **parts):
    """A model of `nodes` from X, (rows, columns), to `value`."""
    names = (("X", columns), ("value", 1))
    values = [
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["rows", size])
        for name, size in names
    ]
    graph = helper.make_graph(list(nodes), "g", values[:1], values[1:], list(constants))
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", ml)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=10, **parts)
    return model.SerializeToString()


NEGATION = helper.make_node("Neg", ["X"], ["value"])
RANDOM = np.random.default_rng(0)
FEATURES = np.column_stack([RANDOM.normal(size=(200, 2)), RANDOM.integers(0, 80, 200)])


def boosted(objective, labels, **params):
    params |= {"objective": objective, "num_leaves": 5, "num_threads": 1, "verbose": -1}
    data = lgb.Dataset(FEATURES, labels, categorical_feature=[2])
    return lgb.train(params | {"min_data_in_leaf": 5}, data, 2)


BINARY = boosted("binary", FEATURES[:, 0] > 0)
MULTICLASS = boosted("multiclass", RANDOM.integers(0, 3, 200), num_class=3)
MODELS = [export_booster(BINARY), export_booster(MULTICLASS)]
DUMP = BINARY.dump_model()


def refused(payload):
    """What the scan says at the one place where models are opened."""
    with pytest.raises(UnsafeModel) as caught:
        OnnxScorerLoader().open(ExportedModel("onnx", payload, "value"))
    return caught.value.findings


def outside(name, path):
    """A constant whose values are said to lie in another file."""
    tensor = TensorProto(name=name, data_type=TensorProto.DOUBLE, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=path)
    return tensor


def test_weights_in_another_file_are_not_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("key").write_bytes(b"12345678")
    node = helper.make_node("Add", ["X", "w"], ["value"])
    assert "key" in refused(model_of(node, constants=[outside("w", "key")]))


def test_a_bare_server_hands_out_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("key").write_bytes(b"12345678")
    node = helper.make_node("Constant", [], ["value"], value=outside("w", "key"))
    Path("m.onnx").write_bytes(model_of(node))
    with pytest.raises(UnsafeModel):
        run_model_server({"m": ModelFile(Path("m.onnx"))}, port=0, announce=print)


def test_a_pipe_in_the_place_of_a_model_is_refused(tmp_path):
    os.mkfifo(tmp_path / "m.onnx")
    with pytest.raises(InvalidModel, match="no plain file"):
        run_model_server({"m": ModelFile(tmp_path / "m.onnx")}, port=0, announce=print)


LARGE = numpy_helper.from_array(np.array([1 << 30, 1 << 10]), "shape")


@pytest.mark.parametrize(
    ("operator", "inputs"),
    [
        ("ConstantOfShape", ["shape"]),
        ("Expand", ["X", "shape"]),
        ("Tile", ["X", "shape"]),
        ("RandomNormal", []),
        ("Resize", ["X", "", "", "shape"]),
        ("Range", ["X", "X", "X"]),
        ("Einsum", ["X", "X"]),
        ("Scan", ["X"]),
        ("Loop", ["", "", "X"]),
    ],
)
def test_an_operator_that_makes_much_of_little_is_refused(operator, inputs):
    node = helper.make_node(operator, inputs, ["value"])
    assert f"operator in graph: ai.onnx.{operator}" in refused(model_of(node, constants=[LARGE]))


def test_a_function_of_the_file_itself_is_refused():
    body = [helper.make_node("Neg", ["a"], ["b"])]
    function = helper.make_function("local", "f", ["a"], ["b"], body, [helper.make_opsetid("", 21)])
    assert "function" in refused(model_of(NEGATION, functions=[function]))


def test_constants_larger_than_they_are_are_refused():
    tensor = TensorProto(name="w", data_type=TensorProto.DOUBLE, dims=[1 << 25], raw_data=b"\0" * 8)
    node = helper.make_node("Add", ["X", "w"], ["value"])
    assert "holds another number" in refused(model_of(node, constants=[tensor]))


def test_a_size_that_overflows_is_refused():
    tensor = TensorProto(name="w", data_type=TensorProto.DOUBLE, dims=[1 << 32, 1 << 32])
    node = helper.make_node("Add", ["X", "w"], ["value"])
    assert "tensor in graph" in refused(model_of(node, constants=[tensor]))


@pytest.mark.parametrize("versions", [{"opset": 6}, {"opset": 999}, {"ml": 77}])
def test_operators_of_an_unknown_version_are_refused(versions):
    assert "version in opset_import" in refused(model_of(NEGATION, **versions))


def test_a_model_of_a_hundred_thousand_operators_is_refused():
    nodes = [helper.make_node("Neg", ["X"], [f"n{i}"]) for i in range(20_001)]
    assert "nodes in graph" in refused(model_of(*nodes, NEGATION))


def doubled(times, *, constant):
    """A graph that doubles its width so many times."""
    first = "w" if constant else "X"
    names = [first, *(f"d{i}" for i in range(times))]
    nodes = [helper.make_node("Concat", [a, a], [b], axis=1) for a, b in pairwise(names)]
    nodes.append(helper.make_node("ReduceMax", [names[-1], "axis"], ["value"]))
    return model_of(*nodes, constants=[AXIS, numpy_helper.from_array(np.ones((1, 3)), "w")])


@pytest.mark.parametrize("constant", [True, False])
def test_harmless_operators_that_double_a_tensor_end_at_the_allocator(constant):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ScoringFailed):
        OnnxScorer(doubled(40, constant=constant)).predict(ROWS)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 2 << 20  # kibibytes


def test_a_scorer_that_ran_out_of_memory_leaves_the_others_alone():
    good, bad = OnnxScorer(MODELS[0]), OnnxScorer(doubled(40, constant=False))
    expected = good.predict(FEATURES).tobytes()
    with pytest.raises(ScoringFailed):
        bad.predict(ROWS)
    assert good.predict(FEATURES).tobytes() == expected


def nested(depth):
    """A graph in an attribute of a graph, so often."""
    graph = helper.make_graph([NEGATION], "inner", [], [])
    for _ in range(depth):
        graph = helper.make_graph(
            [helper.make_node("Identity", ["X"], ["value"], body=graph)], "g", [], []
        )
    return ModelProto(graph=graph, ir_version=10).SerializeToString()


def test_graphs_in_graphs_in_graphs_are_refused():
    with pytest.raises(InvalidModel, match="nested"):
        OnnxScorer(nested(30))


def test_what_two_readers_would_read_differently_is_refused():
    twice = (
        MODELS[0] + ModelProto(graph=helper.make_graph([NEGATION], "g", [], [])).SerializeToString()
    )
    with pytest.raises(InvalidModel, match="written twice"):
        OnnxScorer(twice)


def test_a_megabyte_of_empty_messages_is_not_built():
    # Two bytes each; protobuf makes an object of a hundred of them.
    graph = b"\x0a\x00" * 3_000_000
    payload = b"\x08\x0a\x3a" + _varint(len(graph)) + graph
    with pytest.raises(InvalidModel, match="fields"):
        OnnxScorer(payload)


def _varint(value):
    groups = []
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])


TREES = {"nodes_truenodeids": 99, "nodes_falsenodeids": -1, "leaf_targetids": 9, "tree_roots": 50}


@pytest.mark.parametrize("name", TREES)
def test_trees_that_lead_out_of_their_lists_are_refused(name):
    model = ModelProto.FromString(MODELS[0])
    [trees] = (n for n in model.graph.node if n.op_type == "TreeEnsemble")
    next(a for a in trees.attribute if a.name == name).ints[0] = TREES[name]
    assert f"{name} names what is not there" in refused(model.SerializeToString())


@pytest.mark.parametrize("name", ["nodes_featureids", "nodes_falseleafs", "leaf_targetids"])
def test_trees_whose_lists_differ_in_length_are_refused(name):
    model = ModelProto.FromString(MODELS[0])
    [trees] = (n for n in model.graph.node if n.op_type == "TreeEnsemble")
    del next(a for a in trees.attribute if a.name == name).ints[-1]
    assert "trees in graph" in refused(model.SerializeToString())


# Found by fuzzing: ONNX Runtime 1.32 ends the process over it.
def test_a_split_into_fewer_parts_than_it_names_is_refused():
    node = helper.make_node("Split", ["X"], ["value", "b", "c"], axis=1, num_outputs=2)
    assert "num_outputs" in refused(model_of(node))


def test_an_attribute_of_another_type_than_it_says_is_refused():
    node = helper.make_node("Concat", ["X", "X"], ["value"], axis=1)
    node.attribute[0].type = 7
    assert "is not of the type it says" in refused(model_of(node))


mutations = st.lists(
    st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=6
)


def mutated(payload, changes):
    changed = bytearray(payload)
    for place, byte in changes:
        changed[place % len(changed)] = byte
    return bytes(changed)


@contextmanager
def refused_by_us(codes):
    """A block that ends well, or with one of these errors."""
    try:
        yield
    except MainspringError as error:
        if error.code not in codes:
            raise


@settings(max_examples=200)
@given(st.sampled_from(MODELS), mutations)
def test_a_damaged_model_is_refused_or_scores(payload, changes):
    with refused_by_us({"ENG-201", "ENG-202", "ENG-203", "ENG-205"}):
        scorer = OnnxScorer(mutated(payload, changes))
        assert len(scorer.predict(np.zeros((2, max(scorer.feature_count, 0))))) == 2


@settings(max_examples=200)
@given(st.sampled_from(MODELS), mutations, st.integers(0, 400))
def test_the_scan_reads_what_protobuf_reads_or_refuses_it(payload, changes, cut):
    damaged = mutated(payload, changes)[: len(payload) - cut]
    try:
        read = read_message(damaged)
    except MalformedProtobuf:
        return
    model = ModelProto.FromString(damaged)
    [graph] = read.messages("graph") or [None]
    assert [n.op_type for n in model.graph.node] == [
        n.text("op_type") for n in (graph.messages("node") if graph else ())
    ]
    for theirs, ours in zip(model.graph.node, graph.messages("node"), strict=True):
        for attribute, found in zip(theirs.attribute, ours.messages("attribute"), strict=True):
            assert list(attribute.ints) == list(found.integers("ints"))


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_model_are_refused(payload):
    assert scan_onnx(payload)


def test_the_reader_knows_the_fields_of_the_format_by_their_numbers():
    model = onnx_ml_pb2.DESCRIPTOR.message_types_by_name["ModelProto"]
    assert {f.number: f.name for f in model.fields if f.number != 26} == {
        1: "ir_version", 2: "producer_name", 3: "producer_version", 4: "domain",
        5: "model_version", 6: "doc_string", 7: "graph", 8: "opset_import",
        14: "metadata_props", 20: "training_info", 25: "functions",
    }  # fmt: skip


class Dumped:
    """What pretends to be a booster."""

    def __init__(self, dump):
        self._dump = dump

    def dump_model(self):
        return self._dump


def places_of(value, path=()):
    """The paths to all that a dump holds."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [path, *(p for key, each in items for p in places_of(each, (*path, key)))]
    return [path]


USED = ("tree_info", "max_feature_idx", "num_tree_per_iteration", "objective", "average_output")
PLACES = [p for name in USED for p in places_of(DUMP.get(name), (name,))]
strange = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.just([]),
    st.just({}), st.just("1||x"), st.just(10**30), st.just("binary sigmoid:x"),
)  # fmt: skip


@settings(max_examples=200)
@given(st.sampled_from(PLACES), strange)
def test_a_booster_that_says_something_strange_is_refused_or_scores(place, value):
    dump = copy.deepcopy(DUMP)
    at = dump
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    with refused_by_us({"ENG-102", "ENG-201", "ENG-202", "ENG-203", "ENG-205"}):
        assert np.isfinite(OnnxScorer(export_booster(Dumped(dump))).predict(FEATURES)).all()


def test_a_tree_that_contains_itself_is_refused():
    dump = copy.deepcopy(DUMP)
    root = dump["tree_info"][0]["tree_structure"]
    root["left_child"] = root
    dump["tree_info"] = dump["tree_info"][:1]
    with pytest.raises(MainspringError, match="more than 5000000 nodes"):
        export_booster(Dumped(dump))
