"""One definition, two readings: for any history, any batching and any moment, the online read and the backfill give the same bytes."""

from collections.abc import Mapping

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.elements.expression import col, count
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import FOREVER, MINUTE
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.online import SqliteOnline
from mainspring.features.gather import backfill_from
from mainspring.features.parity import check_parity
from mainspring.features.spec import Entity, FeatureView, latest
from mainspring.features.stream import fold_view
from mainspring.features.view import CompiledView, compile_view, with_lookups
from mainspring.sources.spec import Source
from mainspring.sources.topic import topic_of

SCHEMA = Schema.of(id=DType.STRING, at=DType.TIMESTAMP, city=DType.STRING, delay=DType.FLOAT64, bags=DType.INT64, gate=DType.STRING)
STORED = {"id": pl.String, "at": pl.Int64, "city": pl.String, "delay": pl.Float64, "bags": pl.Int64, "gate": pl.String}
LANDINGS, STARTS = Source("landings", id="id", event_time="at"), Source("starts", id="id", event_time="at")
EVERYWHERE, CITY, GATE = Entity("everywhere", join_keys=[]), Entity("city"), Entity("city_gate", join_keys=["city", "gate"])
ANY_GATE = Entity("any_gate", join_keys=["city", "gate"], null_keys="group")
PLAIN = {"n": count(), "sum": col("delay").sum(), "mean": col("delay").mean(), "most": col("bags").max(), "gate": col("gate").last()}
LISTS = {
    "first": col("gate").first_k(2),
    "last": col("delay").last_k(3, where=col("bags") > 0),
    "top": col("gate").top_k(2),
    "bottom": col("bags").bottom_k(3),
    "ranks": col("delay").quantiles([0.0, 0.5, 1.0]),
    "bins": col("bags").histogram([-2, 0, 3]),
    "gates": col("gate").value_counts(["B", "?"]),
}
SINGLE = {
    "var": col("delay").var(),
    "std": col("bags").std(where=col("gate") == "A"),
    "oldest": col("gate").first(),
    "least": col("gate").min(),
    "any": (col("bags") > 3).any(),
    "all": (col("bags") > 3).all(where=col("delay").is_null()),
    "since": col("delay").time_since_last(),
    "different": col("gate").count_distinct(limit=1),
    "about": col("gate").approx_count_distinct(precision=4),
    "spread": col("bags").count_distinct(limit=3, beyond="approximate"),
    "middle": col("delay").quantile(0.5),
    "fading": col("bags").ewma(half_life="7m"),
    "skew": col("bags").skew(),
    "kurt": col("bags").kurt(),
    "positive": (col("bags") > 0).count_if(),
}


def compiled(name: str, *, sources=LANDINGS, entities=(CITY,), lookups=(), **declared) -> CompiledView:
    view = FeatureView(name, source=sources, entities=entities, **declared)
    return compile_view(view, SCHEMA, shard=name, lookups=lookups)


WHERE = compiled("where", ttl="30m", features=latest("gate"))
THERE = Entity("there", join_keys=["gate"], through=WHERE.view)
VIEWS = [
    compiled("delays", entities=[EVERYWHERE, CITY, GATE], windows=["10m", "1h"], features=PLAIN),
    compiled("newest", ttl="30m", features=latest("delay", "gate")),
    compiled("ever", features=latest("bags", "gate")),
    compiled("single", windows=["20m"], features=SINGLE),
    compiled("lists", windows=["20m", "unbounded"], features=LISTS),
    compiled("right", windows=["10m"], closed="right", features=PLAIN),
    compiled("both", windows=["10m", "1h"], closed="both", features=PLAIN),
    compiled("hopped", windows=["10m"], hop="7m", features=PLAIN),
    compiled("hopped_newest", ttl="20m", hop="7m", features=latest("delay")),
    compiled("nulls", entities=[ANY_GATE, GATE], windows=["30m"], features=PLAIN),
    compiled("union", sources=[STARTS, LANDINGS], windows=["30m"], features=PLAIN | {"gates": col("gate").last_k(3)}),
    compiled("union_newest", sources=[LANDINGS, STARTS], features=latest("delay")),
    compiled("through", sources=STARTS, entities=[CITY, THERE], windows=["30m"], features=PLAIN, lookups=[WHERE]),
]

minutes = st.integers(0, 120)
facts = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["landings", "starts"]),
        "happened": minutes,
        "lag": st.integers(0, 90),
        "taken_back": st.none() | st.integers(1, 60),
        "city": st.sampled_from(["JFK", "LGA", None]),
        "gate": st.sampled_from(["A", "B", None]),
        "delay": st.sampled_from([0.1, -0.0, 1e16, 1.0, -1e16, 1e308, None]),
        "bags": st.none() | st.integers(-5, 5),
    }
)


def records_of(history: list[dict[str, object]], source: str) -> pl.DataFrame:
    """The log of a source: every fact inserted when it becomes visible, and taken back later where it is."""
    rows = []
    for place, fact in enumerate(fact for fact in history if fact["source"] == source):
        visible = (fact["happened"] + fact["lag"]) * MINUTE
        row = {"id": f"f{place % 7}-{place}", "at": fact["happened"] * MINUTE, **{name: fact[name] for name in ("city", "delay", "bags", "gate")}}
        rows.append(row | {"_op": "insert", "_visible_at": visible})
        if fact["taken_back"] is not None:
            rows.append(row | {"_op": "retract", "_visible_at": visible + fact["taken_back"] * MINUTE})
    rows.sort(key=lambda row: row["_visible_at"])
    frame = pl.DataFrame(rows, schema=STORED | {"_op": pl.String, "_visible_at": pl.Int64})
    return frame.with_columns(
        pl.col("at").cast(pl.Datetime("us", "UTC")),
        _id="id",
        _content=pl.lit(b"0" * 16),
        _event_time=pl.col("at"),
        _known_at=pl.col("_visible_at"),
        _appended_at=pl.col("_visible_at"),
        _history=pl.lit(False),
    )


def standing_facts(records: pl.DataFrame) -> pl.DataFrame:
    """The facts of a log with the interval in which each is seen."""
    taken_back = records.filter(pl.col("_op") == "retract").select("_id", _visible_to="_visible_at")
    inserted = records.filter(pl.col("_op") == "insert").rename({"_visible_at": "_visible_from"})
    return inserted.join(taken_back, on="_id", how="left").with_columns(pl.col("_visible_to").fill_null(FOREVER))


def expected_rows(view: CompiledView, records: Mapping[str, pl.DataFrame], times: list[int]) -> pl.DataFrame:
    """What a backfill says about every city and gate at these moments."""
    keys = [{"city": city, "gate": gate} for city in ("JFK", "LGA", "???", None) for gate in ("A", "B", None)]
    rows = [key | {"_id": str(place), "_prediction_time": time} for place, time in enumerate(times) for key in keys]
    spine = pl.DataFrame(rows, schema={"city": pl.String, "gate": pl.String, "_id": pl.String, "_prediction_time": pl.Int64})
    return pl.concat([spine, backfill_from(view, lambda source: standing_facts(records[source.name]), spine)], how="horizontal")


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.view.name)
@settings(max_examples=60, deadline=None)
@given(history=st.lists(facts, min_size=1, max_size=25), cuts=st.lists(st.integers(0, 50), max_size=4), asked=st.lists(minutes, min_size=1, max_size=4))
def test_online_read_equals_backfill_however_the_stream_is_cut(view: CompiledView, history: list, cuts: list[int], asked: list[int]) -> None:
    records = {name: records_of(history, name) for name in ("landings", "starts")}
    log, online = SqliteLog(None), SqliteOnline(None)
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), 60], strict=True):
        parts = {topic_of(name): part for name, frame in records.items() if (part := frame.slice(start, max(stop - start, 0))).height}
        if parts:
            log.append(parts, expected={})
        for each in with_lookups([view]):
            fold_view(each, log=log, online=online, now=0)
    times = [moment * MINUTE + offset for moment in asked for offset in (0, 1)]
    report = check_parity([view], expected_rows(view, records, times), log=log, online=online)
    assert report.values > 0
    assert report.example == ""
