"""The stream as it comes: messages without a gap that was not made on purpose, in the order of the
stream.

The server is asked for many messages at once and answers as they come, so nothing is asked again
and again; every two seconds it says that it is there. Its consumers live in memory and end with it,
and what was on its way when a connection broke is lost to them.  So each message is counted, and at
the first sign of a loss the consumer gives up: whoever follows starts another one after the last
message that it has.
"""

import asyncio
import json
from collections import deque
from contextlib import suppress
from typing import NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import StaleConnectionError
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy

from mainspring.elements.errors import EngineError
from mainspring.engines.nats.connection import NatsConnection

__all__ = ["PullConsumer", "ReceivedMessage"]

_MESSAGES = 1_024
_BYTES = 16 * 2**20
_EXPIRES_S, _HEARTBEAT_S, _UNUSED_S = 60, 2, 30.0
_NANO = 1_000_000_000
_SILENCE_S, _ATTEMPT_S = 2.5 * _HEARTBEAT_S, 3.0
_ENDED, _CONFLICT, _IDLE = {"404", "408"}, "409", "100"
_TOKENS = 9


class ReceivedMessage(NamedTuple):
    """A message that came.

    Args:
        stamp: when the server stored it, in microseconds.
    """

    message: int
    stamp: int
    subject: str
    data: bytes


class PullConsumer:
    """Follows a stream from the message after `after` on.

    Raises:
        StoreBusy ENG-009 when the server is silent, or something was lost on the way: start another
        consumer.
    """

    def __init__(self, stream: str, after: int, *, connection: NatsConnection) -> None:
        self._stream = stream
        self._connection = connection
        self._arrived: deque[Msg] = deque()
        self._bell = asyncio.Event()
        self._wanted = 0
        self._delivered = 0
        self._client, self._subscription, info = connection.call(
            "follow", lambda client: self._start(client, after)
        )
        self._name = info.name

    def receive(self) -> list[ReceivedMessage]:
        """What has come since the last call; waits for something, two seconds at most, and is empty
        when the server only says that it is there.
        """
        return self._connection.call("follow", self._receive)

    def close(self) -> None:
        """Tell the server that nothing is wanted any more; where it cannot be told, it notices by
        itself.
        """
        with suppress(EngineError):
            self._connection.call("follow", self._end)

    async def _start(self, client: Client, after: int) -> tuple[Client, Subscription, ConsumerInfo]:
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=_UNUSED_S,
            mem_storage=True,
            num_replicas=1,
        )
        info = await client.jetstream(timeout=_ATTEMPT_S).add_consumer(self._stream, config)
        return client, await client.subscribe(client.new_inbox(), cb=self._take), info

    async def _take(self, message: Msg) -> None:
        self._arrived.append(message)
        self._bell.set()

    async def _receive(self, client: Client) -> list[ReceivedMessage]:
        if client is not self._client:
            raise StaleConnectionError
        if self._wanted == 0:
            await self._ask(client)
        await self._connection.unless_lost(self._bell.wait(), timeout_s=_SILENCE_S)
        self._bell.clear()
        arrived, self._arrived = self._arrived, deque()
        return [
            received for message in arrived if (received := self._received(message)) is not None
        ]

    async def _ask(self, client: Client) -> None:
        largest = max(_BYTES, 2 * client.max_payload)
        request = {
            "batch": _MESSAGES,
            "max_bytes": largest,
            "expires": _EXPIRES_S * _NANO,
            "idle_heartbeat": _HEARTBEAT_S * _NANO,
        }
        await client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}",
            json.dumps(request).encode(),
            reply=self._subscription.subject,
        )
        self._wanted = _MESSAGES

    def _received(self, message: Msg) -> ReceivedMessage | None:
        """What a message brings; None for one that is only about our request."""
        headers = message.headers or {}
        if (status := headers.get("Status")) is not None:
            self._heed(status, headers.get("Description", ""))
            return None
        # $JS.ACK.(domain.account.)stream.consumer.deliveries.message.count.nanoseconds.left: by
        # hand, since the client reads the time as a float.
        tokens = message.reply.split(".")
        number, count, stamp = map(int, tokens[5:8] if len(tokens) == _TOKENS else tokens[7:10])
        if count != self._delivered + 1:
            raise StaleConnectionError
        self._delivered = count
        self._wanted -= 1
        return ReceivedMessage(number, stamp // 1_000, message.subject, message.data)

    def _heed(self, status: str, description: str) -> None:
        """Note what became of our request: it goes on, it is used up, or there is nobody any more
        who serves it.
        """
        if status in _ENDED or (status == _CONFLICT and "MaxBytes" in description):
            self._wanted = 0
        elif status != _IDLE:
            raise StaleConnectionError

    async def _end(self, client: Client) -> None:
        if client is self._client and client.is_connected:
            await self._subscription.unsubscribe()
            await client.jetstream(timeout=_ATTEMPT_S).delete_consumer(self._stream, self._name)
