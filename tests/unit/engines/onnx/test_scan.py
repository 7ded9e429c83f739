"""What the scan lets through and what it names."""

import pytest
from onnx import TensorProto, helper

from mainspring.engines.onnx.scan import ScanFinding, ScanLimits, scan_onnx

VALUE = [
    helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["rows", 1]) for name in ("X", "value")
]


def payload_of(*nodes, constants=(), opsets=(("", 21),), functions=()):
    graph = helper.make_graph(list(nodes), "g", VALUE[:1], VALUE[1:], list(constants))
    imports = [helper.make_opsetid(domain, version) for domain, version in opsets]
    return helper.make_model(
        graph, opset_imports=imports, ir_version=10, functions=list(functions)
    ).SerializeToString()


def rules(payload, **limits):
    return {finding.rule for finding in scan_onnx(payload, limits=ScanLimits(**limits))}


NEGATION = helper.make_node("Neg", ["X"], ["value"])


def test_a_graph_of_known_operators_has_no_findings():
    assert scan_onnx(payload_of(NEGATION)) == ()


def test_an_operator_outside_the_list_is_named_once_with_its_count():
    strange = [helper.make_node("ConstantOfShape", ["X"], [name]) for name in ("a", "value")]
    assert scan_onnx(payload_of(*strange)) == (
        ScanFinding(rule="operator", where="graph", detail="ai.onnx.ConstantOfShape × 2"),
    )


def test_a_custom_domain_is_found_as_domain_and_as_operator():
    node = helper.make_node("Shell", ["X"], ["value"], domain="com.example")
    assert rules(payload_of(node, opsets=(("", 21), ("com.example", 1)))) == {"domain", "operator"}


def test_a_function_is_found_even_when_nothing_calls_it():
    function = helper.make_function(
        "local",
        "f",
        ["a"],
        ["b"],
        [helper.make_node("Neg", ["a"], ["b"])],
        [helper.make_opsetid("", 21)],
    )
    assert rules(payload_of(NEGATION, functions=[function])) == {"function"}


def outside(name):
    """A constant whose values are said to lie in a file on the server."""
    tensor = TensorProto(
        name=name, data_type=TensorProto.DOUBLE, dims=[1], data_location=TensorProto.EXTERNAL
    )
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


def test_external_data_is_found_with_its_path():
    [finding] = scan_onnx(payload_of(NEGATION, constants=[outside("weights")]))
    assert (finding.rule, finding.detail) == ("external_data", "weights at ../../etc/passwd")


def test_external_data_in_an_attribute_is_found():
    node = helper.make_node("Constant", [], ["value"], value=outside(""))
    assert rules(payload_of(node)) == {"external_data"}


def test_what_hides_in_a_branch_is_found():
    hidden = helper.make_graph(
        [helper.make_node("Shell", [], ["y"], domain="com.example")], "branch", [], VALUE[1:]
    )
    node = helper.make_node("If", ["X"], ["value"], then_branch=hidden, else_branch=hidden)
    found = scan_onnx(payload_of(node))
    assert ("operator", "graph/If") in {(f.rule, f.where) for f in found}
    assert {"subgraph", "operator"} == {f.rule for f in found}


@pytest.mark.parametrize(
    ("limit", "rule"),
    [({"size_bytes": 10}, "size"), ({"nodes": 0}, "nodes"), ({"tensor_elements": 3}, "tensor")],
)
def test_a_model_beyond_a_limit_is_found(limit, rule):
    assert rules(
        payload_of(
            NEGATION, constants=[helper.make_tensor("w", TensorProto.DOUBLE, [4], [0.0] * 4)]
        ),
        **limit,
    ) == {rule}


@pytest.mark.parametrize(
    "payload", [b"", b"#!/bin/sh", payload_of(NEGATION)[:-9]], ids=["empty", "script", "truncated"]
)
def test_what_cannot_be_read_is_a_finding(payload):
    assert rules(payload) == {"unreadable"}
