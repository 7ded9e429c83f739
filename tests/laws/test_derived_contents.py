"""A log that leaves out what its rows say of themselves answers as one that keeps all of it."""

import math
from collections.abc import Mapping, Sequence
from functools import partial

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.elements.content import with_content
from mainspring.elements.schema import DType, Schema
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.ids.index import IdIndex
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.ports.errors import RetentionPassed
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.ingest import IngestReport, SourceWriter
from mainspring.sources.quarantine import read_quarantine
from mainspring.sources.spec import Contract, Float64, Source
from mainspring.sources.topic import topic_of

SOURCE = Source(
    "s", id="key", event_time="at", lateness="1ms", contract=Contract(value=Float64(allow_nan=True))
)
FLOAT = Schema.of(key=DType.INT64, at=DType.TIMESTAMP, value=DType.FLOAT64)
WIDER = Schema((*FLOAT.fields, *Schema.of(more=DType.STRING)))
WHOLE = Schema.of(at=DType.TIMESTAMP, key=DType.INT64, value=DType.INT64)
COMPILED = {
    "float": CompiledSource(SOURCE, FLOAT),
    "wider": CompiledSource(SOURCE, WIDER),
    "whole": CompiledSource(Source("s", id="key", event_time="at", lateness="1ms"), WHOLE),
}
NOW = 1_000
ROW = st.fixed_dictionaries(
    {
        "key": st.integers(0, 4),
        "at": st.sampled_from([0, 0, 0, -1]),
        "value": st.sampled_from([None, 0.0, -0.0, 1.0, 2.0, math.nan, math.inf]),
        "more": st.sampled_from([None, None, "", "a"]),
    }
)
OPERATION = st.sampled_from(["insert", "insert", "replace", "delete"])
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(sorted(COMPILED)),
            st.lists(st.tuples(ROW, OPERATION), min_size=1, max_size=6),
        ),
        st.tuples(st.just("trim"), st.floats(0, 1)),
        st.tuples(st.just("compact"), st.none()),
    ),
    max_size=6,
)
# An append of two has a run, and four ids in rows become one.
INDEX = partial(IdIndex, worth_a_run=2, recent=4)


class KeepingLog(SqliteLog):
    """A log whose records all have their content, as those of the builds before."""

    def append(
        self, batches: Mapping[str, pl.DataFrame], *, expected: Mapping[str, int]
    ) -> Mapping[str, int]:
        whole = {topic: with_content(frame) for topic, frame in batches.items()}
        return super().append(whole, expected=expected)


def push(log: SqliteLog, kind: str, rows: Sequence[tuple[dict[str, object], str]]) -> object:
    writer = SourceWriter(COMPILED[kind], log=log, clock=FrozenClock(NOW), objects=MemoryObjects())
    names = COMPILED[kind].schema.names
    try:
        report = writer.write_rows(
            [{name: row[name] for name in names} for row, _ in rows], op=[op for _, op in rows]
        )
    except RetentionPassed as error:
        return str(error)
    assert isinstance(report, IngestReport)
    return report


def act(log: SqliteLog, kind: str, argument: object) -> object:
    topic = topic_of("s")
    if kind == "trim":
        assert isinstance(argument, float)
        return log.trim(topic, int(log.head(topic) * argument))
    if kind == "compact":
        return log.compact(topic)
    assert isinstance(argument, list)
    return push(log, kind, argument)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
def test_leaving_contents_out_changes_no_answer(steps: list[tuple[str, object]]) -> None:
    topic, ids = topic_of("s"), [f"{key}" for key in range(5)]
    log, keeping = SqliteLog(None, index=INDEX), KeepingLog(None, index=INDEX)
    for kind, argument in steps:
        assert act(log, kind, argument) == act(keeping, kind, argument)
        found = log.find(topic, ids)
        assert found == keeping.find(topic, ids)
        assert all(len(identity.content) == 16 for identity in found.values())
    assert read_quarantine("s", log) == read_quarantine("s", keeping)
    read, kept = (list(each.read(topic, start=each.first(topic))) for each in (log, keeping))
    for ours, theirs in zip(read, kept, strict=True):
        assert ours.drop("_content").equals(theirs.drop("_content"), null_equal=True)
