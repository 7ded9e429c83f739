"""Files of models as a bare server serves them."""

import json

import pytest
from onnx import TensorProto, helper

from mainspring.app.http.bare import build_model_service
from mainspring.app.models.model_file import ModelFile, open_model_file
from mainspring.elements.events import Actor
from mainspring.engines.onnx.errors import InvalidModel
from mainspring.ports.http import Call
from mainspring.serving.protocol.errors import InputNotComputable, ModelNotManaged
from mainspring.serving.protocol.files import FileModels
from tests.unit.engines.onnx.test_scorer import row_means
from tests.unit.engines.onnx.test_tensors import identity, model_of


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "means.onnx"
    path.write_bytes(row_means())
    return path


def test_a_named_file_has_its_own_signature_and_a_bare_one_that_of_endpoints(file):
    own, plain = (open_model_file("m", ModelFile(file, as_matrix=each)) for each in (False, True))
    assert ([*own.inputs], [*plain.inputs], [*plain.outputs]) == (["X"], ["features"], ["score"])
    assert own.version == plain.version


def test_a_file_of_another_signature_is_served_by_its_own_in_either_way(tmp_path):
    (tmp_path / "m.onnx").write_bytes(identity("BYTES"))
    for as_matrix in (False, True):
        model = open_model_file("m", ModelFile(tmp_path / "m.onnx", as_matrix=as_matrix))
        assert [*model.inputs] == ["x"]


def test_a_model_of_three_classes_says_three_scores_a_row_and_answers_them(tmp_path):
    node = helper.make_node("Neg", ["X"], ["probabilities"])
    shape = (TensorProto.DOUBLE, ["rows", 3])
    (tmp_path / "m.onnx").write_bytes(model_of([node], {"X": shape}, {"probabilities": shape}))
    model = open_model_file("m", ModelFile(tmp_path / "m.onnx", as_matrix=True))
    service = build_model_service(FileModels({"m": lambda: model}), token=None)
    routes = {(each.method, each.path): each for each in service.routes}
    about = routes["GET", "/v2/models/{name}"].handler(Call("GET", path={"name": "m"}))
    [said] = json.loads(about.body)["outputs"]
    tensor = {"name": "features", "datatype": "FP64", "shape": [2, 3], "data": [1, 2, 3, 4, 5, 6]}
    call = Call("POST", path={"name": "m"}, body=json.dumps({"inputs": [tensor]}).encode())
    reply = routes["POST", "/v2/models/{name}/infer"].handler(call)
    [gives] = json.loads(reply.body)["outputs"]
    assert (said["shape"], gives["shape"]) == ([-1, 3], [2, 3])
    assert gives["data"] == [-1, -2, -3, -4, -5, -6]


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"no")
    with pytest.raises(InvalidModel) as refused:
        open_model_file("m", ModelFile(tmp_path / "m.onnx"))
    # Of several files, this one.
    assert str(refused.value).startswith(f"{tmp_path / 'm.onnx'}: ENG-202 ")
    assert "the bytes are no ONNX" in refused.value.message


def test_a_changed_file_answers_once_it_is_loaded(tmp_path, file):
    models = FileModels({"m": lambda: open_model_file("m", ModelFile(file))})
    before = models.find("m", "", revision="").version
    file.write_bytes(identity("FP64"))
    assert models.versions("m") == [before]
    models.load("m")
    assert models.versions("m") != [before]


def test_inputs_that_a_model_cannot_compute_with_are_the_requests_fault(tmp_path):

    node = helper.make_node("Add", ["a", "b"], ["y"])
    shape = (TensorProto.FLOAT, ["n"])
    (tmp_path / "m.onnx").write_bytes(model_of([node], {"a": shape, "b": shape}, {"y": shape}))
    model = open_model_file("m", ModelFile(tmp_path / "m.onnx"))
    service = build_model_service(FileModels({"m": lambda: model}), token=None)
    infer = next(each for each in service.routes if each.path == "/v2/models/{name}/infer")
    tensors = [
        {"name": name, "shape": [size], "datatype": "FP32", "data": [1] * size}
        for name, size in (("a", 2), ("b", 3))
    ]
    with pytest.raises(InputNotComputable):
        infer.handler(
            Call("POST", path={"name": "m"}, body=json.dumps({"inputs": tensors}).encode())
        )


def test_without_a_token_everybody_may_ask_and_nobody_may_load(file):
    model = open_model_file("m", ModelFile(file))
    service = build_model_service(FileModels({"m": lambda: model}, unmanaged="no"), token=None)
    assert service.authorise(Call("GET"), "read") == Actor("service:anybody")
    load = next(each for each in service.routes if each.path.endswith("/load"))
    with pytest.raises(ModelNotManaged):
        load.handler(Call("POST", path={"name": "m"}))
