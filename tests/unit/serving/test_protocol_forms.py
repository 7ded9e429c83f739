"""Every form that a request of the Open Inference Protocol may have, and every way to get it wrong:
datatypes, binary data, packing, turns, the repository and statistics.

What is expected is what the test suites of other servers expect, said anew.
"""

import gzip
import json
import struct
import zlib

import numpy as np
import pytest

from mainspring.elements.errors import MainspringError
from mainspring.ports.errors import BadRequest, BodyTooComplex
from mainspring.ports.http import Call, Reply
from mainspring.ports.placement import Placed
from mainspring.ports.tensors import TensorSpec
from mainspring.serving.errors import WrongTensor
from mainspring.serving.protocol import ProtocolApi, matrix_model, tensor_model
from mainspring.serving.protocol.binary import bytes_of_array
from mainspring.serving.protocol.datatypes import DATATYPES
from mainspring.serving.protocol.errors import (
    EncodingNotKnown,
    ModelNotLoaded,
    ModelNotManaged,
    OutputNotSayable,
    UnknownModel,
    WrongField,
)
from mainspring.serving.protocol.files import FileModels
from mainspring.serving.protocol.packed import unpacked
from tests.unit.serving.conftest import Adder, Linear

VALUES = {
    "BOOL": [True, False, True],
    "UINT8": [0, 1, 255],
    "UINT16": [0, 1, 2**16 - 1],
    "UINT32": [0, 1, 2**32 - 1],
    "UINT64": [0, 1, 2**64 - 1],
    "INT8": [-128, 0, 127],
    "INT16": [-(2**15), 0, 2**15 - 1],
    "INT32": [-(2**31), 0, 2**31 - 1],
    "INT64": [-(2**63), 0, 2**63 - 1],
    "FP16": [0.5, -1.0, 65504.0],
    "FP32": [0.5, -0.0, 3.4028234663852886e38],
    "FP64": [0.1, -0.0, 1.7976931348623157e308],
    "BYTES": ["", "née", "a\x00b"],
}


class Identity:
    """A model that gives back what it takes."""

    platform, is_rowwise, placed = "test", False, Placed()

    def __init__(self, *datatypes, shape=(-1,)):
        self.inputs = [TensorSpec(f"in{n}", kind, shape) for n, kind in enumerate(datatypes)]
        self.outputs = [TensorSpec(f"out{n}", kind, shape) for n, kind in enumerate(datatypes)]

    def run(self, inputs, outputs):
        return [inputs[name.replace("out", "in")] for name in outputs]


def api_of(*models, **more):
    files = FileModels({model.name: lambda model=model: model for model in models}, **more)
    return ProtocolApi(files, version="9", ready=lambda _: Reply(200), now_ms=lambda: 7)


def identity(*datatypes, shape=(-1,)):
    return api_of(tensor_model("same", "1", Identity(*datatypes, shape=shape)))


def call(body, headers=None, **path):
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Call("POST", path={"name": "same", **path}, headers=headers or {}, body=payload)


def tensor(datatype, data, name="in0", **more):
    return {"name": name, "shape": [len(data)], "datatype": datatype, "data": data} | more


def binary_call(head, *chunks, outputs=False):
    """A request with binary data behind its JSON."""
    written = json.dumps(head).encode()
    headers = {"inference-header-content-length": str(len(written))}
    return call(written + b"".join(chunks), headers)


def binary_tensor(datatype, chunk, count, name="in0"):
    parameters = {"binary_data_size": len(chunk)}
    return {"name": name, "shape": [count], "datatype": datatype, "parameters": parameters}


def array_of(datatype):
    return np.array(VALUES[datatype], dtype=DATATYPES[datatype].dtype)


@pytest.mark.parametrize("datatype", sorted(set(VALUES) - {"FP16"}))
def test_every_datatype_comes_back_from_json_as_it_was_sent(datatype):
    asked = {"inputs": [tensor(datatype, VALUES[datatype])], "id": "a-1"}
    answer = json.loads(identity(datatype).infer(call(asked)).body)
    assert (answer["id"], answer["outputs"]) == (
        "a-1",
        [tensor(datatype, VALUES[datatype], "out0")],
    )


@pytest.mark.parametrize("datatype", sorted(VALUES))
def test_every_datatype_comes_back_from_binary_data_byte_for_byte(datatype):
    chunk = bytes_of_array(array_of(datatype), datatype)
    asked = {
        "inputs": [binary_tensor(datatype, chunk, 3)],
        "parameters": {"binary_data_output": True},
    }
    reply = identity(datatype).infer(binary_call(asked, chunk))
    length = int(reply.headers["Inference-Header-Content-Length"])
    [output] = json.loads(reply.body[:length])["outputs"]
    assert output["parameters"] == {"binary_data_size": len(chunk)}
    assert (reply.body[length:], reply.media_type) == (chunk, "application/octet-stream")


@pytest.mark.parametrize("datatype", sorted(VALUES))
def test_a_body_without_json_is_the_data_of_the_one_input(datatype):
    chunk = "née".encode() if datatype == "BYTES" else bytes_of_array(array_of(datatype), datatype)
    reply = identity(datatype).infer(call(chunk, {"inference-header-content-length": "0"}))
    length = int(reply.headers["Inference-Header-Content-Length"])
    framed = struct.pack("<I", len(chunk)) + chunk if datatype == "BYTES" else chunk
    assert reply.body[length:] == framed


def test_json_and_binary_data_stand_beside_each_other_and_outputs_select():
    chunk = bytes_of_array(array_of("INT16"), "INT16")
    asked = {
        "inputs": [binary_tensor("INT16", chunk, 3), tensor("BOOL", [True], "in1")],
        "outputs": [{"name": "out1"}, {"name": "out0", "parameters": {"binary_data": True}}],
    }
    reply = identity("INT16", "BOOL").infer(binary_call(asked, chunk))
    length = int(reply.headers["Inference-Header-Content-Length"])
    outputs = json.loads(reply.body[:length])["outputs"]
    assert [output["name"] for output in outputs] == ["out1", "out0"]
    assert (outputs[0]["data"], reply.body[length:]) == ([True], chunk)


def test_nested_data_is_read_to_the_last_dimension():
    api = identity("INT32", shape=(-1, 2, -1))
    nested = [[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]]
    for data in (nested, list(range(1, 13))):
        asked = tensor("INT32", data, shape=[2, 2, 3])
        [output] = json.loads(api.infer(call({"inputs": [asked]})).body)["outputs"]
        assert (output["shape"], output["data"]) == ([2, 2, 3], list(range(1, 13)))


GOOD = tensor("INT32", [1, 2])
FOUR = {"inputs": [binary_tensor("INT32", b"1234", 1)]}


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"inputs": []},
        {"inputs": [GOOD, GOOD]},
        {"inputs": [GOOD | {"name": "other"}]},
        {"inputs": [GOOD | {"datatype": "INT64"}]},
        {"inputs": [GOOD | {"datatype": "int32"}]},
        {"inputs": [GOOD | {"datatype": "BF16"}]},
        {"inputs": [GOOD | {"shape": [3]}]},
        {"inputs": [GOOD | {"shape": [-2]}]},
        {"inputs": [GOOD | {"shape": [0], "data": []}]},
        {"inputs": [GOOD | {"shape": [1, 2]}]},
        {"inputs": [GOOD | {"shape": [2.0]}]},
        {"inputs": [GOOD | {"shape": [10**30]}]},
        {"inputs": [GOOD | {"data": None}]},
        {"inputs": [GOOD | {"data": "12"}]},
        {"inputs": [GOOD | {"data": [1, None]}]},
        {"inputs": [GOOD | {"data": [1, 10**400]}]},
        {"inputs": [GOOD | {"more": 1}]},
        {"inputs": [{"name": "in0", "datatype": "INT32", "shape": [1]}]},
        {"inputs": [GOOD | {"parameters": {"binary_data_size": 8}}]},
        {"inputs": [GOOD | {"parameters": {"shared_memory_region": "x"}}]},
        {"inputs": [GOOD | {"parameters": {"x": [1]}}]},
        {"inputs": [GOOD], "outputs": [{"name": "other"}]},
        {"inputs": [GOOD], "outputs": [{"name": "out0"}, {"name": "out0"}]},
        {"inputs": [GOOD], "outputs": [{"name": "out0", "parameters": {"classification": 2}}]},
        {"inputs": [GOOD], "outputs": [{"name": "out0", "parameters": {"binary_data": 1}}]},
        {"inputs": [GOOD], "ouputs": []},
        {"inputs": [GOOD], "id": 7},
        {"inputs": [GOOD], "parameters": {"binary_data_output": "yes"}},
        {"inputs": [GOOD], "parameters": {"sequence_id": 4}},
        {"inputs": [GOOD], "parameters": {"triton_enable_empty_final_response": True}},
        {"inputs": [GOOD], "parameters": {"x": {"y": 1}}},
        {"inputs": [GOOD], "model_name": "other"},
        {"inputs": [GOOD], "model_version": "2"},
    ],
    ids=lambda wrong: json.dumps(wrong)[:80],
)
def test_what_is_wrong_is_refused_and_names_the_field(wrong):
    with pytest.raises((WrongTensor, WrongField, BadRequest)) as caught:
        identity("INT32").infer(call(wrong))
    assert caught.value.message


@pytest.mark.parametrize("spelled", ["x", "-1", "1_0", "+4", "999999", "", "0x10", "٣"])
def test_a_length_of_json_that_is_none_is_refused(spelled):
    with pytest.raises(WrongField, match="Inference-Header-Content-Length"):
        identity("INT32").infer(call(b"{}", {"inference-header-content-length": spelled}))


@pytest.mark.parametrize(
    ("head", "chunk"),
    [
        (FOUR, b"123"),
        (FOUR, b"12345"),
        ({"inputs": [binary_tensor("INT32", b"12345", 1)]}, b"12345"),
        ({"inputs": [binary_tensor("BOOL", b"\x02", 1)]}, b"\x02"),
        ({"inputs": [binary_tensor("BYTES", b"\x04\x00\x00\x00abc", 1)]}, b"\x04\x00\x00\x00abc"),
        ({"inputs": [binary_tensor("BYTES", b"\x01\x00", 1)]}, b"\x01\x00"),
        ({"inputs": [binary_tensor("BYTES", b"\x00" * 8, 10**9)]}, b"\x00" * 8),
        ({"inputs": [binary_tensor("BYTES", b"\x00" * 5, 1)]}, b"\x00" * 5),
        ({"inputs": [binary_tensor("BYTES", b"\x01\x00\x00\x00\xff", 1)]}, b"\x01\x00\x00\x00\xff"),
        ({"inputs": [GOOD | {"parameters": {"binary_data_size": 0}}]}, b""),
        ({"inputs": [binary_tensor("INT32", b"1234", 1) | {"parameters": {}}]}, b"1234"),
        (
            {"inputs": [binary_tensor("INT32", b"", 1) | {"parameters": {"binary_data_size": -4}}]},
            b"1234",
        ),
        (
            {
                "inputs": [
                    binary_tensor("INT32", b"", 1) | {"parameters": {"binary_data_size": "4"}}
                ]
            },
            b"1234",
        ),
    ],
)
def test_binary_data_that_does_not_fit_is_refused(head, chunk):
    datatype = head["inputs"][0]["datatype"]
    with pytest.raises((WrongTensor, WrongField)):
        identity(datatype).infer(binary_call(head, chunk))


def test_a_raw_body_is_for_one_input_of_a_shape_that_follows():
    raw = {"inference-header-content-length": "0"}
    for api, body in (
        (identity("INT32", "INT32"), b"1234"),
        (identity("INT32"), b"123"),
        (identity("INT32"), b""),
        (identity("INT32", shape=(-1, -1, -1)), b"1234"),
        (identity("BYTES"), b"\xff"),
        (identity("BYTES", shape=(-1, 2)), b"x"),
    ):
        with pytest.raises((WrongTensor, WrongField)):
            api.infer(call(body, raw))
    reply = identity("INT32", shape=(-1, 2)).infer(call(b"1234" * 4, raw))
    assert b'"shape":[2,2]' in reply.body


def test_json_says_no_number_that_it_lacks():
    for datatype, value in (("FP32", np.inf), ("FP64", np.nan), ("FP16", 1.0)):
        chunk = bytes_of_array(np.array([value]), datatype)
        with pytest.raises(OutputNotSayable):
            identity(datatype).infer(
                binary_call({"inputs": [binary_tensor(datatype, chunk, 1)]}, chunk)
            )
    with pytest.raises(WrongTensor, match="binary data"):
        identity("FP16").infer(call({"inputs": [tensor("FP16", [1.0])]}))


