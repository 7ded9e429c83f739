"""The routes over one endpoint, in memory, called without a network."""

import asyncio
import weakref

import httpx
import pytest

from mainspring.access.authorise import TokenGuard
from mainspring.access.tokens import Tokens
from mainspring.app.http.metrics import ServerMetrics
from mainspring.app.http.routes import HttpDependencies, build_http_service
from mainspring.elements.events import Actor, ProjectName
from mainspring.engines.http.application import asgi_application
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.state import SqliteState
from mainspring.govern.status import StatusReport
from mainspring.project.errors import NothingToRollBack
from mainspring.registry.errors import UnknownAsset
from mainspring.serving.errors import PredictionUnknown
from mainspring.serving.host import EndpointHost, ServedEnvironment
from mainspring.serving.served_endpoint import ServedEndpoint
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.ingest import IngestJournal, SourceWriter
from mainspring.testing import SeededIds
from tests.unit.serving.conftest import clock, explainer_of, log, model, predictor, row
from tests.unit.sources.conftest import SCHEMA, source_of

__all__ = ["clock", "log", "model", "predictor", "row"]

PROJECT = ProjectName("trips")
STATUS = StatusReport(
    project=PROJECT,
    environment="dev",
    version=4,
    moved_by="person:ada",
    moved_at=0,
    reason="apply",
    endpoints=(),
    sources=(),
    incidents=(),
)


class Client:
    """Calls the application in this process; an exception that it does not answer for fails the
    test.
    """

    def __init__(self, app):
        self._app = app
        # All requests are of one event loop, as those of a server are.
        self._runner = asyncio.Runner()
        # Clients that a test makes by itself end with it.
        self.close = weakref.finalize(self, self._runner.close)

    def request(self, method, path, **more):
        return self._runner.run(self._request(method, path, more))

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, **more):
        return self.request("POST", path, **more)

    async def _request(self, method, path, more):
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self._app), base_url="http://test"
        ) as client:
            return await client.request(method, path, **more)


PLACES = {"p": ("dev", "late"), "of-another": ("dev", "refused"), "of-staging": ("staging", "late")}
"""The environment and the endpoint of each prediction that there is."""


def no_deployer(actor):
    raise NothingToRollBack(environment=f"dev, says {actor}")


class NoFeatures:
    """Reads features where there are none."""

    def get_online_features(self, features, **_):
        raise UnknownAsset(kind="feature view", name=features[0], known="none")

    def historical_columns(self, features, **_):
        raise UnknownAsset(kind="feature view", name=features[0], known="none")


def unknown_source(source):
    raise UnknownAsset(kind="source", name=source.name, known="none")


def place_of(prediction):
    if prediction not in PLACES:
        raise PredictionUnknown(prediction=prediction)
    return PLACES[prediction]


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
        lambda _: served,
        predictor,
        environment="dev",
        clock=clock,
        ids=SeededIds(1),
        explainer_of=explainer_of,
    )
    host.refresh()
    return host


@pytest.fixture
def arrivals(log, state, clock):
    """Gives what takes in rows of the source `arrivals`, and knows no other source."""

    def writer(source, actor):
        if source != "arrivals":
            raise UnknownAsset(kind="source", name=source, known="arrivals")
        journal = IngestJournal(state, PROJECT, "dev", actor, clock)
        compiled = CompiledSource(source_of(), SCHEMA)
        return SourceWriter(
            compiled, log=log, clock=clock, objects=MemoryObjects(), journal=journal
        )

    return writer


@pytest.fixture
def guard(state, clock):
    return TokenGuard(state, project=PROJECT, environment="dev", clock=clock)


@pytest.fixture
def tokens(state, clock):
    return Tokens(state, actor=Actor("person:ada"), project=PROJECT, environment="dev", clock=clock)


@pytest.fixture
def service(host, guard, arrivals, log):
    return HttpDependencies(
        version="0.1.0",
        host=host,
        guard=guard,
        metrics=ServerMetrics(),
        writer=arrivals,
        replay=lambda prediction: {"replayed": prediction},
        place_of=place_of,
        log=log,
        present_source=unknown_source,
        features=NoFeatures(),
        status=lambda: STATUS,
        deployer=no_deployer,
        require_stores=lambda: None,
    )


@pytest.fixture
def client(service):
    client = Client(asgi_application(build_http_service(service)))
    yield client
    client.close()


@pytest.fixture
def token_for(tokens):
    """Headers of a fresh token with these permissions."""

    def token_for(*permissions, **scope):
        created = tokens.create("person:ada", permissions, **scope)
        return {"Authorization": f"Bearer {created.token}"}

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
