"""The access log: a line of JSON for each call, written by a thread of its own.

The event loop appends a record to a queue and goes on.  The thread gathers for a moment, so that
many lines are one write and the interpreter changes threads seldom.  The queue is bounded: what
finds no room, or cannot be written, is left out, counted, and said in the log by the next line that
can be.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from mainspring.engines.local.appended_file import AppendedFile, AppendedStream
from mainspring.ports.access_log import AccessRecord
from mainspring.ports.errors import AccessLogUnusable

__all__ = ["AccessLog", "AccessLogLimits", "open_access_log"]

_LOG = logging.getLogger("mainspring.server")
_END_S = 3.0
_MOST_AT_ONCE = 512


@dataclass(frozen=True, kw_only=True)
class AccessLogLimits:
    """The limits of an access log.

    Args:
        waiting: how many lines wait to be written.
        gather_s: how long lines are gathered for one write.
        file_bytes: a larger file is exchanged for a new one.
        kept_files: how many former ones stay.
    """

    waiting: int = 16_384
    gather_s: float = 0.05
    file_bytes: int = 64 * 1024 * 1024
    kept_files: int = 5


class _Line(msgspec.Struct, omit_defaults=True):
    time: datetime
    method: str
    path: str
    status: int
    bytes: int
    request_id: str
    duration_ms: float | None = None
    route: str = ""
    code: str = ""
    actor: str = ""
    revision: str = ""
    traceparent: str = ""
    worker: int = 0


class _LeftOut(msgspec.Struct):
    time: datetime
    dropped: int
    worker: int


class AccessLog:
    """Takes records from one event loop, and writes them.

    Args:
        worker: the number of this process among those behind one port; 0 for one by itself.

    Its counts: `written`, and `dropped` of what was not.
    """

    def __init__(
        self,
        target: AppendedFile | AppendedStream,
        *,
        worker: int = 0,
        limits: AccessLogLimits = AccessLogLimits(),
    ) -> None:
        self._target, self._worker, self._limits = target, worker, limits
        self._waiting, self._encode = deque[AccessRecord](), msgspec.json.Encoder().encode
        self._wake, self._stop, self._is_resting = threading.Event(), threading.Event(), False
        # Each is counted by one thread only.
        self._crowded_out = self._failed = self._said = 0
        self.written = 0

    @property
    def dropped(self) -> int:
        """How many records were left out."""
        return self._crowded_out + self._failed

    def note(self, record: AccessRecord) -> None:
        """Have a record written; it does not wait.  Cost: 0.2 µs."""
        if len(self._waiting) >= self._limits.waiting:
            self._crowded_out += 1
            return
        self._waiting.append(record)
        # The thread says that it rests before it looks once more, so none is overlooked.
        if self._is_resting:
            self._is_resting = False
            self._wake.set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Write while the block runs, and after it what waits still."""
        thread = threading.Thread(target=self._write_all, name="mainspring-access-log", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._wake.set()
            # Not for ever: whoever reads standard output may have stopped to.
            thread.join(_END_S)
            if not thread.is_alive():
                self._target.close()

    def _write_all(self) -> None:
        while not self._stop.is_set():
            self._is_resting = True
            if not self._waiting:
                self._wake.wait()
            self._wake.clear()
            self._is_resting = False
            self._stop.wait(self._limits.gather_s)
            while self._waiting or self.dropped > self._said:
                if not self._write_some():
                    break

    def _write_some(self) -> bool:
        """Write what waits, as far as one write goes; whether it could be."""
        # Between the two clocks of this moment: a clock that is set has no line lie about.
        offset_s = time.time() - time.monotonic()
        count = min(len(self._waiting), _MOST_AT_ONCE)
        lines = [self._line(self._waiting.popleft(), offset_s) for _ in range(count)]
        dropped = self.dropped
        if dropped > self._said:
            left_out = _LeftOut(datetime.now(UTC), dropped - self._said, self._worker)
            lines.append(self._encode(left_out))
        try:
            self._target.append(b"\n".join([*lines, b""]))
        except OSError as error:
            if not self._failed:
                _LOG.warning("the access log cannot be written: %s", error.strerror or error)
            self._failed += count
            return False
        self.written, self._said = self.written + count, dropped
        return True

    def _line(self, record: AccessRecord, offset_s: float) -> bytes:
        taken_s = record.duration_s
        return self._encode(
            _Line(
                datetime.fromtimestamp(record.began_s + offset_s, UTC),
                record.method,
                record.path,
                record.status,
                record.size_bytes,
                record.request_id,
                None if taken_s is None else round(taken_s * 1000, 3),
                record.route,
                record.code,
                record.actor,
                record.revision,
                record.traceparent,
                self._worker,
            )
        )


@contextmanager
def open_access_log(
    target: str,
    *,
    worker: int = 0,
    limits: AccessLogLimits = AccessLogLimits(),
) -> Iterator[AccessLog]:
    """An access log that writes while the block runs.

    Args:
        target: a file, or `-` for standard output.

    SIGHUP does not end a server that writes to a file and has no terminal: programs that move logs
    away send it, and the next lines are in a new file anyway.

    Raises: AccessLogUnusable SRV-057.
    """
    if target == "-":
        log = AccessLog(AppendedStream(sys.stdout.fileno()), worker=worker, limits=limits)
        with log.running():
            yield log
        return
    try:
        file = AppendedFile(
            Path(target).absolute(), size_bytes=limits.file_bytes, kept=limits.kept_files
        )
    except OSError as error:
        raise AccessLogUnusable(file=target, reason=error.strerror or str(error)) from error
    log = AccessLog(file, worker=worker, limits=limits)
    with _surviving_hangups(), log.running():
        yield log


@contextmanager
def _surviving_hangups() -> Iterator[None]:
    is_ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
        and not os.isatty(0)
    )
    if not is_ours:
        yield
        return
    signal.signal(signal.SIGHUP, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
