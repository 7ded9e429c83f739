"""The routes over one endpoint, in memory, called without a network."""

import asyncio

import httpx
import pytest

from mainspring.access.tokens import create_token
from mainspring.app.http.metrics import ServerMetrics
from mainspring.app.http.routes import HttpDependencies, build_app
from mainspring.elements.events import Actor, ProjectName
from mainspring.engines.local.state import SqliteState
from mainspring.serving.errors import PredictionUnknown
from mainspring.serving.host import EndpointHost, ServedEndpoint, ServedEnvironment
from mainspring.testing import SeededIds
from tests.unit.serving.conftest import clock, log, model, predictor, row

__all__ = ["clock", "log", "model", "predictor", "row"]

PROJECT = ProjectName("trips")


class Client:
    """Calls the application in this process; an exception that it does not answer for fails the
    test.
    """

    def __init__(self, app):
        self._app = app

    def request(self, method, path, **more):
        return asyncio.run(self._request(method, path, more))

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, **more):
        return self.request("POST", path, **more)

    async def _request(self, method, path, more):
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self._app), base_url="http://test"
        ) as client:
            return await client.request(method, path, **more)


def no_prediction(prediction):
    raise PredictionUnknown(prediction=prediction)


@pytest.fixture
def state(clock):
    return SqliteState(None, PROJECT, clock=clock)


@pytest.fixture
def endpoints(model):
    late = ServedEndpoint(name="late", topic="inference:dev:late", current=model)
    refused = ServedEndpoint(
        name="refused", topic="inference:dev:refused", current=None, refusal="no attestation"
    )
    return {"late": late, "refused": refused}


@pytest.fixture
def host(endpoints, predictor, clock):
    served = ServedEnvironment(environment="dev", version=4, endpoints=endpoints)
    host = EndpointHost(
        lambda _: served, predictor, environment="dev", clock=clock, ids=SeededIds(1)
    )
    host.refresh()
    return host


@pytest.fixture
def service(host, state):
    return HttpDependencies(
        name="trips",
        host=host,
        state=state,
        metrics=ServerMetrics(),
        push=lambda source, rows, op, actor: {
            "source": source,
            "rows": len(rows),
            "op": op,
            "actor": actor,
        },
        replay=no_prediction,
        status=lambda: {"environment": "dev"},
    )


@pytest.fixture
def client(service):
    return Client(build_app(service))


@pytest.fixture
def token_for(state):
    """Headers of a fresh token with these permissions."""

    def token_for(*permissions):
        token = create_token(
            state,
            owner=Actor("person:ada"),
            actor=Actor("person:ada"),
            permissions=permissions,
            project=PROJECT,
            at=0,
        )
        return {"Authorization": f"Bearer {token}"}

    return token_for


@pytest.fixture
def post(client, token_for):
    headers = token_for("predict", "ingest", "read")
    return lambda path, body: (
        client.post(path, headers=headers, content=body)
        if isinstance(body, bytes)
        else client.post(path, headers=headers, json=body)
    )


@pytest.fixture
def get(client, token_for):
    headers = token_for("read")
    return lambda path: client.get(path, headers=headers)
