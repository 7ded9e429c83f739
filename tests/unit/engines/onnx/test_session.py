"""Where and how a session of ONNX Runtime computes."""

import onnxruntime
from onnx import TensorProto, helper

from mainspring.engines.onnx.session import open_session


def _identity() -> bytes:
    row = helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 2])
    out = helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, 2])
    graph = helper.make_graph([helper.make_node("Identity", ["X"], ["Y"])], "same", [row], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def test_a_model_runs_on_the_cpu_whatever_else_the_build_offers() -> None:
    found = open_session(_identity()).get_providers()

    assert found == ["CPUExecutionProvider"]


def test_a_model_computes_in_one_thread_and_in_order() -> None:
    options = open_session(_identity()).get_session_options()

    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert options.execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL
