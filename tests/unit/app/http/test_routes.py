"""What the routes answer: to whom, with which status, and in which form."""

import asyncio
import json
import threading
from contextlib import closing
from dataclasses import replace

import httpx
import pytest

from mainspring.access.scope import PERMISSIONS
from mainspring.app.http.routes import build_http_service
from mainspring.engines.http.application import asgi_application
from mainspring.registry.errors import ArtifactChanged
from tests.unit.app.http.conftest import Client
from tests.unit.serving.conftest import Linear
from tests.unit.sources.conftest import row as arrival

PREDICT, INFER = "/v1/endpoints/late/predict", "/v2/models/late/infer"
GUARDED = [
    ("POST", PREDICT),
    ("POST", "/v1/sources/trips/events"),
    ("GET", "/v1/predictions/p/replay"),
    ("GET", "/v1/status"),
    ("GET", "/metrics"),
    ("GET", "/v2"),
    ("GET", "/v2/models/late"),
    ("GET", "/v2/models/late/ready"),
    ("POST", INFER),
    ("POST", "/v1/environment/rollback"),
]
LIMITED = [
    ("POST", "/v1/endpoints/another/predict", {"endpoints": ["late"]}, "endpoint 'another'"),
    ("GET", "/v2/models/another", {"endpoints": ["late"]}, "endpoint 'another'"),
    ("GET", "/v2/models/another/ready", {"endpoints": ["late"]}, "endpoint 'another'"),
    ("POST", "/v2/models/another/infer", {"endpoints": ["late"]}, "endpoint 'another'"),
    ("POST", "/v1/sources/another/events", {"sources": ["trips"]}, "source 'another'"),
    ("GET", "/v1/predictions/of-another/replay", {"endpoints": ["late"]}, "endpoint 'refused'"),
    ("GET", "/v1/status", {"endpoints": ["late"]}, "the whole environment"),
    ("GET", "/metrics", {"sources": ["trips"]}, "the whole environment"),
    ("POST", "/v1/environment/rollback", {"endpoints": ["late"]}, "the whole environment"),
]
TENSOR = {"name": "features", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}


def assert_problem(answer, status, code):
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["code"], problem["type"]) == (
        status,
        status,
        code,
        f"urn:mainspring:error:{code}",
    )
    assert problem["title"]
    assert problem["detail"]
    assert "{" not in problem["detail"]


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_every_route_but_health_needs_a_token(client, method, path):
    answer = client.request(method, path)
    assert_problem(answer, 401, "ACC-001")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_an_unknown_token_is_refused(client, method, path):
    assert_problem(
        client.request(method, path, headers={"Authorization": "Bearer msp_nobody"}), 401, "ACC-002"
    )


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_a_token_without_the_permission_is_refused(client, token_for, method, path):
    other = "read" if path.endswith("rollback") else "operate"
    assert_problem(client.request(method, path, headers=token_for(other)), 403, "ACC-003")


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_a_token_of_another_environment_is_refused(client, token_for, method, path):
    headers = token_for(*PERMISSIONS, environments=["staging"])
    answer = client.request(method, path, headers=headers)
    assert_problem(answer, 403, "ACC-031")
    assert answer.json()["detail"] == "the token of person:ada is not for environment 'dev'"


@pytest.mark.parametrize(("method", "path", "scope", "missing"), LIMITED)
def test_a_token_opens_only_what_it_is_limited_to(client, token_for, method, path, scope, missing):
    answer = client.request(method, path, headers=token_for(*PERMISSIONS, **scope))
    assert_problem(answer, 403, "ACC-031")
    assert answer.json()["detail"] == f"the token of person:ada is not for {missing}"


def test_a_limited_token_opens_what_it_is_for(client, token_for):
    headers = token_for("read", endpoints=["late"])
    paths = ("/v2", "/v2/models/late", "/v2/models/late/ready", "/v1/predictions/p/replay")
    assert [client.get(path, headers=headers).status_code for path in paths] == [200] * 4


def test_a_prediction_of_another_environment_is_not_found(get):
    assert_problem(get("/v1/predictions/of-staging/replay"), 404, "SRV-008")


def test_whoever_operates_may_roll_back_in_their_own_name(client, token_for):
    path, headers = "/v1/environment/rollback", token_for("operate")
    answer = client.post(path, headers=headers, json={"from_version": 4})
    assert_problem(answer, 409, "FLO-020")
    assert "dev, says person:ada" in answer.json()["detail"]
    assert_problem(client.post(path, headers=headers, json={}), 400, "SRV-004")


@pytest.mark.parametrize("path", ["/healthz", "/v2/health/live"])
def test_health_needs_no_token(client, path):
    assert client.get(path).json() == {"live": True}


