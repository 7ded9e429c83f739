"""Pushes that are written together leave what they would have left one after the other: the same
records in log, decisions and quarantine, the same journal, and to each the same answer.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.elements.errors import MainspringError
from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import MINUTE
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.state import SqliteState
from mainspring.sources.append_push import append_push
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.group_commit import PushOutcome, PushRequest
from mainspring.sources.ingest import IngestJournal, SourceWriter
from mainspring.sources.raw.segment import RawSegment
from mainspring.sources.record import JournaledCall, record_ingestions
from mainspring.sources.spec import Contract, Float64, Source, String

NOW, PROJECT = 10 * MINUTE, ProjectName("p")
SOURCE = Source(
    "s",
    id="key",
    event_time="at",
    lateness="1m",
    contract=Contract(value=Float64(between=(0, 9)), name=String(max_length=3)),
)
COMPILED = CompiledSource(
    SOURCE,
    Schema.of(key=DType.INT64, at=DType.TIMESTAMP, value=DType.FLOAT64, name=DType.STRING),
)


class Pushed(NamedTuple):
    """A push, and who brings it."""

    rows: list[dict[str, object]]
    op: str
    actor: str
    form: str

    def given(self) -> tuple[pl.DataFrame | list[dict[str, object]], bytes]:
        """The rows in a form, and as text where they come so."""
        if self.form == "frame":
            clean = [
                {**row, "name": "a"} if row.get("name") == "\ud800" else row for row in self.rows
            ]
            return pl.DataFrame(clean, strict=False), b""
        return self.rows, json.dumps(self.rows).encode() if self.form == "text" else b""


keys = st.one_of(st.integers(0, 3), st.integers(4, 10_000), st.sampled_from(["1", "x", 2.0, None]))
rows = st.fixed_dictionaries(
    {
        "key": keys,
        "at": st.sampled_from([NOW, NOW, NOW, "1970-01-01T00:09:30Z", 0, NOW + 99 * MINUTE, "no"]),
        "value": st.sampled_from([1, 2.5, 3, "4", 99, None]),
    },
    optional={"name": st.sampled_from(["a", "long", "\ud800"]), "other": st.sampled_from([1, 2])},
)
pushes = st.lists(
    st.builds(
        Pushed,
        st.lists(rows, max_size=3),
        st.sampled_from(["", "", "", "", "replace", "delete"]),
        st.sampled_from(["person:ada", "service:till"]),
        st.sampled_from(["rows", "rows", "text", "text", "frame"]),
    ),
    max_size=9,
)


class Place:
    """A log and a journal of their own."""

    def __init__(self) -> None:
        self.log, self.clock = SqliteLog(None), FrozenClock(NOW)
        self.state = SqliteState(None, PROJECT, clock=self.clock)
        self.writer = SourceWriter(
            COMPILED, log=self.log, clock=self.clock, objects=MemoryObjects()
        )

    def write(self, group: Sequence[Pushed]) -> list[object]:
        """What came of the pushes of a group, which are written together."""
        requests = [self.request(push) for push in group]
        good = [request for request in requests if isinstance(request, PushRequest)]
        written = iter(self.writer.pushes.write(good))
        return [told(next(written) if each in good else each) for each in requests]

    def write_alone(self, push: Pushed) -> object:
        """What came of a push that is written in a transaction of its own."""
        request = self.request(push)
        if not isinstance(request, PushRequest):
            return told(request)
        assert request.journal is not None
        template = RawSegment(
            kind="rows",
            start=0,
            rows=0,
            appended_at=NOW,
            actor=Actor(push.actor),
            environment="dev",
        )
        generation = self.writer.generation
        try:
            report, segment = append_push(
                request.push, template, generation=generation, log=self.log
            )
        except MainspringError as error:
            return told(error)
        report = replace(report, ignored=request.ignored)
        segments = frozenset() if segment is None else frozenset({segment})
        call = JournaledCall(report, request.journal, segments, is_retry=report.duplicates > 0)
        record_ingestions([call], generation=generation, log=self.log)
        return told(report)

    def request(self, push: Pushed) -> PushRequest | MainspringError:
        """A push, or why it cannot be read."""
        journal = IngestJournal(self.state, PROJECT, "dev", Actor(push.actor), self.clock)
        given, written = push.given()
        try:
            writer = self.writer.recording(journal)
            return writer.request(given, op=push.op, written=written)
        except MainspringError as error:
            return error

    def records(self) -> dict[str, pl.DataFrame]:
        """All that the log holds."""
        return {
            topic: pl.concat(self.log.read(topic, start=self.log.first(topic)), how="diagonal")
            for topic in self.log.topics()
        }

    def journal(self) -> list[Event]:
        """All that is on record."""
        return [recorded.event for recorded in self.state.iter_events()]


def told(outcome: PushOutcome) -> object:
    """What a caller gets to know."""
    return outcome.message if isinstance(outcome, MainspringError) else outcome


@settings(max_examples=60, deadline=None)
@given(pushes, st.integers(0, 9))
def test_written_together_is_written_one_after_the_other(group: list[Pushed], cut: int) -> None:
    together, apart = Place(), Place()
    merged = [*together.write(group[:cut]), *together.write(group[cut:])]
    assert merged == [apart.write_alone(push) for push in group]
    records = together.records()
    for topic, expected in apart.records().items():
        assert records.pop(topic).equals(expected), topic
    assert records == {}
    assert together.journal() == apart.journal()
