"""A load of requests from several threads, each with another row; every response is recorded."""

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec

from mainspring.app.demo.server import Row, ServerProcess
from mainspring.serving.predict import Prediction

__all__ = ["Load", "Request"]

_THREADS = 4


class _Answered(msgspec.Struct):
    predictions: list[Prediction]


@dataclass(frozen=True)
class Request:
    """One request: when it was sent and answered (seconds since the epoch), and the version that
    answered, empty if it failed.
    """

    sent_at: float
    answered_at: float
    version: str


@dataclass(frozen=True)
class Load:
    """A load on a server.

    Args:
        rows: predicted in turn.
        requests: those sent so far; read it when the load has stopped.
    """

    server: ServerProcess
    rows: Sequence[Row]
    requests: list[Request] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send while the block runs."""
        stop, turn = threading.Event(), itertools.count()
        threads = [
            threading.Thread(target=self._send, args=(stop, turn), daemon=True)
            for _ in range(_THREADS)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _send(self, stop: threading.Event, turn: Iterator[int]) -> None:
        connection = self.server.connect()
        while not stop.is_set():
            row = self.rows[next(turn) % len(self.rows)]
            sent_at = time.time()
            try:
                status, body = connection.post([row])
            except OSError:
                # A refused or broken connection is what this load looks for: it counts as a failed
                # request, and the next request opens a new connection.
                status, body = 0, b""
                connection.close()
            version = (
                msgspec.json.decode(body, type=_Answered).predictions[0].version
                if status == 200
                else ""
            )
            self.requests.append(Request(sent_at, time.time(), version))
        connection.close()
