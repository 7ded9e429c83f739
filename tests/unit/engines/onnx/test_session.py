"""Where and how a session of ONNX Runtime computes."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from mainspring.engines.onnx.errors import InvalidModel
from mainspring.engines.onnx.providers import CPU, OnnxProvider, open_placed
from mainspring.engines.onnx.session import open_session
from mainspring.ports.placement import (
    NodesElsewhere,
    Placed,
    Placement,
    ProviderFailed,
    ProviderMissing,
)

CUDA = Placement(provider="cuda")
CUDA_OR_CPU = Placement(provider="cuda", fallback="cpu")
REMOTE = OnnxProvider("AzureExecutionProvider")
"""The one other provider that every build has: it is installed, and no node here can run on it."""

needs_no_gpu = pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(),
    reason="this ONNX Runtime has CUDA",
)


def _model(*operators: str) -> bytes:
    """A row through these operators, one after the other."""
    row = helper.make_tensor_value_info("t0", TensorProto.FLOAT, [None, 2])
    out = helper.make_tensor_value_info(f"t{len(operators)}", TensorProto.FLOAT, [None, 2])
    nodes = [
        helper.make_node(operator, [f"t{place}"], [f"t{place + 1}"])
        for place, operator in enumerate(operators)
    ]
    graph = helper.make_graph(nodes, "rows", [row], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def _open(provider: OnnxProvider) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    return onnxruntime.InferenceSession(
        _model("Abs", "Exp"), options, providers=[provider.name], enable_fallback=0
    )


def test_a_model_runs_on_the_cpu_whatever_else_the_build_offers() -> None:
    opened = open_session(_model("Identity"))

    assert (opened.session.get_providers(), opened.placed) == ([CPU], Placed())


@pytest.mark.parametrize("place", [Placement(), CUDA_OR_CPU])
def test_a_model_computes_in_one_thread_and_in_order(place: Placement) -> None:
    options = open_session(_model("Identity"), place).session.get_session_options()

    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert options.execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL


@needs_no_gpu
def test_a_provider_that_is_not_installed_is_refused_with_those_that_are() -> None:
    assert "CUDAExecutionProvider" in onnxruntime.get_all_providers()

    with pytest.raises(ProviderMissing, match=r"SRV-120.* cuda, .* has azure, cpu only"):
        open_session(_model("Identity"), CUDA)


@needs_no_gpu
def test_a_declared_fallback_computes_and_says_why() -> None:
    session, placed = open_session(_model("Abs"), CUDA_OR_CPU)

    assert session.get_providers() == [CPU]
    [found] = session.run(["t1"], {"t0": np.float32([[-1, 2]])})
    assert found.tolist() == [[1.0, 2.0]]
    assert (placed.name, placed.is_fallback) == ("cpu", True)
    assert str(placed).startswith("cpu, the fallback: cuda is declared, and this ONNX Runtime has")


def test_nodes_that_the_provider_cannot_run_are_refused_by_their_operators() -> None:
    assert _open(REMOTE).get_providers()[0] == REMOTE.name, "the session names it all the same"

    with pytest.raises(NodesElsewhere, match="2 of the 2 nodes of the model: Abs, Exp"):
        open_placed(CUDA, REMOTE, _open)


def test_a_provider_that_runs_no_node_is_no_provider_but_the_fallback() -> None:
    session, placed = open_placed(CUDA_OR_CPU, REMOTE, _open)

    assert (session.get_providers(), placed.name) == ([CPU], "cpu")
    assert placed.reason == "it can run none of the graph's nodes (Abs, Exp)"


def test_a_provider_that_onnx_runtime_has_dropped_is_a_failure() -> None:
    def drop(_: OnnxProvider) -> onnxruntime.InferenceSession:
        return _open(OnnxProvider(CPU))

    with pytest.raises(ProviderFailed, match="SRV-121"):
        open_placed(CUDA, REMOTE, drop)
    assert open_placed(CUDA_OR_CPU, REMOTE, drop).placed.is_fallback


def test_no_fallback_hides_what_is_wrong_with_a_model(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidModel):
        open_session(_model("Abs", "Add"), CUDA_OR_CPU)
    # ONNX Runtime's own attempt on the CPU writes there, and leaves our bounds out.
    assert "EP Error" not in capfd.readouterr().out