def test_the_server_is_not_ready_while_an_endpoint_has_no_model(client):
    assert client.get("/v2/health/ready").status_code == 503


def test_a_row_without_a_finite_score_is_the_callers_fault(post, host, row):
    late = host.served.endpoints["late"]
    host.served.endpoints["late"] = replace(late, current=replace(late.current, scorer=Linear(2)))
    assert_problem(post(PREDICT, {"rows": [row | {"bags": None}]}), 422, "SRV-022")
    assert_problem(post(INFER, {"inputs": [TENSOR | {"data": [None, 1]}]}), 422, "SRV-022")


def test_the_protocols_clients_find_their_error(post):
    problem = post(INFER, {"inputs": [TENSOR | {"shape": [1, 3]}]}).json()
    assert problem["error"] == f"SRV-007 {problem['detail']}"


def test_rows_get_a_score_and_an_id_each(post, row):
    answer = post(PREDICT, {"rows": [row, row]})
    predictions = answer.json()["predictions"]
    assert (answer.status_code, [each["score"] for each in predictions]) == (200, [8.0, 8.0])
    assert predictions[0]["id"] != predictions[1]["id"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"rows": []}, 400, "SRV-005"),
        ({"row": 1}, 400, "SRV-004"),
        ([], 400, "SRV-004"),
        (b"{", 400, "SRV-004"),
        (b'{"rows": [{"city": "\xff"}]}', 400, "SRV-004"),
        (b'{"rows":' + b"[" * 100_000, 413, "SRV-044"),
        (b'{"rows": [' + b"{}," * 10_000 + b"{}]}", 413, "SRV-006"),
        ({"rows": [{}]}, 422, "FEA-003"),
        ({"rows": [{"city": [5], "bags": 1, "at": 0}]}, 422, "FEA-004"),
        ({"rows": [{"city": "JFK", "bags": 2**62, "at": 0}]}, 422, "DAT-021"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_request_that_cannot_be_answered_says_why(post, body, status, code):
    assert_problem(post(PREDICT, body), status, code)


def test_a_body_beyond_the_limit_is_refused_although_no_length_was_declared(client, token_for):
    async def chunks():
        for _ in range(40):
            yield b" " * 2**20

    assert_problem(
        client.post(PREDICT, headers=token_for("predict"), content=chunks()), 413, "SRV-043"
    )


def test_the_body_of_a_caller_without_a_token_is_not_read(client):
    async def chunks():
        raise AssertionError("read")
        yield b""

    assert_problem(client.post(PREDICT, content=chunks()), 401, "ACC-001")


def test_an_unknown_endpoint_is_not_found_and_one_without_a_model_is_unavailable(post, row):
    assert_problem(post("/v1/endpoints/nobody/predict", {"rows": [row]}), 404, "SRV-001")
    assert_problem(post("/v1/endpoints/refused/predict", {"rows": [row]}), 503, "SRV-003")


def test_an_online_store_without_state_is_our_fault_and_not_the_callers(post, predictor, row):
    predictor.online.drop("delays")
    assert_problem(post(PREDICT, {"rows": [row]}), 503, "FEA-002")


def test_tensors_are_answered_as_the_open_inference_protocol_says(post):
    answer = post(INFER, {"id": "7", "inputs": [TENSOR]}).json()
    assert (answer["id"], answer["model_name"], answer["outputs"][0]["data"]) == (
        "7",
        "late",
        [3.0],
    )


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": []},
        {"inputs": [TENSOR | {"data": []}]},
        {"inputs": [TENSOR | {"name": "x"}]},
        {"inputs": [TENSOR | {"shape": [2, 2]}]},
        {"inputs": [TENSOR | {"shape": [0, 2], "data": []}]},
        {"inputs": [TENSOR | {"datatype": "BYTES"}]},
        {"inputs": [TENSOR | {"data": [1, 10**400]}]},
        {"inputs": [TENSOR], "outputs": [{"name": "x"}]},
        {"inputs": "none"},
    ],
    ids=lambda body: json.dumps(body)[:70],
)
def test_a_tensor_request_that_does_not_fit_is_the_callers_fault(post, body):
    answer = post(INFER, json.dumps(body).encode())
    assert_problem(answer, 400, answer.json()["code"])


def test_the_status_is_told(get):
    assert get("/v1/status").json()["environment"] == "dev"


def test_metadata_and_readiness_are_told(get):
    assert get("/v2/models/late").json()["inputs"][0]["shape"] == [-1, 2]
    assert [get(f"/v2/models/{name}/ready").status_code for name in ("late", "refused")] == [
        200,
        503,
    ]
    assert get("/v2").json()["name"] == "mainspring"


