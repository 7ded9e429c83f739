"""Whatever is asked of a server that it does not answer is refused by a problem document."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from onnx import TensorProto, helper

from tests.journeys.lateness import Server, call, make_project, serving

pytestmark = pytest.mark.journey

PREDICT, PUSH = "/v1/endpoints/late/predict", "/v1/sources/sales/events"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("projects") / "shop")


@pytest.fixture(scope="module")
def server(project: Path) -> Iterator[Server]:
    with serving(project) as running:
        yield running


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", [PREDICT, PUSH, "/v2/models/late/infer"])
def test_a_method_that_a_route_has_not_is_told_with_those_that_it_has(
    method: str, path: str, server: Server
) -> None:
    status, payload, headers = server.ask_raw(path, method=method)
    assert (status, headers["allow"]) == (405, "POST")
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(payload)["code"] == "SRV-021"


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "TRACE"])
@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/nothing", "/v3/health/ready", "/%00", f"{PREDICT}/"]
)
def test_a_route_that_is_not_there_is_told(method: str, path: str, server: Server) -> None:
    status, payload, headers = server.ask_raw(path, b"{}", method=method)
    assert (status, headers["content-type"]) == (404, "application/problem+json")
    problem = json.loads(payload)
    assert (problem["status"], problem["code"]) == (404, "SRV-020")


@pytest.mark.parametrize("method", ["FROB", "get", "X-Y"])
def test_a_method_that_nobody_knows_is_told(method: str, server: Server) -> None:
    status, payload, headers = server.ask_raw(PREDICT, method=method)
    assert (status, headers["allow"]) == (405, "GET, HEAD, POST, PUT")
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(payload)["detail"] == f"{PREDICT} does not answer {method}"


@pytest.mark.parametrize(
    "line", [b"nonsense\r\n\r\n", bytes(range(256)), b"GET /v2 HTTP/9\r\n\r\n"]
)
def test_bytes_that_are_no_request_are_told(line: bytes, server: Server) -> None:
    address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(line)
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["code"] == "SRV-004"


@pytest.mark.parametrize("path", [PREDICT, PUSH, "/v2/models/late/infer"])
@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b"3", b"[1]", b"{", b"[" * 30, b'{"rows": 3}', b'{"rows": [3]}', bytes(256)],
)
def test_a_body_that_is_none_is_told(path: str, payload: bytes, server: Server) -> None:
    status, answer, headers = server.ask_raw(path, payload)
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert json.loads(answer)["code"].startswith("SRV-")


@pytest.mark.parametrize(
    "verb", [["serve"], ["serve-model", "model.onnx", "--token-file", "model.token"]]
)
def test_a_port_that_is_taken_is_misuse(verb: list[str], project: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["X", "w"], ["score"])],
        "scorer",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["rows", 1])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["rows", 1])],
        [helper.make_tensor("w", TensorProto.FLOAT, [1, 1], [2.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    (project / "model.onnx").write_bytes(model.SerializeToString())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = call(project, [*verb, "--port", str(port)])
    assert answer.code == 2, answer.text
    assert answer.err.startswith(f"SRV-030 port {port} cannot be used")
    assert "--port 0" in answer.err
