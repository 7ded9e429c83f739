"""The OpenAPI document: what it says is what routes take and answer."""

import json
from contextlib import closing
from dataclasses import replace

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from mainspring.app.http.routes import build_http_service
from mainspring.engines.http.application import asgi_application
from mainspring.interface.openapi.environment import environment_document
from mainspring.interface.openapi.operations import OPERATIONS
from mainspring.ports.http import Route, json_reply
from mainspring.serving.host import ServedEnvironment
from tests.unit.app.http.conftest import Client

PREDICT = "/v1/endpoints/late/predict"
TENSOR = {"name": "features", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}


@pytest.fixture
def document(get):
    return get("/openapi.json").json()


def test_the_document_is_valid_openapi(document):
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_route_of_the_server_is_in_the_document(service, document):
    said = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    routes = {(route.method, route.path) for route in build_http_service(service).routes}
    generic = ("POST", "/v1/endpoints/{name}/predict")
    assert routes - said == {generic}
    assert ("POST", PREDICT) in said


def test_operations_have_names_of_their_own(document):
    names = [each["operationId"] for item in document["paths"].values() for each in item.values()]
    assert len(names) == len(set(names))


def test_a_row_of_an_endpoint_has_the_fields_of_its_model(fits, row):
    body = "components/schemas/late_body"
    assert fits({"rows": [row]}, body)
    assert not fits({"rows": [{name: row[name] for name in list(row)[1:]}]}, body)
    assert not fits({"rows": [{**row, next(iter(row)): {}}]}, body)
    assert not fits({"rows": []}, body)


def test_the_example_of_an_endpoint_is_answered_by_it(document, post):
    media = document["paths"][PREDICT]["post"]["requestBody"]["content"]["application/json"]
    assert post(PREDICT, media["example"]).status_code == 200


def test_an_endpoint_without_a_model_takes_rows_of_any_fields(document):
    operation = document["paths"]["/v1/endpoints/refused/predict"]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/PredictBody"}


@pytest.mark.parametrize(
    ("method", "path", "template", "body"),
    [
        ("post", PREDICT, PREDICT, {"rows": []}),
        ("post", PREDICT, PREDICT, {"rows": [{}]}),
        ("post", PREDICT, PREDICT, {"columns": []}),
        ("get", "/v1/predictions/none/replay", "/v1/predictions/{id}/replay", None),
        ("get", "/v1/status", "/v1/status", None),
        ("get", "/metrics", "/metrics", None),
        ("get", "/v2", "/v2", None),
        ("get", "/v2/models/late", "/v2/models/{name}", None),
        ("get", "/v2/models/none", "/v2/models/{name}", None),
        ("get", "/v2/models/late/ready", "/v2/models/{name}/ready", None),
        ("get", "/v2/models/refused/ready", "/v2/models/{name}/ready", None),
        ("post", "/v2/models/late/infer", "/v2/models/{name}/infer", {"inputs": [TENSOR]}),
        ("post", "/v2/models/late/infer", "/v2/models/{name}/infer", {"inputs": []}),
        ("get", "/v2/health/ready", "/v2/health/ready", None),
        ("get", "/healthz", "/healthz", None),
        ("post", "/v1/sources/arrivals/events", "/v1/sources/{name}/events", {"rows": []}),
        ("post", "/v1/features/online", "/v1/features/online", {"features": "a", "rows": [{}]}),
        ("post", "/v1/environment/rollback", "/v1/environment/rollback", {"from_version": 1}),
    ],
)
def test_answers_are_those_that_the_document_announces(
    client, token_for, answered, method, path, template, body
):
    headers = token_for("read", "predict", "ingest", "features", "operate")
    more = {"json": body} if body is not None else {}
    answer = client.request(method.upper(), path, headers=headers, **more)
    assert answered(answer, method, template)


def test_a_prediction_is_answered_as_announced(post, answered, row):
    answer = post(PREDICT, {"rows": [row, row]})
    assert answer.status_code == 200
    assert answered(answer, "post", PREDICT)


def test_paths_and_methods_that_nobody_answers_are_refused_by_problem_documents(client, fits):
    for method, path in (("GET", "/nothing"), ("DELETE", PREDICT)):
        answer = client.request(method, path)
        assert answer.headers["content-type"] == "application/problem+json"
        assert fits(answer.json(), "components/schemas/Problem")


def test_a_document_that_a_caller_has_is_not_sent_again(client, token_for):
    headers = token_for("read")
    tag = client.get("/openapi.json", headers=headers).headers["etag"]
    again = client.get("/openapi.json", headers={**headers, "If-None-Match": f'"x", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = client.get("/openapi.json", headers={**headers, "If-None-Match": '"x"'})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("permissions", "scope", "status"),
    [(["read"], {}, 200), (["predict"], {}, 403), (["read"], {"endpoints": ["late"]}, 403)],
)
def test_the_document_is_for_those_who_may_read_the_environment(
    client, token_for, permissions, scope, status
):
    answer = client.get("/openapi.json", headers=token_for(*permissions, **scope))
    assert answer.status_code == status


def test_the_document_follows_the_environment(service, endpoints, token_for):
    headers, host = token_for("read"), service.host
    served = [ServedEnvironment(environment="dev", version=5, endpoints={})]
    moving = replace(service, host=MovedHost(host, served))
    with closing(Client(asgi_application(build_http_service(moving)))) as client:
        before = client.get("/openapi.json", headers=headers)
        served[0] = ServedEnvironment(environment="dev", version=6, endpoints=endpoints)
        after = client.get(
            "/openapi.json", headers={**headers, "If-None-Match": before.headers["etag"]}
        )
    assert PREDICT not in before.json()["paths"]
    assert PREDICT in after.json()["paths"]


class MovedHost:
    """A host whose map is moved by a test."""

    def __init__(self, host, served):
        self._host, self._served = host, served

    def __getattr__(self, name):
        return getattr(self._host, name)

    @property
    def served(self):
        return self._served[0]


def test_a_route_that_nothing_more_is_known_of_is_in_a_valid_document():
    def judge(call):
        """`POST /v9/gates/{name}`: judge a gate."""
        return json_reply({})

    served = ServedEnvironment(environment="dev", version=1)
    document = environment_document(
        [Route("POST", "/v9/gates/{name}", "operate", judge)], served, version="1"
    )
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    assert document["paths"]["/v9/gates/{name}"]["post"]["summary"] == "Judge a gate."


def test_what_is_described_is_there(service):
    routes = {(route.method, route.path) for route in build_http_service(service).routes}
    uploads = {key for key in OPERATIONS if "/files" in key[1]}
    assert set(OPERATIONS) - uploads == routes


def test_the_document_is_the_same_text_each_time(service, host):
    routes = build_http_service(service).routes
    first = environment_document(routes, host.served, version="1")
    assert json.dumps(first) == json.dumps(environment_document(routes, host.served, version="1"))
