"""The views of the proof: every aggregate, every kind of window and entity, over two sources of the
same columns.

Each feature stands here twice, as a user writes it and as plain Python, so that nothing between a
declaration and the kernel is believed.
"""

from collections.abc import Mapping, Sequence

from mainspring.elements.expression import col, count
from mainspring.elements.expression.operations.hashing import hash_of_text
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import HOUR, MINUTE
from mainspring.features.kernel.output import AggregateOp, OutOfRangeMode
from mainspring.features.spec import Entity, FeatureView, latest
from mainspring.features.view import compile_view
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.spec import Contract, Float64, Source
from tests.laws.oracle import bits_of_value
from tests.proof.history import IDS
from tests.proof.truth import Declared, Plain, Row, Wanted

__all__ = ["LATENESS", "SOURCES", "VIEWS"]

LATENESS = 2 * HOUR
SCHEMA = Schema.of(
    id=DType.INT64,
    leg=DType.STRING,
    at=DType.TIMESTAMP,
    known=DType.TIMESTAMP,
    city=DType.STRING,
    gate=DType.STRING,
    delay=DType.FLOAT64,
    bags=DType.INT64,
)
LANDINGS, STARTS = (
    Source(
        name,
        id=IDS[name],
        event_time="at",
        known_at="known",
        lateness="2h",
        clock_skew=None,
        contract=Contract(delay=Float64(allow_nan=True)),
    )
    for name in ("landings", "starts")
)
SOURCES = {source.name: CompiledSource(source, SCHEMA) for source in (LANDINGS, STARTS)}

EVERYWHERE, CITY = Entity("everywhere", join_keys=[]), Entity("city")
PAIR, GATE = (
    Entity("pair", join_keys=["city", "gate"]),
    Entity("city_gate", join_keys=["city", "gate"], null_keys="group"),
)


def delay(row: Row) -> Plain:
    """A float."""
    return row["delay"]


def bags(row: Row) -> Plain:
    """A whole number."""
    return row["bags"]


def gate(row: Row) -> Plain:
    """A text."""
    return row["gate"]


def is_late(row: Row) -> Plain:
    """Whether it is true that the delay is over a quarter; NaN is not."""
    return None if row["delay"] is None else int(float(row["delay"]) > 15)


def has_many(row: Row) -> Plain:
    """Whether there are more than three bags."""
    return None if row["bags"] is None else int(int(row["bags"]) > 3)


SUMS: Mapping[str, Wanted] = {
    "n": Wanted(count(), AggregateOp.COUNT_ROWS),
    "c": Wanted(col("delay").count(), AggregateOp.COUNT, delay),
    "sum": Wanted(col("delay").sum(), AggregateOp.SUM, delay),
    "mean": Wanted(col("delay").mean(), AggregateOp.MEAN, delay),
    "at_a": Wanted(
        col("delay").sum(where=col("gate") == "A"),
        AggregateOp.SUM,
        lambda row: row["delay"] if row["gate"] == "A" else None,
    ),
    "late": Wanted((col("bags") > 3).mean(), AggregateOp.MEAN, has_many),
    "bags": Wanted(col("bags").sum(), AggregateOp.SUM, bags),
    "most": Wanted(col("bags").max(), AggregateOp.MAX, bags),
    "least": Wanted(col("delay").min(), AggregateOp.MIN, delay),
    "first": Wanted(col("bags").first(), AggregateOp.FIRST, bags),
    "last": Wanted(col("delay").last(), AggregateOp.LAST, delay),
    "any": Wanted((col("bags") > 3).any(), AggregateOp.ANY, has_many),
    "all": Wanted((col("bags") > 3).all(), AggregateOp.ALL, has_many),
    "since": Wanted(col("delay").time_since_last(), AggregateOp.SINCE_LAST, delay),
}
SINGLE: Mapping[str, Wanted] = {
    "var": Wanted(col("delay").var(), AggregateOp.VAR, delay),
    "std": Wanted(
        col("bags").std(where=col("gate") == "A"),
        AggregateOp.STD,
        lambda row: row["bags"] if row["gate"] == "A" else None,
    ),
    "oldest": Wanted(col("gate").first(), AggregateOp.FIRST, gate),
    "newest": Wanted(col("gate").last(), AggregateOp.LAST, gate),
    "least": Wanted(col("gate").min(), AggregateOp.MIN, gate),
    "most": Wanted(col("gate").max(), AggregateOp.MAX, gate),
    "positive": Wanted(
        (col("bags") > 3).count_if(), AggregateOp.COUNT, lambda row: has_many(row) or None
    ),
    "different": Wanted(
        col("gate").count_distinct(limit=1),
        AggregateOp.DISTINCT,
        gate,
        parameters=(1, OutOfRangeMode.SATURATE),
    ),
    "spread": Wanted(
        col("bags").count_distinct(limit=3, beyond="approximate"),
        AggregateOp.DISTINCT,
        bags,
        parameters=(3, OutOfRangeMode.ESTIMATE),
    ),
    "about": Wanted(
        col("gate").approx_count_distinct(precision=4),
        AggregateOp.APPROX_DISTINCT,
        lambda row: None if row["gate"] is None else hash_of_text(str(row["gate"])),
        parameters=(4,),
    ),
    "middle": Wanted(
        col("delay").quantile(0.5), AggregateOp.QUANTILES, delay, parameters=(bits_of_value(0.5),)
    ),
    "fading": Wanted(
        col("bags").ewma(half_life="7m"), AggregateOp.EWMA, bags, parameters=(7 * MINUTE,)
    ),
    "skew": Wanted(col("bags").skew(), AggregateOp.SKEW, bags),
    "kurt": Wanted(col("bags").kurt(), AggregateOp.KURT, bags),
}
LISTS: Mapping[str, Wanted] = {
    "first": Wanted(col("gate").first_k(2), AggregateOp.FIRST_K, gate, 2, listed=True),
    "last": Wanted(col("delay").last_k(3), AggregateOp.LAST_K, delay, 3, listed=True),
    "top": Wanted(col("gate").top_k(2), AggregateOp.TOP_K, gate, 2, listed=True),
    "bottom": Wanted(col("delay").bottom_k(3), AggregateOp.BOTTOM_K, delay, 3, listed=True),
    "ranks": Wanted(
        col("delay").quantiles([0.0, 0.9, 1.0]),
        AggregateOp.QUANTILES,
        delay,
        3,
        tuple(map(bits_of_value, (0.0, 0.9, 1.0))),
        listed=True,
    ),
    "bins": Wanted(
        col("bags").histogram([-2, 0, 3]), AggregateOp.HISTOGRAM, bags, 4, (-2, 0, 3), listed=True
    ),
    "edges": Wanted(
        col("delay").histogram([-1.0, 0.0, 1e16]),
        AggregateOp.HISTOGRAM,
        delay,
        4,
        tuple(map(bits_of_value, (-1.0, 0.0, 1e16))),
        listed=True,
    ),
    "gates": Wanted(
        col("gate").value_counts(["B", "?"]),
        AggregateOp.VALUE_COUNTS,
        lambda row: None if row["gate"] is None else {"B": 0, "?": 1}.get(str(row["gate"]), 9),
        3,
        (0, 1),
        listed=True,
    ),
}
NEWEST: Mapping[str, Wanted] = {
    name: Wanted(None, AggregateOp.LATEST, value)
    for name, value in (("delay", delay), ("gate", gate), ("bags", bags))
}


