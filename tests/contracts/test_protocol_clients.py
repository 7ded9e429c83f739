"""Clients of others against a running server, of either kind: tritonclient and curl.  KServe's is
in test_kserve_client.
"""

import gzip
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.contracts.identities import serving_identities
from tests.unit.engines.onnx.test_tensors import KINDS

TYPES = {
    "BOOL": np.bool_,
    **{
        f"{sign}INT{bits}": np.dtype(f"{sign}int{bits}".lower())
        for sign in ("", "U")
        for bits in (8, 16, 32, 64)
    },
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
    "BYTES": np.object_,
}


def values_of(datatype):
    if datatype == "BYTES":
        return np.array(["", "née", "a b"], dtype=object)
    return np.array([1, 0, 1]).astype(TYPES[datatype])


def plain(array):
    return [each.decode() if isinstance(each, bytes) else each for each in array.tolist()]


@pytest.fixture(scope="module", params=["native", "uvicorn"])
def server(request, tmp_path_factory) -> Iterator[str]:
    """The address of a server of one identity for each datatype."""
    folder = tmp_path_factory.mktemp("models")
    with serving_identities(folder, "--server", request.param) as address:
        yield address


@pytest.fixture
def triton(server):
    http = pytest.importorskip("tritonclient.http", exc_type=ImportError)
    client = http.InferenceServerClient(server)
    yield http, client
    client.close()


@pytest.mark.parametrize("packed", [None, "gzip", "deflate"])
@pytest.mark.parametrize("datatype", sorted(KINDS))
def test_tritonclient_gets_back_what_it_sent_in_every_form(triton, datatype, packed):
    http, client = triton
    sent = values_of(datatype)
    for binary_in, binary_out in ((True, True), (True, False), (False, True), (False, False)):
        if datatype == "FP16" and not (binary_in and binary_out):
            continue
        given = http.InferInput("x", [3], datatype)
        given.set_data_from_numpy(sent, binary_data=binary_in)
        found = client.infer(
            datatype,
            [given],
            outputs=[http.InferRequestedOutput("y", binary_data=binary_out)],
            request_id="7",
            request_compression_algorithm=packed,
        )
        assert (found.get_response()["id"], plain(found.as_numpy("y"))) == ("7", sent.tolist())


def test_tritonclient_finds_health_models_versions_and_statistics(triton):
    http, client = triton
    assert client.is_server_live()
    assert client.is_server_ready()
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    [version] = client.get_model_metadata("FP32")["versions"]
    assert client.is_model_ready("FP32", version)
    assert not client.is_model_ready("FP32", "2")
    assert {each["name"] for each in client.get_model_repository_index()} == {*KINDS}
    assert len(client.get_inference_statistics()["model_stats"]) == len(KINDS)
    [stats] = client.get_inference_statistics("FP32", version)["model_stats"]
    assert stats["inference_stats"]["success"]["count"] >= 0
    with pytest.raises(http.InferenceServerException, match="SRV-095"):
        client.unload_model("FP32")


def test_tritonclient_is_told_what_is_wrong(triton):
    http, client = triton
    given = http.InferInput("x", [3], "FP64")
    given.set_data_from_numpy(np.ones(3))
    for model, match in (("FP32", "datatype FP64"), ("none", "SRV-091")):
        with pytest.raises(http.InferenceServerException, match=match):
            client.infer(model, [given])


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_sends_packed_json_and_reads_the_answer(server, tmp_path: Path):
    tensor = {"name": "x", "shape": [2], "datatype": "INT32", "data": [1, 2]}
    (tmp_path / "body").write_bytes(gzip.compress(json.dumps({"inputs": [tensor]}).encode()))
    told = subprocess.run(
        [
            *("curl", "-s", "-H", "Content-Encoding: gzip", "--data-binary", "@body"),
            f"http://{server}/v2/models/INT32/infer",
        ],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert json.loads(told.stdout)["outputs"][0]["data"] == [1, 2]
