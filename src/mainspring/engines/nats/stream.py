"""The stream on the server: what is asked of JetStream, and the settings without which it would not
be a log.

It stores everything until it is removed explicitly, refuses what does not fit rather than dropping
the oldest, and knows for two minutes which messages it has, so that sending one again after a lost
answer stores it once.  Messages are fetched from any replica, and from the leader where a replica
is behind.
"""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Literal, NamedTuple, TypeVar

from nats.aio.client import Client
from nats.js.api import DiscardPolicy, RawStreamMsg, StorageType, StreamConfig, StreamInfo
from nats.js.client import JetStreamContext
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from mainspring.elements.time import to_micros
from mainspring.engines.nats.connection import PASSING, NatsConnection
from mainspring.engines.nats.consumer import PullConsumer
from mainspring.engines.nats.envelope import Parts
from mainspring.ports.errors import StoreDamaged, StoreFailed

__all__ = ["JetStream", "MessageKind", "StoredMessage", "StreamState"]

T = TypeVar("T")
MessageKind = Literal["records", "parts", "trims"]
"""The subjects of a stream: what is appended, bodies too large for one message, and where topics
were trimmed.
"""

_ATTEMPT_S = 3.0
_PAUSE_S = 0.05
_MEMORY_S = 120.0
_HEADERS_BYTES = 1_024
_PARTS_AT_ONCE = 4
_REQUESTS_AT_ONCE = 32
_NO_MESSAGE, _FULL = 10_057, {10_023, 10_077}
"""JetStream's numbers for a message that is gone already, and for a limit of the server, the stream
or the disk.

The latter come as a 503, like what passes by itself.
"""


class StreamState(NamedTuple):
    """Which stream it is (name and time of creation), the last message that it got, and the last
    that it holds; 0 for none.
    """

    identity: str
    last: int
    last_held: int


class StoredMessage(NamedTuple):
    """A message as stored: its number, when (microseconds), and its bytes."""

    message: int
    stamp: int
    data: bytes


