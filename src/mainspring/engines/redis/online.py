"""Online rows in Redis: a hash per shard, whose field `p` is the position and whose fields `r` +
key are the rows; a second one says to which rows something was appended, and how much.

So a read is one HMGET, rows and position of one instant; a drop is one UNLINK; and a server that
evicts takes a shard whole, which is then folded again, and never a row out of its middle.  A string
per row was rejected: MGET is no faster than HMGET, and a drop would have to look at every key of
the database.

A commit is a script: it compares the position and writes, and no other command runs in between.
What is appended the server puts behind the row that it has, so that only that travels.
Redis appends what it did to its file as one transaction. How much a power cut takes is decided by
the server's `appendfsync`; what it takes are the last commits, whole, and the stream folds the same
records again.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import AuthenticationError, ConnectionError, RedisError, TimeoutError
from redis.retry import Retry

from mainspring.elements.errors import EngineError
from mainspring.ports.errors import StaleWrite, StoreBusy, StoreFailed, StoreUnreachable
from mainspring.ports.online import (
    NOTHING_APPENDED,
    Position,
    ShardCommit,
    decode_position,
    encode_position,
    put_rows,
    refuse_long_keys,
)
from mainspring.ports.waiting import require_may_wait

__all__ = ["RedisOnline"]

_POSITION, _ROW = b"p", b"r"
_ROWS_AT_ONCE = 1_000
_COPY_LIVES_S = 3_600
_CONNECT_TIMEOUT_S = 2.0
_ANSWER_TIMEOUT_S = 30.0
_RETRIES = 3

_COMMIT = """
local found = redis.call('HGET', KEYS[1], 'p') or ''
if found ~= ARGV[1] then return found end
if found == '' then redis.call('DEL', KEYS[3]) end
local puts = 5 + 2 * tonumber(ARGV[4])
local appends = puts + 2 * tonumber(ARGV[5])
for at = 6, puts, 4000 do
    redis.call('HSET', KEYS[1], unpack(ARGV, at, math.min(at + 3999, puts)))
end
for at = 6, puts, 2 do
    redis.call('HDEL', KEYS[3], ARGV[at])
