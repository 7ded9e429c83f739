"""The log on NATS JetStream: one stream for all topics of a workspace, shared by every process that
is given its address.

An append is published once, without asking for its place, and holds or not by the place that it
gets (`fold` says why); it returns when this process has folded the stream up to there.  So whoever
appended reads what was appended, and other processes see it as soon as the server has sent it,
within milliseconds.

What `append` acknowledged is stored by the server, and by most of its replicas where the stream has
several.  A server that is killed loses nothing of it; one that loses power may lose what it did not
flush, two minutes by default: set its `sync_interval` to `always` (from 2.10 on), or `replicas` to
3.  Where an append ends in ENG-009 it may have been stored or still come: those that name the head
that they expect are safe to decide anew, since the later is void.

While the server is away, heads and identities are given as they were, until they are older than the
patience; frames cannot be read.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path

import msgspec
import polars as pl

from mainspring.engines.nats.connection import NatsConnection, NatsServer
from mainspring.engines.nats.envelope import (
    Append,
    Record,
    RecordShare,
    encode_frames,
    read_frame,
    render_record,
)
from mainspring.engines.nats.follow import StreamPoller
from mainspring.engines.nats.index import Located, LogIndex
from mainspring.engines.nats.stream import JetStream, MessageKind
from mainspring.ports.errors import RetentionPassed, StaleWrite, StoreBusy, StoreDamaged
from mainspring.ports.log import Identity, PackedRecord
from mainspring.ports.packed_frame import frame_of_records
from mainspring.ports.waiting import require_may_wait

__all__ = ["NatsLog"]

_FRAMES_AT_ONCE = 64
_BYTES_AT_ONCE = 16 * 2**20
_ATTEMPTS = 3


class NatsLog:
    """The log of a workspace; safe to use from several threads, but not after a fork.

    Args:
        url: `nats://host:port` or `tls://host:port`; several servers of a cluster with commas.
        index: a file for what the stream comes to, which is a cache: without one, opening folds the
            whole stream, about 3 µs a record.
        stream: the name of the stream, one for each workspace.
        credentials: the file of a user's token and seed.
        authority: certificates that sign the server's; None trusts those of the machine.
        replicas: on how many servers a stream is kept that this creates.
        patience_s: how long the server may be away before ENG-009.

    Raises:
        StoreBusy ENG-009 when there is no server, StoreFailed ENG-001 when it refuses, StoreDamaged
        ENG-010 when the index was made from another stream.
    """

    def __init__(
        self,
        url: str,
        index: Path | None = None,
        *,
        stream: str = "mainspring",
        credentials: Path | None = None,
        authority: Path | None = None,
        replicas: int = 1,
        patience_s: float = 15.0,
    ) -> None:
        with ExitStack() as opened:
            self._connection = NatsConnection(
                NatsServer(url, credentials=credentials, authority=authority, patience_s=patience_s)
            )
            opened.callback(self._connection.close)
            self._stream = JetStream(stream, connection=self._connection, replicas=replicas)
            self._identity = self._stream.state().identity
            self._index = LogIndex(index, self._identity)
            opened.callback(self._index.close)
            self._poller = StreamPoller(self._stream, self._index, patience_s=patience_s)
            opened.callback(self._poller.join)
            opened.callback(self._connection.close)
            opened.callback(self._poller.stop)
            self._poller.wait_level()
            self._opened = opened.pop_all()

    def identities(self) -> Mapping[str, str]:
        """What the stream is known by."""
        return {"facts": self._identity}

    def topics(self) -> Sequence[str]:
        """All topics that ever held a record, sorted."""
        self._poller.check()
        return self._index.topics()

    def first(self, topic: str) -> int:
        """The offset of the oldest record that is kept: 0 where nothing was trimmed, the head where
        everything was.
        """
        self._poller.check()
        return self._index.bounds(topic)[0]

    def head(self, topic: str) -> int:
        """The offset that the next record will get; 0 for a topic that holds none."""
        self._poller.check()
        return self._index.bounds(topic)[1]

    def read(
        self, topic: str, *, start: int = 0, stop: int | None = None
    ) -> Iterator[pl.DataFrame]:
        """The records with `start <= offset < stop` in order, cut at the bounds; ENG-011 for what
        was trimmed.

        Cost: a message is fetched in 0.3 ms on one machine, and some are on their way at once.
        """
        stop = min(self.head(topic), stop) if stop is not None else self.head(topic)
        while start < stop:
            frames = _within(self._index.locate(topic, start, limit=_FRAMES_AT_ONCE), stop)
            if not frames:
                raise self._missing(topic, start)
            data = self._fetch(topic, frames)
            for located in frames:
                frame = read_frame(_assemble(located, data))
                frame.insert_column(
                    0,
                    pl.int_range(located.start, located.start + located.rows, eager=True).alias(
                        "_offset"
                    ),
                )
                yield frame[max(start - located.start, 0) : stop - located.start]
            start = frames[-1].start + frames[-1].rows

    def find(self, topic: str, ids: Sequence[str]) -> Mapping[str, Identity]:
        """The newest revision of each of these ids; those of trimmed records stay known."""
        self._poller.check()
        return self._index.find(topic, ids)

    def append(
        self, batches: Mapping[str, pl.DataFrame], *, expected: Mapping[str, int]
    ) -> Mapping[str, int]:
        """Append a frame to each topic, in one message; the new heads."""
        require_may_wait(self._connection.name, "append")
        encoded = {topic: encode_frames(frame) for topic, frame in batches.items()}
        shares = tuple(
            RecordShare(topic, expected.get(topic), frames)
            for topic, (frames, _) in encoded.items()
        )
        body = b"".join(stream for _, stream in encoded.values())
        for _ in range(_ATTEMPTS):
            self._refuse_stale(shares)
            if not body:
                return {share.topic: self.head(share.topic) for share in shares}
            record = self._publish("records", Append(shares), body)
            self._poller.wait_for(record)
            heads = self._index.heads_after(record, list(batches))
            if heads is not None:
                return heads
        raise StoreBusy(store=self._connection.name, operation="append")

    def append_packed(self, topic: str, records: Sequence[PackedRecord], *, on_disk: bool) -> int:
        """Append packed records in one message; the new head.  What a message survives that was
        acknowledged is for the stream's server to say.
        """
        del on_disk
        return self.append({topic: frame_of_records(records)}, expected={})[topic]

    def trim(self, topic: str, before: int) -> int:
        """Forget records below an offset, in whole frames; the new first offset.  Identities stay,
        in the message that says so.

        Cost: some 30 bytes and an id for each record that goes; 0.5 ms for each message between
            others that stay, little for the rest.
        """
        self._poller.check()
        while (plan := self._index.plan_trim(topic, before)) is not None:
            self._stream.remove(self._index.void_records(plan.trim.settled))
            frames, body = encode_frames(plan.identities)
            self._poller.wait_for(
                self._publish("trims", msgspec.structs.replace(plan.trim, frames=frames), body)
            )
        self._reclaim()
        return self.first(topic)

    def compact(self, topic: str) -> int:  # noqa: ARG002 — the port asks by topic
        """Join small batches: 0, because a message of a stream stays as it was written."""
        return 0

    def close(self) -> None:
        """Leave the server, and end the threads; using the log afterwards is a fault."""
        self._opened.close()

    def _publish(self, kind: MessageKind, record: Record, body: bytes) -> int:
        """Store a record, its body ahead of it where that is too large for one message; its
        number.
        """
        known = self._index.position().message
        message = self._stream.publish(kind, self._rendered(record, body))
        if message <= known:
            raise StoreDamaged(
                store="the log",
                reason=f"the stream was set back: it gave number {message} again, after {known}",
            )
        return message

    def _rendered(self, record: Record, body: bytes) -> bytes:
        whole = render_record(record, body)
        if len(whole) <= (limit := self._stream.limit_bytes):
            return whole
        return render_record(
            msgspec.structs.replace(
                record, parts=self._stream.publish_parts(body, size_bytes=limit)
            )
        )

    def _refuse_stale(self, shares: Sequence[RecordShare]) -> None:
        """ENG-004 where an expectation has failed already; one that fails on the way makes the
        append void and is found here the next time.
        """
        for share in shares:
            if share.expected is not None and (head := self.head(share.topic)) != share.expected:
                raise StaleWrite(
                    what=f"topic {share.topic}",
                    expected=f"offset {share.expected}",
                    found=f"offset {head}",
                )

    def _fetch(self, topic: str, frames: Sequence[Located]) -> dict[int, bytes]:
        """The messages that hold these frames."""
        wanted = sorted({message for frame in frames for message in frame.place.messages})
        found = {message: stored.data for message, stored in self._stream.fetch(wanted).items()}
        for frame in frames:
            if not found.keys() >= set(frame.place.messages):
                raise self._missing(topic, frame.start)
        return found

    def _missing(self, topic: str, offset: int) -> RetentionPassed | StoreDamaged:
        """Why a record is not there: it was trimmed, perhaps by another process and a moment ago,
        or it is lost.
        """
        for trim in self._stream.iter_trims(self._index.last_trim()):
            self._poller.wait_for(trim.message)
        first, _ = self._index.bounds(topic)
        if offset < first:
            return RetentionPassed(topic=topic, kept_from=first, asked=offset)
        return StoreDamaged(
            store="the log",
            reason=f"the messages of topic {topic} from {offset} on are gone from the stream",
        )

    def _reclaim(self) -> None:
        """Remove from the stream what no topic holds any more, also what an earlier trim was killed
        before removing.
        """
        keep, forgotten = self._index.forgotten()
        if forgotten:
            self._stream.remove_below(keep)
            self._stream.remove([message for message in forgotten if message > keep])
            self._index.forget(forgotten)


def _within(frames: Sequence[Located], stop: int) -> list[Located]:
    """The frames below an offset, until they are many bytes."""
    sizes = accumulate((frame.place.size_bytes for frame in frames), initial=0)
    return [
        frame
        for frame, before in zip(frames, sizes, strict=False)
        if frame.start < stop and before < _BYTES_AT_ONCE
    ]


def _assemble(frame: Located, data: Mapping[int, bytes]) -> bytes:
    whole = b"".join(data[message] for message in frame.place.messages)
    return whole[frame.place.at : frame.place.at + frame.place.size_bytes]
