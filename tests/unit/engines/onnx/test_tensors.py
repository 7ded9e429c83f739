"""ONNX models of any signature."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from mainspring.engines.onnx.errors import InvalidModel, ScoringFailed
from mainspring.engines.onnx.tensors import OnnxTensorModel
from mainspring.ports.tensors import TensorSpec

KINDS = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}
VALUES = {"BYTES": np.array(["", "née", "a b"], dtype=object), "BOOL": np.array([True, False])}


def model_of(nodes, inputs, outputs, constants=()):
    """The bytes of a graph; tensors by name, each (type, shape)."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, *each) for name, each in inputs.items()],
        [helper.make_tensor_value_info(name, *each) for name, each in outputs.items()],
        list(constants),
    )
    imports = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10).SerializeToString()


def identity(datatype):
    kind = KINDS[datatype]
    node = helper.make_node("Identity", ["x"], ["y"])
    return model_of([node], {"x": (kind, ["rows"])}, {"y": (kind, ["rows"])})


@pytest.mark.parametrize("datatype", KINDS)
def test_every_datatype_goes_in_and_comes_out(datatype):
    model = OnnxTensorModel(identity(datatype))
    assert model.inputs == [TensorSpec("x", datatype, (-1,))]
    dtype = helper.tensor_dtype_to_np_dtype(KINDS[datatype])
    values = VALUES.get(datatype, np.array([1, 2, 3]).astype(dtype))
    [found] = model.run({"x": values}, ["y"])
    assert (found.tolist(), found.dtype) == (values.tolist(), values.dtype)


def test_two_inputs_and_two_outputs_of_which_some_are_asked_for():
    nodes = [
        helper.make_node("Identity", ["a"], ["first"]),
        helper.make_node("MatMul", ["a", "b"], ["second"]),
    ]
    floats = TensorProto.FLOAT
    model = OnnxTensorModel(
        model_of(
            nodes,
            {"a": (floats, ["n", "k"]), "b": (floats, ["k", 1])},
            {"first": (floats, ["n", "k"]), "second": (floats, ["n", 1])},
        )
    )
    inputs = {"a": np.ones((2, 3), np.float32), "b": np.ones((3, 1), np.float32)}
    [second] = model.run(inputs, ["second"])
    assert (second.tolist(), model.is_rowwise) == ([[3.0], [3.0]], False)
    with pytest.raises(ScoringFailed):
        model.run(inputs | {"b": np.ones((4, 1), np.float32)}, ["second"])


def test_outputs_that_are_no_tensors_are_left_out_of_the_signature():
    classifier = helper.make_node(
        "LinearClassifier",
        ["x"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        coefficients=[1.0, -1.0],
        intercepts=[0.0, 0.0],
        classlabels_ints=[0, 1],
    )
    maps = helper.make_node(
        "ZipMap", ["scores"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]
    )
    graph = helper.make_graph(
        [classifier, maps],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]),
            helper.make_value_info(
                "maps",
                helper.make_sequence_type_proto(
                    helper.make_map_type_proto(
                        TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, None)
                    )
                ),
            ),
        ],
    )
    imports = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]
    payload = helper.make_model(graph, opset_imports=imports, ir_version=10).SerializeToString()
    model = OnnxTensorModel(payload)
    assert [spec.name for spec in model.outputs] == ["label"]
    assert model.run({"x": np.array([[2.0]], np.float32)}, ["label"])[0].tolist() == [0]


@pytest.mark.parametrize(
    ("nodes", "constants", "is_rowwise"),
    [
        ([("Identity", "x")], [], True),
        ([("Neg", "x")], [], True),
        ([("Add", "x", "one")], [np.array(1.0)], True),
        ([("Add", "x", "one")], [np.array([1.0])], False),
        ([("Add", "x", "x")], [], False),
        ([("Softmax", "x")], [], False),
        ([("Sigmoid", "x")], [], False),
    ],
)
def test_only_what_goes_row_by_row_is_joined(nodes, constants, is_rowwise):
    made = [helper.make_node(operator, inputs, ["y"]) for operator, *inputs in nodes]
    tensors = [numpy_helper.from_array(each, "one") for each in constants]
    shape = (TensorProto.DOUBLE, ["rows"])
    model = OnnxTensorModel(model_of(made, {"x": shape}, {"y": shape}, tensors))
    assert model.is_rowwise is is_rowwise


def test_a_model_of_a_fixed_number_of_rows_is_not_joined():
    node = helper.make_node("Identity", ["x"], ["y"])
    shape = (TensorProto.DOUBLE, [1])
    assert not OnnxTensorModel(model_of([node], {"x": shape}, {"y": shape})).is_rowwise


def test_a_signature_that_the_protocol_cannot_say_is_refused():
    node = helper.make_node("Identity", ["x"], ["y"])
    shape = (TensorProto.BFLOAT16, [1])
    with pytest.raises(InvalidModel):
        OnnxTensorModel(model_of([node], {"x": shape}, {"y": shape}))