def declared(
    name: str,
    wanted: Mapping[str, Wanted],
    *,
    source: Source | Sequence[Source] = LANDINGS,
    lookup: Declared | None = None,
    **more,
) -> Declared:
    """A view of these features; those that are not aggregates are of the newest fact."""
    aggregates = {
        feature: each.declared for feature, each in wanted.items() if each.declared is not None
    }
    view = FeatureView(name, source=source, features=aggregates or latest(*wanted), **more)
    lookups = [lookup.compiled] if lookup else []
    return Declared(compile_view(view, SCHEMA, shard=name, lookups=lookups), wanted, lookup)


LONG = ["10m", "1h", "5h"]
WHERE = declared("where", {"gate": NEWEST["gate"]}, entities=[CITY], ttl="30m")
THERE = Entity("there", join_keys=["gate"], through=WHERE.compiled.view)
VIEWS: Mapping[str, Declared] = {
    view.compiled.view.name: view
    for view in (
        declared("sums", SUMS, entities=[EVERYWHERE, CITY, GATE], windows=LONG),
        declared("sums_right", SUMS, entities=[EVERYWHERE, PAIR], windows=LONG, closed="right"),
        declared("sums_both", SUMS, entities=[EVERYWHERE, CITY], windows=LONG, closed="both"),
        declared("sums_hopped", SUMS, entities=[EVERYWHERE, CITY], windows=["10m", "5h"], hop="7m"),
        declared("sums_ever", SUMS, entities=[EVERYWHERE, CITY], windows=["1h", "unbounded"]),
        declared("single", SINGLE, entities=[EVERYWHERE, CITY], windows=["20m", "3h"]),
        declared("lists", LISTS, entities=[CITY], windows=["20m", "unbounded"]),
        declared("newest", NEWEST, entities=[EVERYWHERE, CITY, GATE], ttl="30m"),
        declared("newest_ever", NEWEST, entities=[EVERYWHERE, CITY]),
        declared("newest_hopped", NEWEST, entities=[CITY], ttl="20m", hop="7m"),
        declared(
            "union", SUMS | LISTS, source=[STARTS, LANDINGS], entities=[CITY], windows=["30m"]
        ),
        declared("union_newest", NEWEST, source=[STARTS, LANDINGS], entities=[EVERYWHERE, CITY]),
        declared(
            "through",
            SUMS,
            source=STARTS,
            entities=[CITY, THERE],
            windows=["30m", "4h"],
            lookup=WHERE,
        ),
    )
}
