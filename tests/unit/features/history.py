"""A small history of landings, as the log has it and as facts, and short ways to ask about it."""

import polars as pl

from mainspring.elements.expression import col, count
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import FOREVER, MINUTE
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.online import SqliteOnline
from mainspring.features.history.backfill import backfill_view
from mainspring.features.online.read import read_online
from mainspring.features.spec import Entity, FeatureView, latest
from mainspring.features.state.stream import materialize_view
from mainspring.features.view import CompiledView, compile_view
from mainspring.sources.spec import Source
from mainspring.sources.topic import topic_of

SCHEMA = Schema.of(
    id=DType.STRING,
    at=DType.TIMESTAMP,
    city=DType.STRING,
    delay=DType.FLOAT64,
    bags=DType.INT64,
    gate=DType.STRING,
    is_open=DType.BOOLEAN,
    opened=DType.TIMESTAMP,
)
SOURCE = Source("landings", id="id", event_time="at")
CITY = Entity("city")
TOPIC = topic_of("landings")
_TEXT = dict.fromkeys(("id", "city", "gate"), pl.String)
_STORED = {
    **_TEXT,
    "at": pl.Int64,
    "delay": pl.Float64,
    "bags": pl.Int64,
    "is_open": pl.Boolean,
    "opened": pl.Int64,
}


def windowed(
    name="delays",
    *,
    entities=(CITY,),
    windows=("10m",),
    closed="left",
    hop=None,
    knowledge="as_known",
    **features,
) -> CompiledView:
    """A compiled view of aggregates; by default it counts."""
    features = features or {"n": count()}
    view = FeatureView(
        name,
        source=SOURCE,
        entities=entities,
        windows=windows,
        closed=closed,
        hop=hop,
        features=features,
        knowledge=knowledge,
    )
    return compile_view(view, SCHEMA, shard=name)


def newest(*columns, ttl=None) -> CompiledView:
    """A compiled view of the newest fact."""
    return compile_view(
        FeatureView("newest", source=SOURCE, entities=[CITY], ttl=ttl, features=latest(*columns)),
        SCHEMA,
        shard="newest",
    )


EVERY_AGGREGATE = {
    name: getattr(col("delay"), name)() for name in ("count", "sum", "mean", "min", "max", "last")
}


def landing(at, *, id=None, seen=None, until=None, city="JFK", **values) -> dict:
    """One landing: minutes at which it happened, was seen first, and was taken back."""
    return {
        "id": id or f"at {at:04}",
        "at": at,
        "city": city,
        "seen": at if seen is None else seen,
        "until": until,
        **values,
    }


def facts_of(landings) -> pl.DataFrame:
    """The landings as `read_source_rows` gives them."""
    frame = _payload(landings)
    ends = [FOREVER if each["until"] is None else each["until"] * MINUTE for each in landings]
    seen = [each["seen"] * MINUTE for each in landings]
    offsets = pl.int_range(frame.height, eager=True)
    return frame.with_columns(
        _id="id",
        _offset=offsets,
        _event_time=pl.col("at").cast(pl.Int64),
        _visible_from=pl.Series(seen),
        _visible_to=pl.Series(ends),
        _history=pl.lit(False),
    )


def log_of(landings, *, batches=1) -> SqliteLog:
    """A log that took the landings in the order in which they were seen, in so many batches."""
    log = SqliteLog(None)
    records = records_of(landings)
    size = -(-records.height // batches)
    for start in range(0, records.height, size):
        log.append({TOPIC: records[start : start + size]}, expected={})
    return log


def records_of(landings) -> pl.DataFrame:
    """The landings as the log takes them: inserts, and retracts of what is taken back."""
    steps = [(each["seen"], "insert", each) for each in landings] + [
        (each["until"], "retract", each) for each in landings if each["until"] is not None
    ]
    steps.sort(key=lambda step: step[0])
    visible = pl.Series([minute * MINUTE for minute, _, _ in steps], dtype=pl.Int64)
    return _payload([each for _, _, each in steps]).with_columns(
        _id="id",
        _content=pl.lit(b"0" * 16),
        _op=pl.Series([operation for _, operation, _ in steps], dtype=pl.String),
        _event_time=pl.col("at").cast(pl.Int64),
        _known_at=visible,
        _appended_at=visible,
        _visible_at=visible,
        _history=pl.lit(False),
    )


def _payload(landings) -> pl.DataFrame:
    rows = [
        {name: each.get(name) for name in _STORED} | {"at": each["at"] * MINUTE}
        for each in landings
    ]
    instant = pl.Datetime("us", "UTC")
    return pl.DataFrame(rows, schema=_STORED).with_columns(pl.col("at", "opened").cast(instant))


def taught(view, landings, *minutes, city="JFK", **keys) -> list[dict]:
    """What a backfill says about a city, or these keys, at these minutes, which may be
    fractions.
    """
    times = [round(minute * MINUTE) for minute in minutes]
    asked = {
        name: pl.Series([value] * len(times), dtype=_STORED[name])
        for name, value in {"city": city, **keys}.items()
    }
    spine = pl.DataFrame({**asked, "_prediction_time": pl.Series(times, dtype=pl.Int64)})
    return backfill_view(view, facts_of(landings), spine).to_dicts()


def folded(view, log, *, now=0) -> SqliteOnline:
    """A fresh online store that has folded the log."""
    online = SqliteOnline(None)
    materialize_view(view, log=log, online=online, now=now * MINUTE)
    return online


def told(view, landings, *minutes, city="JFK", **keys) -> list[dict]:
    """What an online read says about a city, or these keys, at these minutes."""
    times = [round(minute * MINUTE) for minute in minutes]
    asked = {name: [key] * len(times) for name, key in {"city": city, **keys}.items()}
    answer = read_online([view], folded(view, log_of(landings)), asked, at=times)
    return [
        {name: values[place] for name, values in answer.columns.items()}
        for place in range(len(times))
    ]
