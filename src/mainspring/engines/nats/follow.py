"""Keeps the index at the end of the stream: a thread that receives, folds, and begins again after
every loss.
"""

import threading
import time
from collections.abc import Sequence
from contextlib import closing

from mainspring.elements.errors import EngineError
from mainspring.engines.nats.consumer import PullConsumer, ReceivedMessage
from mainspring.engines.nats.envelope import parse_record
from mainspring.engines.nats.fold import Entry, is_something_missing
from mainspring.engines.nats.index import LogIndex, StreamPosition
from mainspring.engines.nats.stream import JetStream
from mainspring.ports.errors import StoreBusy, StoreDamaged, StoreFailed

__all__ = ["StreamPoller"]

_PAUSE_S = 0.1
_KEPT_BYTES = 64 * 2**20


class StreamPoller:
    """Folds a stream into an index until it is closed.

    Args:
        patience_s: how long the server may be silent before what the index says is too old to be
            told.
    """

    def __init__(self, stream: JetStream, index: LogIndex, *, patience_s: float) -> None:
        self._stream = stream
        self._index = index
        self._patience_s = patience_s
        self._parts = _Parts(stream)
        self._changed = threading.Condition()
        self._folded = -1
        self._begun_at = stream.state().last_held
        self._closing = threading.Event()
        self._trouble: EngineError | None = None
        self._heard_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="mainspring-nats-fold", daemon=True)
        self._thread.start()

    def wait_level(self) -> None:
        """Wait until the index holds what the stream held when it was opened; as long as it takes,
        while something comes.
        """
        with self._changed:
            while self._folded < self._begun_at:
                self.check()
                self._changed.wait(_PAUSE_S)

    def wait_for(self, message: int) -> None:
        """Wait until the index holds a message."""
        until = time.monotonic() + self._patience_s
        with self._changed:
            while self._folded < message:
                self.check()
                if time.monotonic() > until:
                    raise StoreBusy(
                        store="the index of the log", operation=f"fold message {message}"
                    )
                self._changed.wait(_PAUSE_S)

    def check(self) -> None:
        """Raise what keeps the index from following, where it has not done so for too long or never
        will.
        """
        is_old = time.monotonic() - self._heard_at > self._patience_s
        if self._trouble is not None and (is_old or not self._trouble.transient):
            raise self._trouble

    def stop(self) -> None:
        """Ask the thread to end; it does once the connection is closed, which ends its waiting."""
        self._closing.set()

    def join(self) -> None:
        """Wait for the thread to end."""
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._follow()
            except EngineError as error:
                self._report(error)
            # The edge of a thread: what ends it must reach those who wait for it.
            except Exception as error:
                self._report(
                    StoreFailed(
                        store="the index of the log",
                        operation="fold the stream",
                        reason=repr(error),
                    )
                )

    def _report(self, trouble: EngineError) -> None:
        with self._changed:
            self._trouble = trouble
            self._changed.notify_all()
        self._closing.wait(_PAUSE_S)

    def _follow(self) -> None:
        """Receive and fold until closed, or until what comes must be asked for anew."""
        position, known = self._index.position(), self._index.last_trim()
        _refuse_other_history(self._stream, position)
        after: int | None = position.message
        with closing(self._stream.follow(position.message)) as consumer:
            while after is not None and not self._closing.is_set():
                self._reach(after)
                after = self._step(consumer, after, known=known)

    def _step(self, consumer: PullConsumer, after: int, *, known: int) -> int | None:
        """Fold what comes after a message; the last of it, None where it came too early."""
        received = consumer.receive()
        self._heard_at = time.monotonic()
        if not received:
            return after
        entries = [self._entry(message) for message in received]
        if self._learns(entries, after) or not self._index.fold(entries, after=after, known=known):
            return None
        return received[-1].message

    def _learns(self, entries: Sequence[Entry], after: int) -> bool:
        """Whether there is a trim to be learnt before these can be folded; it is, and these are out
        of date.
        """
        if not is_something_missing(entries, after=after):
            return False
        trims = [
            self._read(stored.message, stored.stamp, stored.data)
            for stored in self._stream.iter_trims(self._index.last_trim())
        ]
        self._index.learn(trims)
        return bool(trims)

    def _reach(self, message: int) -> None:
        with self._changed:
            self._trouble = None
            self._folded = max(self._folded, message)
            self._changed.notify_all()

    def _entry(self, received: ReceivedMessage) -> Entry:
        if received.subject.endswith(".parts"):
            self._parts.keep(received.message, received.data)
            return Entry(received.message, received.stamp, None, 0, None)
        return self._read(received.message, received.stamp, received.data)

    def _read(self, message: int, stamp: int, data: bytes) -> Entry:
        record, body_at = parse_record(data, message=message)
        if record.parts is None:
            return Entry(message, stamp, record, body_at, data)
        return Entry(message, stamp, record, 0, self._parts.join(record.parts.messages))


class _Parts:
    """Parts that came and wait for their record; the oldest make room, and are fetched again where
    they are needed after all.
    """

    def __init__(self, stream: JetStream) -> None:
        self._stream = stream
        self._kept: dict[int, bytes] = {}
        self._size_bytes = 0

    def keep(self, message: int, data: bytes) -> None:
        self._kept[message] = data
        self._size_bytes += len(data)
        while self._size_bytes > _KEPT_BYTES:
            self._size_bytes -= len(self._kept.pop(next(iter(self._kept))))

    def join(self, messages: Sequence[int]) -> bytes | None:
        """The body that these parts make; None where one of them is gone from the stream."""
        kept = {message: self._kept.pop(message) for message in messages if message in self._kept}
        self._size_bytes -= sum(map(len, kept.values()))
        fetched = self._stream.fetch([message for message in messages if message not in kept])
        found = kept | {message: stored.data for message, stored in fetched.items()}
        return (
            b"".join(found[message] for message in messages)
            if len(found) == len(messages)
            else None
        )


def _refuse_other_history(stream: JetStream, position: StreamPosition) -> None:
    """ENG-010 where the stream is not the one that was folded so far: made anew, or set back, by
    the operator of the server.
    """
    state = stream.state()
    last = stream.fetch([position.message]).get(position.message) if position.message else None
    if state.identity != position.stream:
        raise StoreDamaged(
            store="the log", reason=f"{position.stream} was replaced by {state.identity}"
        )
    if state.last < position.message or (last is not None and last.stamp != position.stamp):
        raise StoreDamaged(
            store="the log",
            reason=f"{position.stream} does not have the messages any more that it had before "
            f"message {position.message}",
        )
