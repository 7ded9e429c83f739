"""The data that every row of the table is measured on: purchases of customers and questions about
them, drawn from one seed.

Customers are skewed: the weight of the customer of rank r is 1/√r, so that the busiest of 100,000
has 16,000 of 10 million purchases and the median one
71.  Zipf's own 1/r alone would flatter us: the pairs that a join must look at grow with the sum of
  squared weights, and at 1/r there are 370 times as many.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from mainspring.elements.time import DAY, FOREVER, HOUR, Micros

__all__ = [
    "END",
    "FACTS",
    "FEATURES",
    "ITEMS",
    "SPAN",
    "SPINE",
    "WINDOWS",
    "History",
    "clustered",
    "distinct_names",
    "draw_facts",
    "draw_spine",
    "feature_names",
    "records_of",
]

WINDOWS: dict[str, Micros] = {"1h": HOUR, "24h": 24 * HOUR, "7d": 7 * DAY, "30d": 30 * DAY}
FACTS, SPINE = "facts.parquet", "spine.parquet"
"""What the files are called in the folder of a contest."""

FEATURES = ("count", "sum", "mean", "max", "last")
SPAN: Micros = 90 * DAY
END: Micros = 1_700_000_000_000_000
"""No purchase happens then or later."""

ITEMS = 1_000
"""How many different things can be bought."""

_REPLACED = 0.01
_LONGEST_LAG: Micros = 3 * HOUR
_LONGEST_WAIT: Micros = DAY


@dataclass(frozen=True)
class History:
    """How much is drawn.

    Args:
        rows: questions.
        events: facts, before any is replaced.
        keys: customers.
        is_lagging: facts are seen up to three hours after they happen, and one in a hundred is
            replaced within a day after that.
        span: how long before `END` the first fact happens.
        skew: the customer of rank r has weight 1 / r ** skew.
    """

    rows: int
    events: int
    keys: int
    is_lagging: bool = False
    span: Micros = SPAN
    skew: float = 0.5


def feature_names() -> list[str]:
    """The twenty columns in the order in which everybody gives them."""
    return [f"{feature}__{window}" for feature in FEATURES for window in WINDOWS]


def distinct_names() -> list[str]:
    """The four columns of the count of different items."""
    return [f"distinct__{window}" for window in WINDOWS]


def draw_facts(history: History, *, seed: int = 1, first_id: int = 0) -> pl.DataFrame:
    """Facts in no order, as `read_source_rows` gives them; `item` is what was bought."""
    random = np.random.default_rng(seed)
    size = history.events
    happened = END - history.span + random.integers(0, history.span, size)
    facts = pl.DataFrame(
        {
            "customer": _draw_customers(random, size, history),
            "amount": np.round(random.lognormal(3.0, 1.0, size), 2),
            "item": random.integers(0, ITEMS, size),
            "_id": pl.int_range(first_id, first_id + size, eager=True).cast(pl.String),
            "_event_time": happened,
            "_visible_from": happened
            + (random.integers(0, _LONGEST_LAG, size) if history.is_lagging else 0),
            "_visible_to": np.full(size, FOREVER),
        }
    )
    return _with_replacements(facts, random) if history.is_lagging else facts


def draw_spine(history: History, *, seed: int = 2) -> pl.DataFrame:
    """Questions in no order, about busy customers as often as these buy."""
    random = np.random.default_rng(seed)
    asked = END - history.span + random.integers(0, history.span, history.rows)
    return pl.DataFrame(
        {"customer": _draw_customers(random, history.rows, history), "_prediction_time": asked}
    )


def clustered(frame: pl.DataFrame) -> pl.DataFrame:
    """The same rows by customer, and those of a customer by time."""
    return frame.sort(
        "customer", "_event_time" if "_event_time" in frame.columns else "_prediction_time"
    )


def records_of(facts: pl.DataFrame) -> pl.DataFrame:
    """Facts that were never replaced as records that the log takes, in the order in which they
    become visible.
    """
    return facts.sort("_visible_from").select(
        "customer",
        "amount",
        "item",
        "_id",
        pl.lit(b"0" * 16).alias("_content"),
        pl.lit("insert").alias("_op"),
        "_event_time",
        pl.col("_visible_from").alias("_known_at"),
        pl.col("_visible_from").alias("_appended_at"),
        pl.col("_visible_from").alias("_visible_at"),
        pl.lit(value=False).alias("_history"),
    )


def _draw_customers(random: np.random.Generator, size: int, history: History) -> np.ndarray:
    """Numbers scattered over a wide range, as those of real customers are; the same for the same
    rank in every draw.
    """
    bounds = np.cumsum(np.arange(1.0, history.keys + 1) ** -history.skew)
    rank = np.searchsorted(bounds, random.random(size) * bounds[-1], side="right").astype(np.int64)
    return rank * 2_654_435_761 % 4_294_967_291 + 1_000_000


def _with_replacements(facts: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """One fact in a hundred said anew: the same id and event time, another amount, seen from then
    on in its place.
    """
    chosen = pl.Series(random.random(facts.height) < _REPLACED)
    instant = pl.col("_visible_from") + pl.Series(random.integers(1, _LONGEST_WAIT, facts.height))
    facts = facts.with_columns(_visible_to=pl.when(chosen).then(instant).otherwise("_visible_to"))
    revised = facts.filter(chosen).with_columns(
        amount=pl.col("amount") + 1.0,
        _visible_from="_visible_to",
        _visible_to=pl.lit(FOREVER, dtype=pl.Int64),
    )
    return pl.concat([facts, revised])[random.permutation(facts.height + revised.height)]
