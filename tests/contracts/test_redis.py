"""Redis keeps the contract of the online port."""

from collections.abc import Iterator

import pytest
import redis

from mainspring.engines.redis.online import RedisOnline
from mainspring.ports.errors import StoreFailed
from mainspring.ports.online import Position
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

    def test_a_read_of_any_number_of_keys_is_one_command(
        self, online: RedisOnline, redis_server: LocalServer
    ) -> None:
        keys = [b"%d" % number * (1 + number % 3) for number in range(100)]
        at = Position((), 1)
        online.commit("s", dict.fromkeys(keys, b"row"), expected=None, position=at)
        with redis.Redis(port=redis_server.port) as server:
            for asked in (keys, keys[:1], keys[::3], [*keys, b"none"]):
                server.config_resetstat()
                assert online.read("s", asked)[0] == at
                memory = memoryview(bytearray(1_000))
                assert online.read_into("s", asked, memory)[0] == at
                counted = server.info("commandstats")
                assert counted["cmdstat_hmget"]["calls"] == 2
                # And nothing else, but that we looked.
                others = counted.keys() - {"cmdstat_hmget"}
                assert others <= {"cmdstat_info", "cmdstat_config|resetstat"}

    def test_a_read_that_the_server_refuses_is_an_error_of_ours(
        self, online: RedisOnline, redis_server: LocalServer, request: pytest.FixtureRequest
    ) -> None:
        online.commit("s", {b"k": b"1"}, expected=None, position=Position((), 1))
        with redis.Redis(port=redis_server.port) as server:
            server.set(f"{{{request.node.name}}}:shard:other", "a text, no hash")
        with pytest.raises(StoreFailed, match="WRONGTYPE"):
            online.read("other", [b"k"])
        assert online.read("s", [b"k"])[1] == [b"1"]

    def test_a_connection_that_was_closed_is_made_again(
        self, online: RedisOnline, redis_server: LocalServer
    ) -> None:
        online.commit("s", {b"k": b"1"}, expected=None, position=Position((), 1))
        with redis.Redis(port=redis_server.port) as server:
            server.client_kill_filter(_type="normal", skipme=True)
        assert online.read("s", [b"k"])[1] == [b"1"]
