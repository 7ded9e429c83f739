"""Two sources with the same columns and one that knows the model of each ship, as the log has them,
asked in both ways.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import MINUTE
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.online import SqliteOnline
from mainspring.features.history.gather import backfill_from
from mainspring.features.online.read import read_online
from mainspring.features.spec import FeatureView
from mainspring.features.state.stream import materialize_view
from mainspring.features.view import CompiledView, compile_view, with_lookups
from mainspring.sources.facts import read_source_rows
from mainspring.sources.spec import Source
from mainspring.sources.topic import topic_of

SCHEMA = Schema.of(
    id=DType.STRING, at=DType.TIMESTAMP, ship=DType.STRING, model=DType.STRING, cargo=DType.INT64
)
ARRIVALS, DEPARTURES, REGISTER = (
    Source(name, id="id", event_time="at") for name in ("arrivals", "departures", "register")
)
Log = Mapping[str, Sequence[Mapping[str, object]]]


def compiled(name: str, *, lookups: Sequence[CompiledView] = (), **declared) -> CompiledView:
    """A view over these sources, ready to compute."""
    return compile_view(FeatureView(name, **declared), SCHEMA, shard=name, lookups=lookups)


def call(
    at: int, *, id: str | None = None, seen: int | None = None, **values: object
) -> dict[str, object]:
    """One call at the harbour: minutes at which it happened and was seen first."""
    return {"id": id or f"at {at:04}", "at": at, "seen": at if seen is None else seen, **values}


def log_of(facts: Log) -> SqliteLog:
    """A log of these facts, each source in the order in which they were seen."""
    log = SqliteLog(None)
    for source, calls in facts.items():
        log.append({topic_of(source): _records(calls)}, expected={})
    return log


def append(log: SqliteLog, source: str, *calls: Mapping[str, object]) -> None:
    """Let the log take more of a source."""
    log.append({topic_of(source): _records(calls)}, expected={})


def taught(
    view: CompiledView, facts: Log, rows: Sequence[Mapping[str, object]], minute: float
) -> list[dict[str, object]]:
    """What a backfill says of these rows at a minute."""
    log = log_of(facts)
    spine = pl.DataFrame(
        rows, schema={field.name: pl.String for field in view.key_fields}
    ).with_columns(_prediction_time=pl.lit(round(minute * MINUTE)))
    return backfill_from(view, lambda source: read_source_rows(source, log=log), spine).to_dicts()


def told(
    view: CompiledView, facts: Log, rows: Sequence[Mapping[str, object]], minute: float
) -> list[dict[str, object]]:
    """What an online read says of them."""
    log, online = log_of(facts), SqliteOnline(None)
    for each in with_lookups([view]):
        materialize_view(each, log=log, online=online, now=0)
    keys = {name: [row[name] for row in rows] for name in rows[0]}
    answer = read_online([view], online, keys, at=[round(minute * MINUTE)] * len(rows))
    return [
        {name: values[place] for name, values in answer.columns.items()}
        for place in range(len(rows))
    ]


def _records(calls: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    calls = sorted(calls, key=lambda each: each["seen"])
    payload = {
        "id": pl.String,
        "at": pl.Int64,
        "ship": pl.String,
        "model": pl.String,
        "cargo": pl.Int64,
    }
    rows = [
        {name: each.get(name) for name in payload} | {"at": each["at"] * MINUTE} for each in calls
    ]
    seen = pl.Series([each["seen"] * MINUTE for each in calls], dtype=pl.Int64)
    times = dict.fromkeys(("_known_at", "_appended_at", "_visible_at"), seen)
    system = {"_op": pl.lit("insert"), "_content": pl.lit(b"0" * 16), "_history": pl.lit(False)}
    frame = pl.DataFrame(rows, schema=payload).with_columns(
        _id="id", _event_time=pl.col("at"), **system, **times
    )
    return frame.with_columns(pl.col("at").cast(pl.Datetime("us", "UTC")))
