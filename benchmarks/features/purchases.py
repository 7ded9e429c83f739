"""The views of the benchmark, compiled, and how ours answers with them."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from benchmarks.features.history import (
    FACTS,
    SPINE,
    WINDOWS,
    History,
    distinct_names,
    draw_facts,
    draw_spine,
    feature_names,
)
from mainspring.elements.expression import col, count
from mainspring.elements.schema import DType, Schema
from mainspring.features.history.backfill import backfill_view
from mainspring.features.kernel.windows.aggregate import warm
from mainspring.features.spec import Entity, FeatureView, Latest, latest
from mainspring.features.view import CompiledView, compile_view
from mainspring.sources.spec import Source
from mainspring.sources.topic import topic_of

__all__ = [
    "CUSTOMER",
    "SCHEMA",
    "SOURCE",
    "TOPIC",
    "compiled",
    "newest",
    "prepare_as_of",
    "prepare_distinct",
    "prepare_windows",
    "twenty",
    "warm_up",
]

CUSTOMER = Entity("customer")
SOURCE = Source("purchases", id="purchase", event_time="bought_at")
SCHEMA = Schema.of(
    customer=DType.INT64,
    amount=DType.FLOAT64,
    item=DType.INT64,
    purchase=DType.STRING,
    bought_at=DType.TIMESTAMP,
)
TOPIC = topic_of("purchases")


def twenty() -> CompiledView:
    """Count, sum, mean, max and last of the amount over four windows."""
    amount = col("amount")
    return compiled(
        {
            "count": count(),
            "sum": amount.sum(),
            "mean": amount.mean(),
            "max": amount.max(),
            "last": amount.last(),
        }
    )


def newest() -> CompiledView:
    """The amount of the newest purchase."""
    return compiled(latest("amount"))


def compiled(features: dict[str, object] | Latest) -> CompiledView:
    """A view of customers with these features over the four windows."""
    windows = () if isinstance(features, Latest) else tuple(WINDOWS)
    return compile_view(
        FeatureView(
            "purchases", source=SOURCE, entities=[CUSTOMER], windows=windows, features=features
        ),
        SCHEMA,
        shard="purchases",
    )


def prepare_windows(folder: Path) -> Callable[[], pl.DataFrame]:
    """Ours: the twenty features by `backfill_view`."""
    return _prepare(folder, twenty(), feature_names())


def prepare_as_of(folder: Path) -> Callable[[], pl.DataFrame]:
    """Ours: the newest purchase by `backfill_view`."""
    return _prepare(folder, newest(), ["amount"])


def prepare_distinct(folder: Path) -> Callable[[], pl.DataFrame]:
    """Ours: how many different items, by `backfill_view`."""
    return _prepare(folder, compiled({"distinct": col("item").count_distinct()}), distinct_names())


def warm_up() -> None:
    """Load or compile all that a backfill needs, by doing a small one."""
    history = History(10, 100, 5)
    warm()
    backfill_view(twenty(), draw_facts(history), draw_spine(history))


def _prepare(folder: Path, view: CompiledView, names: list[str]) -> Callable[[], pl.DataFrame]:
    stored = pl.scan_parquet(folder / FACTS)
    facts = stored.select(
        "customer", *view.inputs, "_id", "_event_time", "_visible_from", "_visible_to"
    ).collect()
    spine = pl.read_parquet(folder / SPINE)
    return lambda: _named(backfill_view(view, facts, spine), names)


def _named(answer: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """The answer's columns under the names that peers give theirs; the order is the same."""
    return answer.rename(dict(zip(answer.columns, names, strict=True)))
