"""However far behind, killed half way or new a client is: all come to the same heads, records and
identities, and never show another on the way.

The stream here is a list of messages, so that clients can be stopped at any instant;
`tests/contracts/test_nats.py` has the real one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.engines.nats.envelope import (
    Append,
    Parts,
    Record,
    RecordShare,
    encode_frames,
    parse_record,
    read_frame,
    render_record,
)
from mainspring.engines.nats.fold import Entry, is_something_missing
from mainspring.engines.nats.index import LogIndex
from mainspring.testing.contracts.log import records

TOPICS = ("source:a", "source:b", "inference:c")
PART_BYTES = 3_000


@dataclass
class Stream:
    """What the server holds: by number, the subject and the bytes."""

    held: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    last: int = 0

    def publish(self, kind: str, data: bytes) -> int:
        self.last += 1
        self.held[self.last] = (kind, data)
        return self.last

    def remove(self, messages: Sequence[int]) -> None:
        for message in messages:
            self.held.pop(message, None)

    def remove_below(self, message: int) -> None:
        self.remove(
            [
                number
                for number, (kind, _) in self.held.items()
                if number < message and kind != "trims"
            ]
        )

    def entry(self, message: int) -> Entry:
        kind, data = self.held[message]
        if kind == "parts":
            return Entry(message, message, None, 0, None)
        record, body_at = parse_record(data, message=message)
        return (
            Entry(message, message, record, body_at, data)
            if record.parts is None
            else Entry(message, message, record, 0, self.join(record.parts.messages))
        )

    def join(self, messages: Sequence[int]) -> bytes | None:
        return (
            b"".join(self.held[each][1] for each in messages)
            if self.held.keys() >= set(messages)
            else None
        )


class Client:
    """An index, and what has come but is not folded yet."""

    def __init__(self, stream: Stream) -> None:
        self.stream, self.index = stream, LogIndex(None, "a stream")
        self.after, self.known = 0, 0
        self.taken: list[Entry] = []

    def receive(self, count: int) -> None:
        behind = max([self.after, *(entry.message for entry in self.taken)])
        self.taken += [
            self.stream.entry(message) for message in sorted(self.stream.held) if message > behind
        ][:count]

    def fold(self) -> None:
        if is_something_missing(self.taken, after=self.after):
            known = self.index.last_trim()
            trims = [
                self.stream.entry(message)
                for message, (kind, _) in sorted(self.stream.held.items())
                if kind == "trims" and message > known
            ]
            self.index.learn(trims)
        if self.index.fold(self.taken, after=self.after, known=self.known):
            self.after = self.taken[-1].message if self.taken else self.after
        self.known, self.taken = self.index.last_trim(), []

    def catch_up(self) -> None:
        while self.after < max(self.stream.held, default=0):
            self.receive(self.stream.last)
            self.fold()

    def publishing(self, kind: str, record: Record, body: bytes) -> Iterator[int]:
        """Publish, with a pause in which others act; the number of the record."""
        parts = None
        if len(body) > PART_BYTES:
            parts = Parts(
                tuple(
                    self.stream.publish("parts", body[at : at + PART_BYTES])
                    for at in range(0, len(body), PART_BYTES)
                ),
                PART_BYTES,
            )
            yield 0
        yield self.stream.publish(
            kind,
            render_record(msgspec.structs.replace(record, parts=parts), b"" if parts else body),
        )

    def appending(self, shares: Sequence[tuple[str, int]], *, is_late: bool) -> Iterator[int]:
        """Append so many records to topics, expecting the heads that are known here or, being late,
        others.
        """
        encoded = [
            (
                topic,
                encode_frames(records([f"{row % 5}" for row in range(rows)], at=self.stream.last)),
            )
            for topic, rows in shares
        ]
        expected = {
            topic: self.index.bounds(topic)[1] - is_late
            for topic, _ in shares
            if not topic.startswith("inference:")
        }
        append = Append(
            tuple(RecordShare(topic, expected.get(topic), frames) for topic, (frames, _) in encoded)
        )
        yield from self.publishing("records", append, b"".join(body for _, (_, body) in encoded))

    def trimming(self, topic: str, before: int) -> Iterator[int]:
        """Trim as far as is known here, with pauses in which others act or this one dies."""
        if (plan := self.index.plan_trim(topic, before)) is not None:
            self.stream.remove(self.index.void_records(plan.trim.settled))
            yield 0
            frames, body = encode_frames(plan.identities)
            yield from self.publishing(
                "trims", msgspec.structs.replace(plan.trim, frames=frames), body
            )
            self.catch_up()
        keep, forgotten = self.index.forgotten()
        self.stream.remove_below(keep)
        yield 0
        self.stream.remove(forgotten)
        self.index.forget(forgotten)

    def contents(self, topic: str) -> dict[int, str]:
        """What it would read now, by offset."""
        found: dict[int, str] = {}
        for located in self.index.locate(topic, self.index.bounds(topic)[0], limit=1_000):
            data = self.stream.join(located.place.messages)
            if data is not None:
                frame = read_frame(
                    data[located.place.at : located.place.at + located.place.size_bytes]
                )
                found |= dict(enumerate(frame["_content"].cast(pl.String).to_list(), located.start))
        return found


some = st.lists(
    st.tuples(st.sampled_from(TOPICS), st.sampled_from([1, 2, 40])),
    min_size=1,
    max_size=2,
    unique_by=lambda share: share[0],
)
pauses = st.integers(0, 5)
operations = st.one_of(
    st.tuples(st.just("append"), some, st.booleans(), pauses),
    st.tuples(st.just("trim"), st.sampled_from(TOPICS), st.integers(1, 100), pauses),
    st.tuples(st.just("receive"), st.integers(1, 9)),
    st.tuples(st.just("fold")),
    st.tuples(st.just("catch up")),
    st.tuples(st.just("go on"), pauses),
    st.tuples(st.just("die")),
)


class World:
    """A stream, three clients of different pace, and one who folds each message the moment that it
    is published.
    """

    def __init__(self) -> None:
        self.stream = Stream()
        self.witness = Client(self.stream)
        self.clients = [Client(self.stream) for _ in range(3)]
        self.acts: dict[int, Iterator[int]] = {}
        self.history: dict[str, dict[int, str]] = {topic: {} for topic in TOPICS}

    def do(self, which: int, operation: tuple) -> None:
        client = self.clients[which]
        match operation:
            case ("append", shares, is_late, pauses):
                self.start(which, client.appending(shares, is_late=is_late), pauses)
            case ("trim", topic, before, pauses):
                self.start(which, client.trimming(topic, before), pauses)
            case ("receive", count):
                client.receive(count)
            case ("catch up",):
                client.catch_up()
            case ("fold",):
                client.fold()
            case ("die",):
                self.acts.pop(which, None)
            case ("go on", pauses):
                self.go_on(which, pauses)

    def start(self, which: int, act: Iterator[int], pauses: int) -> None:
        """Begin something, unless this client is busy with another."""
        self.acts.setdefault(which, act)
        self.go_on(which, pauses)

    def go_on(self, which: int, pauses: int) -> None:
        for _ in range(pauses):
            if next(self.acts.get(which, iter(())), None) is None:
                self.acts.pop(which, None)
            self.witness.catch_up()
            for topic in TOPICS:
                self.history[topic] |= self.witness.contents(topic)

    def check(self, client: Client) -> None:
        for topic in TOPICS:
            found = client.contents(topic)
            assert found == {offset: self.history[topic][offset] for offset in found}

    def check_level(self, client: Client) -> None:
        client.catch_up()
        for topic in TOPICS:
            first, head = client.index.bounds(topic)
            assert (first, head) == self.witness.index.bounds(topic)
            assert head == len(self.history[topic])
            assert list(client.contents(topic)) == list(range(first, head))
            newest = {
                content.partition("@")[0]: offset
                for offset, content in sorted(self.history[topic].items())
            }
            assert {
                name: found.offset for name, found in client.index.find(topic, list(newest)).items()
            } == newest


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 2), operations), min_size=40, max_size=120))
def test_clients_at_any_pace_come_to_the_same(steps: list[tuple[int, tuple]]) -> None:
    world = World()
    for which, operation in steps:
        world.do(which, operation)
        world.check(world.clients[which])
    for client in [*world.clients, Client(world.stream)]:
        world.check_level(client)