@pytest.mark.parametrize("datatype", ["FP32", "FP64"])
def test_a_nan_that_signals_is_a_missing_value_like_others(datatype):
    signalling = b"\x01\x00\x80\x7f" if datatype == "FP32" else b"\x01" + bytes(5) + b"\xf0\x7f"
    api = api_of(matrix_model("same", "1", Adder(2, "FP32"), ["a", "b"]))
    one = binary_tensor(datatype, signalling * 2, 2, "features") | {"shape": [1, 2]}
    reply = api.infer(binary_call({"inputs": [one]}, signalling * 2))
    assert json.loads(reply.body)["outputs"][0]["data"] == [0.0]


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body)[2:-4]),
        ("identity", bytes),
    ],
)
def test_a_packed_body_is_unpacked(encoding, pack):
    body = json.dumps({"inputs": [GOOD]}).encode()
    reply = identity("INT32").infer(call(pack(body), {"content-encoding": encoding}))
    assert json.loads(reply.body)["outputs"][0]["data"] == [1, 2]


def test_the_length_of_json_is_that_of_the_unpacked_body():
    packed = binary_call(FOUR, b"1234")
    packed = packed._replace(
        body=gzip.compress(packed.body), headers={**packed.headers, "content-encoding": "gzip"}
    )
    assert identity("INT32").infer(packed).status == 200


def test_a_packed_body_is_unpacked_up_to_its_bound_and_no_further():
    bomb = gzip.compress(bytes(1_000_001))
    with pytest.raises(BodyTooComplex, match="1,000,000"):
        unpacked(bomb, {"content-encoding": "gzip"}, most_bytes=1_000_000)
    assert len(unpacked(bomb, {"content-encoding": "gzip"}, most_bytes=1_000_001)) == 1_000_001


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b"no"),
        ("gzip", gzip.compress(b"{}", mtime=0)[:-1]),
        ("gzip", gzip.compress(b"{}", mtime=0) + b"more"),
        ("deflate", b""),
        ("deflate", b"\x78\x9c no"),
    ],
)
def test_a_packed_body_that_is_damaged_is_refused(encoding, body):
    with pytest.raises(BadRequest):
        unpacked(body, {"content-encoding": encoding})
    with pytest.raises(EncodingNotKnown):
        unpacked(body, {"content-encoding": "br"})


# --- several calls in one turn


def matrix(*rows, **more):
    data = [value for row in rows for value in row]
    shape = [len(rows), len(rows[0])]
    one = {"name": "features", "datatype": "FP64", "shape": shape, "data": data} | more
    return call({"inputs": [one], "id": str(data[0])})


class Counting(Linear):
    """A scorer that knows how large its batches were."""

    def __init__(self, width):
        super().__init__(width)
        self.batches = []

    def predict(self, matrix):
        self.batches.append(len(matrix))
        return super().predict(matrix)


def together(api, calls):
    [route] = [
        route
        for route in api.routes()
        if route.path == "/v2/models/{name}/infer" and route.together
    ]
    assert not route.blocks
    return route.together(calls)


def test_calls_of_one_turn_are_one_run_and_a_bad_one_is_refused_alone():
    scorer = Counting(2)
    api = api_of(matrix_model("same", "1", scorer, ["a", "b"]))
    calls = [
        matrix([1, 2]),
        matrix([3]),
        matrix([5, 6], [7, 8]),
        matrix([1.0, None]),
        matrix([4, 4], datatype="INT32"),
    ]
    answers = together(api, calls)
    assert scorer.batches == [5]
    assert [getattr(answer, "code", "") for answer in answers] == ["", "SRV-007", "", "SRV-022", ""]
    told = [json.loads(each.body) for each in answers if isinstance(each, Reply)]
    assert [each["outputs"][0]["data"] for each in told] == [[3.0], [11.0, 15.0], [8.0]]
    assert [each["id"] for each in told] == ["1", "5", "4"]