class JetStream:
    """A stream by name, created where it is absent.

    Args:
        replicas: on how many servers of a cluster it is kept, where it is created.

    Raises:
        StoreFailed ENG-001 for a stream whose settings would lose records.
    """

    def __init__(self, name: str, *, connection: NatsConnection, replicas: int) -> None:
        self._name = name
        self._connection = connection
        info = self._call("open", lambda client: self._found_or_made(_context(client), replicas))
        if faults := _losses(info.config):
            raise StoreFailed(
                store=connection.name,
                operation="open",
                reason=f"stream {name} would lose records: {', '.join(faults)}",
            )

    @property
    def limit_bytes(self) -> int:
        """The largest message that the server takes."""
        return self._connection.max_payload - _HEADERS_BYTES

    def state(self) -> StreamState:
        """Which stream it is, and how far it goes."""
        info = self._call("read", lambda client: _context(client).stream_info(self._name))
        held = self._call("read", self._last_held)
        return StreamState(
            f"stream {self._name} of {info.created}",
            info.state.last_seq,
            held.message if held else 0,
        )

    def publish(self, kind: MessageKind, data: bytes) -> int:
        """Store a message; its number.  Cost: 0.2 ms on one machine."""
        return self._call("append", self._publishing(kind, data))

    def publish_parts(self, body: bytes, *, size_bytes: int) -> Parts:
        """Store a body in parts of a size, some of them at once."""
        works = [
            self._publishing("parts", body[at : at + size_bytes])
            for at in range(0, len(body), size_bytes)
        ]
        return Parts(tuple(self._call_each("append", works, at_once=_PARTS_AT_ONCE)), size_bytes)

    def fetch(self, messages: Iterable[int]) -> dict[int, StoredMessage]:
        """Messages by number, without those that are gone."""
        found = self._call_each(
            "read", [partial(self._get, message) for message in messages], at_once=_REQUESTS_AT_ONCE
        )
        return {stored.message: stored for stored in found if stored is not None}

    def iter_trims(self, after: int) -> Iterator[StoredMessage]:
        """The trims after a message, in order.  Asked of the leader: who counts without one of them
        counts wrong.
        """
        while (found := self._call("read", partial(self._next_trim, after))) is not None:
            yield found
            after = found.message

    def remove(self, messages: Iterable[int]) -> None:
        """Remove messages; one that is gone already is no fault."""
        self._call_each(
            "trim",
            [partial(self._remove, message) for message in messages],
            at_once=_REQUESTS_AT_ONCE,
        )

    def remove_below(self, message: int) -> None:
        """Remove all records and parts below a message, at once."""
        if message > 1:  # the server takes a purge below the first message for one of everything
            for kind in ("records", "parts"):
                self._call("trim", partial(self._purge, kind, message))

    def follow(self, after: int) -> PullConsumer:
        """What is stored after a message, as it comes."""
        return PullConsumer(self._name, after, connection=self._connection)

    def _call(self, operation: str, work: Callable[[Client], Awaitable[T]]) -> T:
        return self._connection.call(operation, lambda client: self._insist(client, work))

    def _call_each(
        self, operation: str, works: Sequence[Callable[[Client], Awaitable[T]]], *, at_once: int
    ) -> list[T]:
        async def all_of_them(client: Client) -> list[T]:
            turn = asyncio.Semaphore(at_once)

            async def one(work: Callable[[Client], Awaitable[T]]) -> T:
                async with turn:
                    return await self._insist(client, work)

            return list(await asyncio.gather(*map(one, works)))

        return self._connection.call(operation, all_of_them)

    async def _insist(self, client: Client, work: Callable[[Client], Awaitable[T]]) -> T:
        """Try until it is done, refused, or the patience is at its end."""
        clock = asyncio.get_running_loop().time
        until = clock() + min(self._connection.patience_s, _MEMORY_S / 2)
        while True:
            try:
                return await self._connection.unless_lost(work(client), timeout_s=until - clock())
            except PASSING as error:
                if isinstance(error, ServiceUnavailableError) and error.err_code in _FULL:
                    raise StoreFailed(
                        store=self._connection.name,
                        operation="append",
                        reason=str(error.description),
                    ) from error
                if clock() >= until or client.is_closed:
                    raise
            await asyncio.sleep(_PAUSE_S)

    async def _found_or_made(self, context: JetStreamContext, replicas: int) -> StreamInfo:
        try:
            return await context.stream_info(self._name)
        except NotFoundError:
            config = StreamConfig(
                name=self._name,
                subjects=[f"{self._name}.*"],
                storage=StorageType.FILE,
                discard=DiscardPolicy.NEW,
                duplicate_window=_MEMORY_S,
                num_replicas=replicas,
                allow_direct=True,
            )
            return await context.add_stream(config)

    def _publishing(self, kind: MessageKind, data: bytes) -> Callable[[Client], Awaitable[int]]:
        headers = {"Nats-Msg-Id": uuid.uuid4().hex}

        async def attempt(client: Client) -> int:
            return (
                await _context(client).publish(
                    f"{self._name}.{kind}", data, timeout=_ATTEMPT_S, headers=headers
                )
            ).seq

        return attempt

    async def _get(self, message: int, client: Client) -> StoredMessage | None:
        for is_from_any in (True, False):
            try:
                return _stored(
                    await _context(client).get_msg(self._name, message, direct=is_from_any)
                )
            except NotFoundError:
                continue
        return None

    async def _next_trim(self, after: int, client: Client) -> StoredMessage | None:
        try:
            return _stored(
                await _context(client).get_msg(
                    self._name, after + 1, subject=f"{self._name}.trims", next=True
                )
            )
        except NotFoundError:
            return None

    async def _last_held(self, client: Client) -> StoredMessage | None:
        try:
            return _stored(await _context(client).get_msg(self._name, subject=f"{self._name}.*"))
        except NotFoundError:
            return None

    async def _remove(self, message: int, client: Client) -> None:
        # Asked for by hand, because the client's own call has every byte overwritten, which costs
        # ten times as much.
        request = json.dumps({"seq": message, "no_erase": True}).encode()
        answer = json.loads(
            (
                await client.request(
                    f"$JS.API.STREAM.MSG.DELETE.{self._name}", request, timeout=_ATTEMPT_S
                )
            ).data
        )
        if "error" in answer and answer["error"]["err_code"] != _NO_MESSAGE:
            raise APIError.from_error(answer["error"])

    async def _purge(self, kind: MessageKind, message: int, client: Client) -> None:
        await _context(client).purge_stream(self._name, seq=message, subject=f"{self._name}.{kind}")


def _context(client: Client) -> JetStreamContext:
    return client.jetstream(timeout=_ATTEMPT_S)


def _losses(config: StreamConfig) -> list[str]:
    """The settings by which a stream would lose what it was given."""
    kept = {
        "max_age": (0, None),
        "max_msgs_per_subject": (-1, 0, None),
        "discard": ("new",),
        "retention": ("limits",),
    }
    found = [
        f"{name} is {getattr(config, name)}"
        for name, values in kept.items()
        if getattr(config, name) not in values
    ]
    return found if config.allow_direct else [*found, "allow_direct is off"]


def _stored(raw: RawStreamMsg) -> StoredMessage:
    if raw.seq is None or raw.time is None:
        raise StoreDamaged(
            store="the log", reason="the server answered a message without number or time"
        )
    return StoredMessage(raw.seq, to_micros(raw.time), raw.data or b"")
