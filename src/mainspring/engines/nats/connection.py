"""A client of a NATS server for code that waits: the event loop that the client needs runs in a
thread of its own.

The client reconnects by itself when the server goes away.  It closes for good when the server
refuses it; whoever calls next opens another one, so a server whose accounts were corrected
needs no restart here.
"""

import asyncio
import concurrent.futures
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import nats.errors
from nats.aio.client import Client
from nats.js.errors import NoStreamResponseError, ServiceUnavailableError

from mainspring.ports.errors import StoreBusy, StoreFailed

__all__ = ["PASSING", "NatsConnection", "NatsServer", "translate_nats_errors"]

T = TypeVar("T")

_END_S = 2.0
_CONNECT_S = 5.0
_PING_S = 5
_RECONNECT_S = 0.1

PASSING = (
    asyncio.TimeoutError,
    concurrent.futures.TimeoutError,
    ConnectionError,
    NoStreamResponseError,
    ServiceUnavailableError,
    nats.errors.ConnectionClosedError,
    nats.errors.ConnectionReconnectingError,
    nats.errors.NoRespondersError,
    nats.errors.NoServersError,
    nats.errors.OutboundBufferLimitError,
    nats.errors.StaleConnectionError,
)
"""What may go by itself: the server is away, starts, elects a leader, or is late."""


@dataclass(frozen=True)
class NatsServer:
    """The address of a server and its credentials.

    Args:
        url: `nats://host:port`, or `tls://…`; several with commas.
        credentials: the file of a user's token and seed, as `nsc` writes it.
        authority: the certificates that sign the server's; None trusts those of the machine.
        patience_s: how long an operation is tried before ENG-009; a minute at most, since the
            server knows for two which messages it has already.
    """

    url: str
    credentials: Path | None = None
    authority: Path | None = None
    patience_s: float = 15.0

    @property
    def name(self) -> str:
        """What errors call it: without user and password, which a URL may hold."""
        parts = [urlsplit(each) for each in self.url.split(",")]
        return "the log on NATS at " + ",".join(
            part.netloc.rpartition("@")[2] or part.path for part in parts
        )


@contextmanager
def translate_nats_errors(store: str, operation: str) -> Iterator[None]:
    """Raise ENG-009 or ENG-001 in place of the client's own errors."""
    try:
        yield
    except (concurrent.futures.CancelledError, asyncio.CancelledError) as error:
        raise StoreFailed(
            store=store, operation=operation, reason="it was closed meanwhile"
        ) from error
    except PASSING as error:
        raise StoreBusy(store=store, operation=operation) from error
    except (nats.errors.Error, OSError, ValueError) as error:
        raise StoreFailed(store=store, operation=operation, reason=str(error)) from error


class NatsConnection:
    """A client, its loop and its thread; safe to use from several threads.

    Raises:
        StoreBusy ENG-009 when the server does not answer, StoreFailed ENG-001 when it refuses.
    """

    def __init__(self, server: NatsServer) -> None:
        self.name = server.name
        self.patience_s = server.patience_s
        self._server = server
        self._client: Client | None = None
        self._loop = asyncio.new_event_loop()
        self._refusal: asyncio.Future[Exception] = self._loop.create_future()
        self._loss: asyncio.Future[None] = self._loop.create_future()
        self._opening = asyncio.Lock()
        self._is_closed = False
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="mainspring-nats", daemon=True
        )
        self._thread.start()
        try:
            self.call("connect", _nothing)
        except BaseException:
            self.close()
            raise

    @property
    def max_payload(self) -> int:
        """The largest message that the server takes, headers included."""
        return self._client.max_payload if self._client is not None else 0

    def call(self, operation: str, work: Callable[[Client], Awaitable[T]]) -> T:
        """Do something with the client on its loop, and wait for the result."""
        if self._is_closed:
            raise StoreFailed(store=self.name, operation=operation, reason="it is closed")
        with translate_nats_errors(self.name, operation):
            return asyncio.run_coroutine_threadsafe(self._with_client(work), self._loop).result()

    async def unless_lost(self, work: Awaitable[T], *, timeout_s: float) -> T:
        """The result of something that waits for the server, on the loop; when the connection
        breaks meanwhile, no answer comes any more.
        """
        task = asyncio.ensure_future(work)
        either: set[asyncio.Future[Any]] = {task, self._loss}
        await asyncio.wait(either, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise nats.errors.StaleConnectionError
        return await task

    def close(self) -> None:
        """End what is under way, and the thread.  Calling it twice is once."""
        if not self._is_closed:
            self._is_closed = True
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _with_client(self, work: Callable[[Client], Awaitable[T]]) -> T:
        async with self._opening:
            if self._client is None or self._client.is_closed:
                self._client = await self._connected()
        return await work(self._client)

    async def _connected(self) -> Client:
        """A client that is connected; what the server refuses is raised at once, and silence when
        the time is up.
        """
        client, self._refusal = Client(), asyncio.get_running_loop().create_future()
        connecting = asyncio.ensure_future(client.connect(**self._options()))
        either: set[asyncio.Future[Any]] = {connecting, self._refusal}
        done, _ = await asyncio.wait(
            either, timeout=min(_CONNECT_S, self.patience_s), return_when=asyncio.FIRST_COMPLETED
        )
        if connecting in done:
            await connecting
            return client
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        await client.close()
        raise self._refusal.result() if self._refusal.done() else nats.errors.NoServersError

    def _options(self) -> dict[str, Any]:
        """For a client that never gives up and reports to us."""
        options: dict[str, Any] = {
            "servers": self._server.url.split(","),
            "name": "mainspring",
            "error_cb": self._note,
            "disconnected_cb": self._lose,
            "reconnected_cb": self._lose,
            "max_reconnect_attempts": -1,
            "reconnect_time_wait": _RECONNECT_S,
            "connect_timeout": _CONNECT_S,
            "ping_interval": _PING_S,
        }
        if self._server.credentials is not None:
            self._server.credentials.stat()
            options["user_credentials"] = str(self._server.credentials)
        if self._server.authority is not None:
            options["tls"] = ssl.create_default_context(cafile=self._server.authority)
        return options

    async def _note(self, error: Exception) -> None:
        """While the client knocks, it tells errors here and goes on; a refusal will not change by
        knocking.
        """
        is_final = (
            isinstance(error, (nats.errors.AuthorizationError, ssl.SSLError))
            or "authorization" in str(error).lower()
        )
        if is_final and not self._refusal.done():
            self._refusal.set_result(error)

    async def _lose(self) -> None:
        """Whoever waits for an answer asks anew: when the connection breaks, and when there is one
        again, since what was asked in between may be lost.
        """
        self._loss.set_result(None)
        self._loss = self._loop.create_future()

    async def _end(self) -> None:
        running = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in running:
            task.cancel()
        await _within(asyncio.gather(*running, return_exceptions=True))
        if self._client is not None:
            # It leaves politely; there may be nobody to take leave of.
            await _within(asyncio.gather(self._client.close(), return_exceptions=True))


async def _within(work: "asyncio.Future[Any]") -> None:
    """Wait a while: the client's own tasks may go on after they are cancelled, for ever where the
    server is gone.
    """
    await asyncio.wait({work}, timeout=_END_S)


async def _nothing(_: Client) -> None:
    """Connecting is all."""
