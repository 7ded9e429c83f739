"""Talk to a Mainspring server from a program.

Rows that are pushed wait in a bounded queue; a thread sends them in batches, one request at a time,
in the order in which they came.  A request that no answer came to is sent again: the ids of rows
tell a server which of them it has, so that nothing is there twice.
"""

import atexit
import threading
import time
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import cast
from urllib.parse import quote, urlencode

import msgspec

from mainspring.client.connection import Retries, RetryingConnection
from mainspring.client.errors import ClientClosed, QueueFull, RequestRefused, ServerUnreachable
from mainspring.client.push import (
    BatchLimits,
    PushBatch,
    PushReport,
    PushSummary,
    Row,
    WaitingRows,
)

__all__ = ["Client"]

_LINES = "application/x-ndjson"
_TOO_LARGE = 413
_MAY_BE_ONE_CALL = frozenset({400, 413, 422})
Failure = RequestRefused | ServerUnreachable


class Client:
    """A client of one server; any thread may use it.  Provisional.

    Use it in a `with` block, which sends what waits at its end, or call `close`; what still waits
    when the interpreter ends is sent then.  A process that forks opens a client of its own.

    Args:
        url: of the server, such as `http://127.0.0.1:8000`.
        token: with the permissions that are used: `ingest` to push.
        timeout_s: how long one answer may take.
        batches: how pushed rows are sent.
        retries: how a request is sent again that no answer came to.

    Raises: ValueError for what is no address.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str,
        timeout_s: float = 30.0,
        batches: BatchLimits | None = None,
        retries: Retries | None = None,
    ) -> None:
        self._limits = batches or BatchLimits()
        # The lock guards all that follows; it is notified of whatever changes.
        self._changed = threading.Condition()
        self._queue = deque[WaitingRows]()
        self._waiting_rows = 0
        self._flushing = 0
        self._is_closed = self._has_to_end = False
        self._failures = list[Failure]()
        self._summary = PushSummary()
        self._connection = RetryingConnection(
            url,
            token,
            timeout_s=timeout_s,
            retries=retries or Retries(),
            sleep=self._pause,
        )
        self._thread = threading.Thread(target=self._send_all, name="mainspring-push", daemon=True)
        self._thread.start()
        self._at_exit = partial(_close, weakref.ref(self))
        atexit.register(self._at_exit)

    def push(
        self,
        source: str,
        rows: Row | Sequence[Row],
        *,
        op: str = "",
        timeout_s: float | None = None,
    ) -> None:
        """Let rows wait to be sent to a source, in the order of calls.

        Args:
            rows: mappings, or one, of columns to values: texts, numbers, booleans, null, lists;
                instants as ISO 8601 text or datetimes.
            op: `replace` or `delete`, for corrections of facts that were accepted before.
            timeout_s: how long to wait for room in the queue; default: until there is some.

        Raises: QueueFull SRV-062, ClientClosed SRV-063; TypeError for what is no row.  What the
            server refuses is raised by `flush` and `close`.
        """
        given = cast("Sequence[Row]", [rows] if isinstance(rows, Mapping) else rows)
        for first in range(0, len(given), self._limits.max_rows):
            part = given[first : first + self._limits.max_rows]
            waiting = WaitingRows(source, op, part, since_s=time.monotonic())
            self._put(waiting, timeout_s)

    def flush(self, timeout_s: float | None = None) -> PushSummary:
        """Send all that waits now; what became of the rows since the last flush.

        Raises: RequestRefused SRV-060 or ServerUnreachable SRV-061 for the first rows that were not
            taken in, which it has; TimeoutError.
        """
        with self._changed:
            self._flushing += 1
            self._changed.notify_all()
            try:
                if not self._changed.wait_for(lambda: not self._waiting_rows, timeout_s):
                    raise TimeoutError(f"{self._waiting_rows:,} rows still wait to be sent")
            finally:
                self._flushing -= 1
            if self._failures:
                raise self._failures.pop(0)
            summary, self._summary = self._summary, PushSummary()
            return summary

    def close(self, timeout_s: float | None = None) -> PushSummary:
        """Send all that waits, then leave.  Raises: as `flush`; the client is closed then too."""
        with self._changed:
            self._is_closed = True
        try:
            return self.flush(timeout_s)
        finally:
            with self._changed:
                self._has_to_end = True
                self._changed.notify_all()
            self._thread.join()
            self._connection.close()
            atexit.unregister(self._at_exit)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _put(self, waiting: WaitingRows, timeout_s: float | None) -> None:
        rows, most = len(waiting.rows), self._limits.max_waiting_rows
        with self._changed:
            has_room = self._changed.wait_for(
                lambda: (
                    self._is_closed or not self._waiting_rows or self._waiting_rows + rows <= most
                ),
                timeout_s,
            )
            if self._is_closed:
                raise ClientClosed(url=self._connection.url)
            if not has_room:
                raise QueueFull(waiting=self._waiting_rows, timeout_s=timeout_s or 0)
            self._queue.append(waiting)
            self._waiting_rows += rows
            self._changed.notify_all()

    def _send_all(self) -> None:
        """Send batches until the client has to end; run by its thread."""
        while (batch := self._next_batch()) is not None:
            self._send(batch)
            with self._changed:
                self._waiting_rows -= len(batch.rows)
                self._changed.notify_all()

    def _next_batch(self) -> PushBatch | None:
        """The first rows that wait, once they fill a request or have waited long enough."""
        with self._changed:
            while not self._has_to_end:
                parts, is_full = self._first_parts()
                if not parts:
                    self._changed.wait()
                    continue
                left_s = parts[0].since_s + self._limits.max_delay_s - time.monotonic()
                if is_full or self._flushing or left_s <= 0:
                    return PushBatch([self._queue.popleft() for _ in parts])
                self._changed.wait(left_s)
        return None

    def _first_parts(self) -> tuple[list[WaitingRows], bool]:
        """The first calls whose rows go into one request, and whether no more do."""
        parts, rows, size_bytes = list[WaitingRows](), 0, 0
        for part in self._queue:
            rows, size_bytes = rows + len(part.rows), size_bytes + part.size_bytes
            is_other = parts and (part.source, part.op) != (parts[0].source, parts[0].op)
            if parts and (
                is_other or rows > self._limits.max_rows or size_bytes > self._limits.max_bytes
            ):
                return parts, True
            parts.append(part)
        return parts, rows >= self._limits.max_rows or size_bytes >= self._limits.max_bytes

    def _send(self, batch: PushBatch) -> None:
        """Send a batch; in parts where a part of it may be all that is refused."""
        source, op = batch.parts[0].source, batch.parts[0].op
        path = f"/v1/sources/{quote(source, safe='')}/events"
        query = f"?{urlencode({'op': op})}" if op else ""
        try:
            answer = self._connection.post(path + query, batch.body, _LINES)
        except RequestRefused as error:
            is_mixed = error.status in _MAY_BE_ONE_CALL and len(batch.parts) > 1
            is_large = error.status == _TOO_LARGE and len(batch.rows) > 1
            if not (is_mixed or is_large):
                self._fail(error, batch)
                return
            for part in batch.split():
                self._send(part)
        except ServerUnreachable as error:
            self._fail(error, batch)
        else:
            with self._changed:
                self._summary.count(len(batch.rows), msgspec.json.decode(answer, type=PushReport))

    def _fail(self, error: Failure, batch: PushBatch) -> None:
        error.rows = batch.rows
        with self._changed:
            self._failures.append(error)

    def _pause(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._has_to_end, seconds)


def _close(reference: "weakref.ref[Client]") -> None:
    client = reference()
    if client is not None:
        client.close()
