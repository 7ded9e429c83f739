"""What a Redis server goes through beyond the contract: it dies, it is full, it refuses, it is not
there.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from mainspring.engines.redis.online import RedisOnline
from mainspring.ports.errors import StaleWrite, StoreBusy, StoreFailed, StoreUnreachable
from mainspring.ports.online import Position
from mainspring.testing import servers

FIRST, SECOND = Position((("source:flights", 3),), 30), Position((("source:flights", 5),), 50)


def url(server: servers.LocalServer) -> str:
    return f"redis://127.0.0.1:{server.port}/0"


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[servers.LocalServer]:
    """A server that a test may kill."""
    try:
        server = servers.redis(tmp_path, "--requirepass", "open sesame")
    except servers.ServerMissing as missing:
        pytest.skip(str(missing))
    with server:
        yield server


@pytest.fixture
def online(own_server: servers.LocalServer) -> RedisOnline:
    online = RedisOnline(url(own_server), password="open sesame")
    online.commit("s", {b"a": b"1", b"b": b"2"}, expected=None, position=FIRST)
    return online


def test_a_server_killed_and_started_again_stands_at_the_last_commit(
    online: RedisOnline, own_server: servers.LocalServer
) -> None:
    online.commit("s", {b"a": None, b"c": b"3"}, expected=FIRST, position=SECOND)
    own_server.kill()
    own_server.start()
    assert online.read("s", [b"a", b"b", b"c"]) == (SECOND, [None, b"2", b"3"])
    assert online.shards() == {"s": SECOND}


def test_commits_go_on_after_a_restart_although_the_server_forgot_the_script(
    online: RedisOnline, own_server: servers.LocalServer
) -> None:
    own_server.kill()
    own_server.start()
    online.commit("s", {b"a": b"9"}, expected=FIRST, position=SECOND)
    assert online.read("s", [b"a"]) == (SECOND, [b"9"])


def test_a_dead_server_is_busy_until_it_is_back(
    online: RedisOnline, own_server: servers.LocalServer
) -> None:
    own_server.kill()
    with pytest.raises(StoreBusy, match="the online store on Redis"):
        online.read("s", [b"a"])
    with pytest.raises(StoreBusy):
        online.commit("s", {}, expected=FIRST, position=SECOND)
    own_server.start()
    assert online.read("s", [b"a"]) == (FIRST, [b"1"])


def test_a_full_server_leaves_the_commit_before(
    online: RedisOnline, own_server: servers.LocalServer
) -> None:
    client = redis.Redis(port=own_server.port, password="open sesame")
    client.config_set("maxmemory", client.info("memory")["used_memory"])
    with pytest.raises(StoreFailed, match="maxmemory"):
        online.commit(
            "s",
            dict.fromkeys([b"a", b"b", b"c"], b"x" * 1_000_000),
            expected=FIRST,
            position=SECOND,
        )
    assert online.read("s", [b"a", b"b", b"c"]) == (FIRST, [b"1", b"2", None])


def test_where_no_server_is_the_error_says_what_to_start() -> None:
    with pytest.raises(StoreUnreachable, match="does not answer") as caught:
        RedisOnline(f"redis://127.0.0.1:{servers.free_port()}/0")
    assert "redis-server" in str(caught.value.remedy.format(**caught.value.details()))


def test_a_wrong_password_is_refused_and_not_shown(own_server: servers.LocalServer) -> None:
    with pytest.raises(StoreFailed) as caught:
        RedisOnline(url(own_server), password="guess")
    assert "guess" not in caught.value.message


def test_a_position_in_other_bytes_is_the_same_position(redis_server: servers.LocalServer) -> None:
    online = RedisOnline(url(redis_server), prefix="earlier")
    online.commit("s", {b"a": b"1"}, expected=None, position=FIRST)
    spaced = b'{"visible_until": 30, "offsets": [["source:flights", 3]]}'
    redis.Redis(port=redis_server.port).hset("{earlier}:shard:s", "p", spaced)
    with pytest.raises(StaleWrite):
        online.commit("s", {b"a": b"2"}, expected=SECOND, position=SECOND)
    online.commit("s", {b"a": b"2"}, expected=FIRST, position=SECOND)
    assert online.read("s", [b"a"]) == (SECOND, [b"2"])


def test_stores_of_two_prefixes_are_apart(redis_server: servers.LocalServer) -> None:
    one, other = (
        RedisOnline(url(redis_server), prefix="one"),
        RedisOnline(url(redis_server), prefix="other"),
    )
    one.commit("s", {b"a": b"1"}, expected=None, position=FIRST)
    other.drop("s")
    assert (one.shards(), other.shards(), other.read("s", [b"a"])) == (
        {"s": FIRST},
        {},
        (None, [None]),
    )


def test_an_evicted_shard_is_gone_as_a_whole(redis_server: servers.LocalServer) -> None:
    online = RedisOnline(url(redis_server), prefix="evicted")
    online.commit("s", {b"a": b"1"}, expected=None, position=FIRST)
    redis.Redis(port=redis_server.port).delete("{evicted}:shard:s")
    assert (online.shards(), online.read("s", [b"a"])) == ({}, (None, [None]))
    online.commit("s", {b"a": b"2"}, expected=None, position=FIRST)
    assert online.read("s", [b"a"]) == (FIRST, [b"2"])


def test_an_iteration_leaves_no_copy_behind(redis_server: servers.LocalServer) -> None:
    online = RedisOnline(url(redis_server), prefix="copied")
    online.commit("s", {b"a": b"1", b"b": b"2"}, expected=None, position=FIRST)
    rows = online.iter_rows("s")
    assert next(rows) == (b"a", b"1")
    rows.close()
    assert redis.Redis(port=redis_server.port).keys("{copied}:copy:*") == []


def test_a_forked_child_has_connections_of_its_own(redis_server: servers.LocalServer) -> None:
    online = RedisOnline(url(redis_server), prefix="forked")
    online.commit("s", {b"a": b"1"}, expected=None, position=FIRST)
    child = os.fork()
    if child == 0:
        try:
            online.commit("s", {b"a": b"2"}, expected=FIRST, position=SECOND)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert online.read("s", [b"a"]) == (SECOND, [b"2"])
