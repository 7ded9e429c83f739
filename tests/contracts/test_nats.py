"""The log on NATS JetStream keeps the contract, and what only several processes and a server that dies can show."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mainspring.engines.nats.log import NatsLog
from mainspring.testing.contracts import LogContract
from tests.contracts.nats_server import NatsServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def stream(request: pytest.FixtureRequest) -> str:
    """A stream of this test's own."""
    return f"test-{abs(hash(request.node.nodeid))}"


class TestLog(LogContract):
    @pytest.fixture(params=["disk", "memory"])
    def log(self, request: pytest.FixtureRequest, server: NatsServer, stream: str, tmp_path: Path) -> Iterator[NatsLog]:
        log = NatsLog(server.url, tmp_path / "index.sqlite" if request.param == "disk" else None, stream=stream)
        yield log
        log.close()
