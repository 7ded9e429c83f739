"""Two exports of one model that differ in stamps, names and order become the same bytes."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mainspring.engines.onnx.canonical import canonical_bytes
from mainspring.engines.onnx.errors import InvalidModel
from mainspring.engines.onnx.scorer import OnnxScorer


def exported(stamp, *, constants_reversed=False, slope=2.0):
    """`value = X · slope + 1`, as an exporter that stamps everything with `stamp` would write
    it.
    """
    constants = [
        helper.make_tensor(f"slope_{stamp}", TensorProto.DOUBLE, [], [slope]),
        helper.make_tensor(f"one_{stamp}", TensorProto.DOUBLE, [], [1.0]),
    ]
    nodes = [
        helper.make_node(
            "Mul",
            ["X", f"slope_{stamp}"],
            [f"product_{stamp}"],
            name=f"mul_{stamp}",
            doc_string=stamp,
        ),
        helper.make_node(
            "Add", [f"product_{stamp}", f"one_{stamp}"], ["value"], name=f"add_{stamp}"
        ),
    ]
    graph = helper.make_graph(
        nodes,
        f"graph_{stamp}",
        [helper.make_tensor_value_info("X", TensorProto.DOUBLE, ["rows", 1])],
        [helper.make_tensor_value_info("value", TensorProto.DOUBLE, ["rows", 1])],
        constants[::-1] if constants_reversed else constants,
        doc_string=stamp,
    )
    opsets = [helper.make_opsetid("ai.onnx.ml", 5), helper.make_opsetid("", 21)]
    model = helper.make_model(
        graph,
        opset_imports=opsets[::-1] if constants_reversed else opsets,
        ir_version=10,
        producer_name=stamp,
    )
    helper.set_model_props(model, {"exported": stamp})
    return model.SerializeToString()


def test_stamps_names_and_order_leave_no_trace():
    assert canonical_bytes(exported("monday")) == canonical_bytes(
        exported("friday", constants_reversed=True)
    )


def test_another_constant_is_another_model():
    assert canonical_bytes(exported("a")) != canonical_bytes(exported("a", slope=3.0))


def test_canonical_bytes_are_their_own_canonical_bytes():
    once = canonical_bytes(exported("a"))
    assert canonical_bytes(once) == once


def test_the_canonical_model_computes_the_same():
    rows = np.array([[1.5], [-2.0]])
    np.testing.assert_array_equal(
        OnnxScorer(canonical_bytes(exported("a"))).predict(rows), [4.0, -3.0]
    )


def test_the_canonical_model_is_valid():
    onnx.checker.check_model(canonical_bytes(exported("a")), full_check=True)


def test_an_inner_name_never_meets_the_name_of_an_output():
    node = helper.make_node("Neg", ["X"], ["hidden"]), helper.make_node("Neg", ["hidden"], ["v3"])
    value = [
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["rows", 1]) for name in ("X", "v3")
    ]
    model = helper.make_model(
        helper.make_graph(node, "g", value[:1], value[1:]),
        opset_imports=[helper.make_opsetid("", 21)],
        ir_version=10,
    )
    np.testing.assert_array_equal(
        OnnxScorer(canonical_bytes(model.SerializeToString())).predict(np.array([[5.0]])), [5.0]
    )


@pytest.mark.parametrize("payload", [b"", b"not a model"])
def test_bytes_that_are_no_model_are_refused(payload):
    with pytest.raises(InvalidModel, match="protobuf"):
        canonical_bytes(payload)