end
for at = puts + 1, appends, 2 do
    local row = redis.call('HGET', KEYS[1], ARGV[at]) or ''
    redis.call('HSET', KEYS[1], ARGV[at], row .. ARGV[at + 1])
    redis.call('HINCRBY', KEYS[3], ARGV[at], #ARGV[at + 1])
end
for at = appends + 1, #ARGV, 4000 do
    local last = math.min(at + 3999, #ARGV)
    redis.call('HDEL', KEYS[1], unpack(ARGV, at, last))
    redis.call('HDEL', KEYS[3], unpack(ARGV, at, last))
end
redis.call('HSET', KEYS[1], 'p', ARGV[2])
redis.call('SADD', KEYS[2], ARGV[3])
return 1
"""
"""KEYS: the shard, the names of all shards, what was appended to the shard's rows.  ARGV: the
expected position (empty: none), the new one, the shard's name, how many rows are put and how many
appended to, these as field and row, those as field and what comes behind, the fields that are
removed.

Four thousand at once, because Lua's stack holds eight thousand.
"""


class RedisOnline:
    """The online state of a project; any number of processes anywhere may read it and fold into it.

    Args:
        url: `redis://host:port/database`, or `rediss://` for TLS, without credentials.
        prefix: what its keys begin with; projects that share a server need different ones.
        username, password: None where the server asks for none.

    Raises: StoreUnreachable ENG-012 when no server answers there.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "mainspring",
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        address = urlsplit(url)
        self._name = f"the online store on Redis at {address.hostname}:{address.port or 6379}"
        self._client: Any = redis.Redis.from_url(
            url,
            username=username,
            password=password,
            socket_connect_timeout=_CONNECT_TIMEOUT_S,
            socket_timeout=_ANSWER_TIMEOUT_S,
            retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), _RETRIES),
            retry_on_error=[ConnectionError, TimeoutError],
        )
        self._commit = self._client.register_script(_COMMIT)
        # In braces, so that all keys of a store lie in one slot of a cluster: a script may touch no
        # others.
        self._prefix = f"{{{prefix}}}:"
        self._index = f"{self._prefix}shards"
        self._require_server()

    def read(self, shard: str, keys: Sequence[bytes]) -> tuple[Position | None, list[bytes | None]]:
        """The shard's position (None: it does not exist) and the row of each key (None: it has
        none).
        """
        require_may_wait(self._name, "read")
        try:
            found, *rows = self._fetch(_packed_read(self._hash(shard).encode(), keys))
        except RedisError as error:
            raise _translate(error, self._name, "read") from error
        return None if found is None else decode_position(found), rows

    def read_into(
        self, shard: str, keys: Sequence[bytes], memory: memoryview
    ) -> tuple[Position | None, list[int]]:
        """As `read`, with all rows one behind the other in this memory, if they fit."""
        position, rows = self.read(shard, keys)
        return position, put_rows(rows, memory)

    def shards(self) -> Mapping[str, Position]:
        """Every shard and its position.  Cost: two round trips."""
        with self._translated("read"):
            names = sorted(self._client.smembers(self._index))
            pipeline = self._client.pipeline(transaction=False)
            for name in names:
                pipeline.hget(self._hash(name.decode()), _POSITION)
            positions = pipeline.execute()
        # A server that evicts may have taken a shard and left its name.
        return {
            name.decode(): decode_position(position)
            for name, position in zip(names, positions, strict=True)
            if position is not None
        }

    def appended(self, shard: str) -> Mapping[bytes, int]:
        """The keys that something was appended to since their row was put, and how many bytes."""
        with self._translated("read"):
            pipeline = self._client.pipeline(transaction=True)
            pipeline.hexists(self._hash(shard), _POSITION)
            pipeline.hgetall(self._appended(shard))
            is_there, found = pipeline.execute()
        # A server that evicts may have taken the shard and left what was appended to it.
        return {field[len(_ROW) :]: int(size) for field, size in found.items()} if is_there else {}

    def iter_rows(self, shard: str) -> Iterator[tuple[bytes, bytes]]:
        """All rows of a shard in the order of their keys, of one commit.

        Cost: a copy of the shard on the server, which answers nobody else while it makes it (2.5 s
            for a million rows), and all keys in memory here.
        """
        copy = f"{self._prefix}copy:{secrets.token_hex(8)}"
        with self._translated("read"):
            if not self._client.copy(self._hash(shard), copy):
                return
            try:
                self._client.expire(copy, _COPY_LIVES_S)  # should this process be killed
                fields = sorted(field for field in self._client.hkeys(copy) if field != _POSITION)
                for start in range(0, len(fields), _ROWS_AT_ONCE):
                    page = fields[start : start + _ROWS_AT_ONCE]
                    yield from zip(
                        (field[len(_ROW) :] for field in page),
                        self._client.hmget(copy, page),
                        strict=True,
                    )
            finally:
                self._client.unlink(copy)

    def commit(
        self,
        shard: str,
        rows: Mapping[bytes, bytes | None],
        *,
        expected: Position | None,
        position: Position,
        appended: Mapping[bytes, bytes] = NOTHING_APPENDED,
    ) -> None:
        """Put the rows (None removes one), append to others, and move the shard to the position;
        ENG-004 when it is not at the expected one.

        When the server dies in the middle this may raise ENG-004 although its own commit is what
        moved the shard: read again, as after any other.
        """
        refuse_long_keys(rows, store=self._name)
        refuse_long_keys(appended, store=self._name)
        puts = [(_ROW + key, row) for key, row in rows.items() if row is not None]
        removals = [_ROW + key for key, row in rows.items() if row is None]
        change: list[bytes | str | int] = [
            encode_position(position),
            shard,
            len(puts),
            len(appended),
            *chain.from_iterable(puts),
            *chain.from_iterable((_ROW + key, piece) for key, piece in appended.items()),
            *removals,
        ]
        found = self._attempt(shard, b"" if expected is None else encode_position(expected), change)
        if isinstance(found, bytes) and found and decode_position(found) == expected:
            # The same position in other bytes: an earlier release wrote it.
            found = self._attempt(shard, found, change)
        if isinstance(found, bytes):
            raise StaleWrite(
                what=f"shard {shard}",
                expected=str(expected),
                found=str(decode_position(found) if found else None),
            )

    def commit_all(self, commits: Sequence[ShardCommit]) -> None:
        """Commit to several shards, one after the other: the server has no flush to share."""
        errors: list[EngineError] = []
        for each in commits:
            try:
                self.commit(
                    each.shard,
                    each.rows,
                    expected=each.expected,
                    position=each.position,
                    appended=each.appended,
                )
            except EngineError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def drop(self, shard: str) -> None:
        """Forget a shard; dropping an absent one is no error."""
        with self._translated("drop"):
            self._client.pipeline(transaction=True).unlink(
                self._hash(shard), self._appended(shard)
            ).srem(self._index, shard).execute()

    def close(self) -> None:
        """Close the connections; using the store afterwards opens new ones."""
        self._client.close()

    def _fetch(self, command: bytes) -> list[bytes | None]:
        """The answer to a command, sent as it is over a connection of the client, with its retries.

        The client's own way, which packs each argument and measures each command, takes 90 µs for a
        hundred keys, nearly as long as the server.
        """
        pool = self._client.connection_pool
        connection = pool.get_connection()

        def ask() -> list[bytes | None]:
            connection.send_packed_command([command])
            answer: list[bytes | None] = connection.read_response(disable_decoding=True)
            return answer

        try:
            found: list[bytes | None] = connection.retry.call_with_retry(
                ask, lambda _: connection.disconnect()
            )
        finally:
            pool.release(connection)
        return found

    def _hash(self, shard: str) -> str:
        return f"{self._prefix}shard:{shard}"

    def _appended(self, shard: str) -> str:
        return f"{self._prefix}appended:{shard}"

    def _attempt(
        self, shard: str, expected: bytes, change: Sequence[bytes | str | int]
    ) -> bytes | int:
        """1 when the change was made, or else the position that the shard is at; empty: it does not
        exist.
        """
        with self._translated("write"):
            answer: bytes | int = self._commit(
                keys=[self._hash(shard), self._index, self._appended(shard)],
                args=[expected, *change],
            )
        return answer

    def _require_server(self) -> None:
        try:
            self._client.ping()
        except RedisError as error:
            if _is_away(error):
                raise StoreUnreachable(
                    store=self._name, reason=str(error), start="redis-server"
                ) from error
            raise _translate(error, self._name, "open") from error

    @contextmanager
    def _translated(self, operation: str) -> Iterator[None]:
        try:
            yield
        except RedisError as error:
            raise _translate(error, self._name, operation) from error


