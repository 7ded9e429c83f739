"""Redis keeps the contract of the online port."""

from collections.abc import Iterator

import pytest

from mainspring.engines.redis.online import RedisOnline
from mainspring.testing.contracts import OnlineContract
from mainspring.testing.servers import LocalServer


class TestOnline(OnlineContract):
    @pytest.fixture
    def online(
        self, redis_server: LocalServer, request: pytest.FixtureRequest
    ) -> Iterator[RedisOnline]:
        online = RedisOnline(f"redis://127.0.0.1:{redis_server.port}/0", prefix=request.node.name)
        yield online
        online.close()