def test_what_is_answered_together_is_what_is_answered_alone():
    api = api_of(matrix_model("same", "1", Adder(2), ["a", "b"]))
    calls = [matrix([n / 3, None]) for n in range(1, 40)]
    alone = [api.infer(each) for each in calls]
    assert list(together(api, calls)) == alone


def test_a_model_that_is_not_row_by_row_runs_for_each_call():
    asked = [call({"inputs": [tensor("INT32", [n])]}) for n in (1, 2)]
    answers = together(identity("INT32"), asked)
    assert [json.loads(each.body)["outputs"][0]["data"] for each in answers] == [[1], [2]]


def test_rows_of_a_turn_are_split_where_one_request_would_be_refused():
    scorer = Counting(2)
    api = api_of(matrix_model("same", "1", scorer, ["a", "b"]))
    together(api, [matrix(*[[1, 2]] * 6_000)] * 3)
    assert scorer.batches == [6_000] * 3


# --- repository and statistics


def body_of(reply):
    return json.loads(reply.body)


def test_a_version_is_answered_by_its_name_and_no_other():
    api = identity("INT32")
    asked = {"inputs": [GOOD]}
    assert api.infer(call(asked, version="1")).status == 200
    for refused in (call(asked, version="2"), call(asked, name="other")):
        with pytest.raises(UnknownModel, match="there are"):
            api.infer(refused)
        with pytest.raises(UnknownModel):
            api.metadata(refused)


def test_the_index_lists_what_is_there_and_an_unloaded_model_is_not_ready():
    api = api_of(
        tensor_model("same", "1", Identity("BOOL")), tensor_model("b", "2", Identity("BOOL"))
    )
    assert body_of(api.index(call(b""))) == [
        {"name": "b", "version": "2", "state": "READY"},
        {"name": "same", "version": "1", "state": "READY"},
    ]
    api.unload(call(b'{"parameters":{"unload_dependents":false}}'))
    assert [each["name"] for each in body_of(api.index(call({"ready": True})))] == ["b"]
    with pytest.raises(ModelNotLoaded):
        api.infer(call({"inputs": []}))
    api.load(call(b""))
    assert len(body_of(api.index(call({"ready": True})))) == 2


def test_a_model_is_loaded_from_where_it_lies_only():
    for parameters in ({"config": "{}"}, {"file:1/model.onnx": "AAAA"}):
        with pytest.raises(WrongField, match="parameters"):
            identity("BOOL").load(call({"parameters": parameters}))
    with pytest.raises(UnknownModel):
        identity("BOOL").load(call(b"", name="../same"))
    unmanaged = api_of(tensor_model("same", "1", Identity("BOOL")), unmanaged="nobody may")
    for act in (unmanaged.load, unmanaged.unload):
        with pytest.raises(ModelNotManaged):
            act(call(b""))


def test_a_file_that_is_no_model_any_more_leaves_the_one_before_in_place():
    good, turns = tensor_model("same", "1", Identity("BOOL")), [False, True]

    def read():
        if turns.pop(0):
            raise BadRequest(reason="no model")
        return good

    files = FileModels({"same": read})
    with pytest.raises(MainspringError):
        files.load("same")
    assert files.find("same", "", revision="") is good
    [entry] = files.index()
    assert (entry.state, "the last load failed" in entry.reason) == ("READY", True)


def test_statistics_count_answers_runs_and_refusals():
    api = api_of(matrix_model("same", "1", Adder(2), ["a", "b"]))
    together(api, [matrix([1, 2]), matrix([3, 4], [5, 6]), matrix([1])])
    [stats] = body_of(api.model_statistics(call(b"", version="1")))["model_stats"]
    assert (stats["name"], stats["version"], stats["last_inference"]) == ("same", "1", 7)
    assert (stats["inference_count"], stats["execution_count"]) == (3, 1)
    spans = stats["inference_stats"]
    assert (spans["success"]["count"], spans["fail"]["count"]) == (2, 1)
    assert [each["batch_size"] for each in stats["batch_stats"]] == [3]
    assert body_of(api.all_statistics(call(b"")))["model_stats"] == [stats]


def test_statistics_of_a_model_that_was_not_asked_are_noughts():
    [stats] = body_of(identity("BOOL").all_statistics(call(b"")))["model_stats"]
    assert (stats["inference_count"], stats["batch_stats"]) == (0, [])