def _packed_read(name: bytes, keys: Sequence[bytes]) -> bytes:
    """An `HMGET` of the position and of these rows, as it is sent.

    Source: Redis serialization protocol, arrays of bulk strings.
    """
    sizes = {*map(len, keys)}
    if len(sizes) == 1:
        # Most keys are equally long, and then no more is made for each than a copy.
        begin = b"$%d\r\n%s" % (len(_ROW) + sizes.pop(), _ROW)
        fields = begin + (b"\r\n" + begin).join(keys) + b"\r\n"
    else:
        fields = b"".join([b"$%d\r\n%s%s\r\n" % (len(_ROW) + len(key), _ROW, key) for key in keys])
    return b"*%d\r\n$5\r\nHMGET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n%s" % (
        3 + len(keys),
        len(name),
        name,
        len(_POSITION),
        _POSITION,
        fields,
    )


def _translate(error: RedisError, store: str, operation: str) -> EngineError:
    """ENG-009 or ENG-001 in place of the client's own error."""
    if _is_away(error):
        return StoreBusy(store=store, operation=operation)
    return StoreFailed(store=store, operation=operation, reason=str(error))


def _is_away(error: RedisError) -> bool:
    """Whether no server answered; the client counts a wrong password among the faults of a
    connection.
    """
    return isinstance(error, ConnectionError | TimeoutError) and not isinstance(
        error, AuthenticationError
    )
