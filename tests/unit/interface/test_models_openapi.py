"""The OpenAPI document of a server of bare models: what it says is what routes take and answer."""

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from mainspring.app.http.bare import build_model_service
from mainspring.engines.http.application import asgi_application
from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.engines.onnx.tensors import OnnxTensorModel
from mainspring.interface.openapi.protocol import PROTOCOL_OPERATIONS
from mainspring.serving.protocol import matrix_model, tensor_model
from mainspring.serving.protocol.files import FileModels
from tests.unit.app.http.conftest import Client
from tests.unit.engines.onnx.test_scorer import row_means
from tests.unit.engines.onnx.test_tensors import KINDS, identity

TOKEN = {"Authorization": "Bearer secret"}
INFER = "/v2/models/{name}/infer"
LOAD, UNLOAD = (f"/v2/repository/models/{{name}}/{act}" for act in ("load", "unload"))


def models():
    """A model of one matrix, and one for each datatype."""
    scorer = OnnxScorer(row_means())
    loaded = [matrix_model("means", "abc", scorer, list("012"))]
    loaded += [tensor_model(kind, "1", OnnxTensorModel(identity(kind))) for kind in KINDS]
    return FileModels({model.name: lambda model=model: model for model in loaded})


@pytest.fixture(scope="module")
def service():
    return build_model_service(models(), token="secret")


@pytest.fixture(scope="module")
def server(service):
    client = Client(asgi_application(service))
    yield client
    client.close()


@pytest.fixture
def document(server):
    return server.get("/openapi.json", headers=TOKEN).json()


def examples_of(document):
    media = document["paths"][INFER]["post"]["requestBody"]["content"]["application/json"]
    return media.get("examples", {})


def test_the_document_is_valid_openapi(document):
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_route_of_the_server_is_in_the_document_and_described(service, document):
    said = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    routes = {(route.method, route.path) for route in service.routes}
    assert said == routes == set(PROTOCOL_OPERATIONS)


def test_names_are_those_of_the_models(document):
    [name] = document["paths"][INFER]["post"]["parameters"][:1]
    assert name["schema"]["enum"] == ["means", *KINDS]


def test_each_model_has_an_example_unless_json_cannot_say_its_values(document):
    assert set(examples_of(document)) == {"means", *KINDS} - {"FP16"}


@pytest.mark.parametrize("name", ["means", *sorted(set(KINDS) - {"FP16"})])
def test_an_example_is_answered_as_announced(server, document, answered, fits, name):
    body = examples_of(document)[name]["value"]
    assert fits(body, "components/schemas/InferRequest")
    answer = server.post(INFER.format(name=name), json=body, headers=TOKEN)
    assert answer.status_code == 200
    assert answered(answer, "post", INFER)


@pytest.mark.parametrize(
    ("method", "path", "template", "body"),
    [
        ("get", "/metrics", "/metrics", None),
        ("get", "/openapi.json", "/openapi.json", None),
        ("get", "/v2", "/v2", None),
        ("get", "/v2/models/means", "/v2/models/{name}", None),
        ("get", "/v2/models/means/stats", "/v2/models/{name}/stats", None),
        ("get", "/v2/models/medians", "/v2/models/{name}", None),
        ("get", "/v2/models/means/ready", "/v2/models/{name}/ready", None),
        ("post", "/v2/models/means/infer", INFER, {"inputs": []}),
        ("post", "/v2/repository/index", "/v2/repository/index", {}),
        ("post", "/v2/repository/models/medians/load", LOAD, {}),
        ("get", "/v2/health/ready", "/v2/health/ready", None),
        ("get", "/healthz", "/healthz", None),
    ],
)
def test_answers_are_those_that_the_document_announces(
    server, answered, method, path, template, body
):
    more = {"json": body} if body is not None else {}
    assert answered(server.request(method.upper(), path, headers=TOKEN, **more), method, template)


def test_the_document_needs_the_token(server):
    assert server.get("/openapi.json").status_code == 401


def test_a_document_that_a_caller_has_is_not_sent_again(server):
    tag = server.get("/openapi.json", headers=TOKEN).headers["etag"]
    again = server.get("/openapi.json", headers={**TOKEN, "If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_the_document_follows_what_is_loaded():
    client = Client(asgi_application(build_model_service(models(), token=None)))
    before = client.get("/openapi.json")
    client.post(UNLOAD.format(name="means"), json={})
    headers = {"If-None-Match": before.headers["etag"]}
    unloaded = client.get("/openapi.json", headers=headers)
    client.post(LOAD.format(name="means"), json={})
    loaded = client.get("/openapi.json", headers=headers)
    client.close()
    assert "means" in examples_of(before.json())
    assert unloaded.status_code == 200
    assert "means" not in examples_of(unloaded.json())
    assert loaded.status_code == 304


def test_without_a_token_the_document_asks_for_none():
    client = Client(asgi_application(build_model_service(models(), token=None)))
    document = client.get("/openapi.json").json()
    client.close()
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    assert document["security"] == []
    assert "securitySchemes" not in document["components"]
    assert "401" not in document["paths"][INFER]["post"]["responses"]


def test_a_model_of_many_values_has_no_example():
    wide = matrix_model("wide", "1", OnnxScorer(row_means()), [str(n) for n in range(1_001)])
    service = build_model_service(FileModels({"wide": lambda: wide}), token=None)
    client = Client(asgi_application(service))
    document = client.get("/openapi.json").json()
    client.close()
    assert examples_of(document) == {}