def test_a_server_that_is_about_to_end_is_live_and_not_ready(service, token_for):
    http = build_http_service(service)
    http.draining.set()
    with closing(Client(asgi_application(http))) as client:
        answer = client.get("/v2/models/late/ready", headers=token_for("read"))
        assert client.get("/healthz").status_code == 200
    assert answer.status_code == 503
    assert answer.json() == {
        "name": "late",
        "ready": False,
        "reason": "SRV-051 the server is about to end",
    }


def test_events_are_pushed_as_the_actor_of_the_token(post, state):
    rows = [arrival(landed_at="1970-01-01T00:05:00Z"), arrival(2, carrier="too long")]
    answer = post("/v1/sources/arrivals/events", {"rows": rows, "op": "replace"})
    [recorded] = state.iter_events(kind="rows.ingested")
    assert (answer.status_code, sum(answer.json()["quarantined"].values())) == (200, 1)
    assert (recorded.event.actor, recorded.event.facts["quarantined"]) == ("person:ada", 1)


def test_pushed_rows_are_counted_by_what_became_of_them(post, get):
    row = arrival(landed_at="1970-01-01T00:05:00Z")
    post("/v1/sources/arrivals/events", {"rows": [row, row]})
    told = get("/metrics").text
    for outcome, count in (("accepted", 1.0), ("duplicate", 1.0), ("quarantined", 0.0)):
        sample = f'mainspring_events_total{{outcome="{outcome}",source="arrivals"}} {count}'
        assert sample in told


def test_a_source_that_is_not_declared_is_not_found(post):
    assert_problem(post("/v1/sources/nobody/events", {"rows": []}), 404, "ACC-006")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/endpoints/a/b/predict", "/v2/models//infer"])
def test_a_path_that_no_route_has_is_a_problem_and_is_not_counted(client, get, path):
    assert_problem(client.get(path), 404, "SRV-020")
    assert "mainspring_requests_total{" not in get("/metrics").text


def test_a_method_that_no_route_of_a_path_has_is_a_problem_that_names_those_there_are(client):
    answer = client.request("DELETE", "/v1/status")
    assert_problem(answer, 405, "SRV-021")
    assert answer.headers["allow"] == "GET, HEAD"


def test_every_permission_that_a_route_asks_for_can_be_given(service):
    asked = {route.permission for route in build_http_service(service).routes}
    assert asked <= {*PERMISSIONS, None}


def test_a_prediction_that_is_not_known_is_not_found(get):
    assert_problem(get("/v1/predictions/p-1/replay"), 404, "SRV-008")


def test_a_long_replay_holds_up_nobody_else(service, token_for):
    health_answered = threading.Event()
    service = replace(service, replay=lambda _: health_answered.wait(2))
    app = asgi_application(build_http_service(service))

    async def ask_for_both():
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://test"
        ) as client:
            replay = asyncio.create_task(
                client.get("/v1/predictions/p/replay", headers=token_for("read"))
            )
            asyncio.create_task(client.get("/healthz")).add_done_callback(
                lambda _: health_answered.set()
            )
            return (await replay).json()

    assert asyncio.run(ask_for_both()) is True


def test_requests_are_counted_by_route_and_status(client, post, get, row):
    post(PREDICT, {"rows": [row]})
    client.post(PREDICT)
    told = get("/metrics").text
    assert (
        'mainspring_requests_total{route="/v1/endpoints/{name}/predict",status="200"} 1.0' in told
    )
    assert (
        'mainspring_requests_total{route="/v1/endpoints/{name}/predict",status="401"} 1.0' in told
    )
    assert "mainspring_map_version 4.0" in told


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (ZeroDivisionError("inside"), "SRV-047"),
        (ArtifactChanged(version="m v1", part="model", expected="a", found="b"), "REG-002"),
    ],
)
def test_a_fault_of_the_server_is_logged_once_and_counted_by_its_route(
    service, token_for, caplog, fault, code
):
    def replay(_):
        raise fault

    application = asgi_application(build_http_service(replace(service, replay=replay)))
    with closing(Client(application)) as client:
        answer = client.get("/v1/predictions/p/replay", headers=token_for("read"))
        told = client.get("/metrics", headers=token_for("read")).text
    assert_problem(answer, 500, code)
    assert "inside" not in answer.text
    [record] = caplog.records
    assert answer.json()["id"] in record.getMessage()
    assert record.exc_info[1] is fault
    route = "/v1/predictions/{id}/replay"
    assert f'mainspring_unhandled_errors_total{{route="{route}"}} 1.0' in told
    assert f'mainspring_requests_total{{route="{route}",status="500"}} 1.0' in told


def test_a_refused_model_shows_in_the_metrics(get):
    told = get("/metrics").text
    assert 'mainspring_model_refused{endpoint="late"} 0.0' in told
    assert 'mainspring_model_refused{endpoint="refused"} 1.0' in told
