"""How a careful user of Polars gets the same features, as fast as we could make it; its threads are
those of the machine.

The join as one query, in the streaming engine, since 300 million pairs do not fit into the other.
And the join *cut by hand* into 64 ranges of customers, one after the other, sorted by customer and
time before, so that pairs stay in the cache and `last` is simply the last: ten times as fast where
facts lie in no order.  Aggregating each pair once, in the smallest window that holds it, and
putting windows together from these rings does not help here (it does in DuckDB).

Rolling aggregates answer about rows, so facts and questions are put into one column of time, with a
gap between customers, and one pass goes over everything.  They cannot tell what was visible when,
and stay out where that counts; their sums add and take away floats, with the error that brings,
which nine digits of tolerance let pass.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from benchmarks.features.history import END, FACTS, FEATURES, SPAN, SPINE, WINDOWS, feature_names

__all__ = ["answer_cut", "prepare_as_of", "prepare_cut_join", "prepare_join", "prepare_rolling"]

Act = Callable[[], pl.DataFrame]
_LONGEST = max(WINDOWS.values())
_RANGES = 64
_SEEN = (pl.col("_visible_from") <= pl.col("q")) & (pl.col("q") < pl.col("_visible_to"))


def prepare_join(folder: Path) -> Act:
    """Join on the customer, filter to what was seen in the longest window, group by question: one
    query.
    """
    is_lagging, is_clustered = _traits(folder)
    facts, spine = _facts(folder), _spine(folder)

    def act() -> pl.DataFrame:
        ordered = facts if is_clustered else facts.sort("t")
        return _for_every_row(
            spine, _joined(ordered, spine, is_lagging=is_lagging).collect(engine="streaming")
        )

    return act


def prepare_cut_join(folder: Path) -> Act:
    """The same for one range of customers after the other."""
    is_lagging, is_clustered = _traits(folder)
    facts, spine = _facts(folder), _spine(folder)

    return lambda: answer_cut(facts, spine, is_lagging=is_lagging, is_clustered=is_clustered)


def answer_cut(
    facts: pl.DataFrame, spine: pl.DataFrame, *, is_lagging: bool, is_clustered: bool
) -> pl.DataFrame:
    """The answers of the join cut by hand.

    Args:
        facts: customer, t, x, and when they were visible if they lag.
        spine: row, customer, q.
        is_clustered: both lie by customer and time.
    """
    ordered = (
        (facts, spine) if is_clustered else (facts.sort("customer", "t"), spine.sort("customer"))
    )
    parts = [_joined(*pair, is_lagging=is_lagging).collect() for pair in _ranges(*ordered)]
    return _for_every_row(spine, pl.concat(parts))


def prepare_rolling(folder: Path) -> Act:
    """Rolling aggregates over facts and questions in one column of time, customers far apart."""
    facts, spine = _facts(folder), _spine(folder)

    def act() -> pl.DataFrame:
        questions = spine.select("customer", t="q", x=pl.lit(None, dtype=pl.Float64), row="row")
        both = pl.concat(
            [facts.select("customer", "t", "x", row=pl.lit(None, dtype=pl.UInt32)), questions]
        )
        place = (
            pl.col("customer").rank("dense").cast(pl.Int64) * (SPAN + _LONGEST + 2)
            + pl.col("t")
            - (END - SPAN)
        )
        rolled = (
            both.with_columns(i=place)
            .sort("i")
            .lazy()
            .with_columns(*_rolling())
            .filter(pl.col("row").is_not_null())
        )
        return rolled.with_columns(*_from_rolling()).sort("row").select(feature_names()).collect()

    return act


def prepare_as_of(folder: Path) -> Act:
    """The as-of join of Polars; the newest fact strictly before the question."""
    facts = pl.read_parquet(folder / FACTS, columns=["customer", "_event_time", "amount"])
    spine = pl.read_parquet(folder / SPINE).with_row_index("row")
    is_sorted = facts["_event_time"].is_sorted()

    def act() -> pl.DataFrame:
        left, right = (
            (spine, facts)
            if is_sorted
            else (spine.sort("_prediction_time"), facts.sort("_event_time"))
        )
        found = left.join_asof(
            right,
            left_on="_prediction_time",
            right_on="_event_time",
            by="customer",
            allow_exact_matches=False,
            check_sortedness=False,
            coalesce=True,
        )
        return found.select("amount") if is_sorted else found.sort("row").select("amount")

    return act


def _traits(folder: Path) -> tuple[bool, bool]:
    """Whether facts are seen later than they happen, and whether they lie by customer and time."""
    facts = pl.scan_parquet(folder / FACTS)
    is_lagging = (
        facts.select((pl.col("_visible_from") > pl.col("_event_time")).any()).collect().item()
    )
    return is_lagging, facts.select(pl.col("customer").is_sorted()).collect().item()


def _facts(folder: Path) -> pl.DataFrame:
    facts = pl.scan_parquet(folder / FACTS)
    return facts.select(
        "customer", "_visible_from", "_visible_to", t="_event_time", x="amount"
    ).collect()


def _spine(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / SPINE).rename({"_prediction_time": "q"}).with_row_index("row")


def _ranges(
    facts: pl.DataFrame, spine: pl.DataFrame
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Facts and questions of one range of customers after the other; about as many questions in
    each.
    """
    first = (
        spine["customer"]
        .gather_every(max(1, spine.height // _RANGES))
        .unique(maintain_order=True)[1:]
    )
    cuts = [
        [0, *(frame["customer"].search_sorted(first, side="left")), frame.height]
        for frame in (facts, spine)
    ]
    for place in range(len(first) + 1):
        yield tuple(
            frame[cut[place] : cut[place + 1]]
            for frame, cut in zip((facts, spine), cuts, strict=True)
        )


def _joined(facts: pl.DataFrame, spine: pl.DataFrame, *, is_lagging: bool) -> pl.LazyFrame:
    # Left to right, so that the facts of a question stay in order of time.
    pairs = spine.lazy().join(facts.lazy(), on="customer", maintain_order="left_right")
    inside = pairs.filter(
        (pl.col("t") < pl.col("q")) & (pl.col("t") >= pl.col("q") - _LONGEST),
        *([_SEEN] if is_lagging else []),
    )
    return inside.group_by("row").agg(
        _of_pairs(feature, window) for feature in FEATURES for window in WINDOWS
    )


def _of_pairs(feature: str, window: str) -> pl.Expr:
    x = pl.col("x").filter(pl.col("t") >= pl.col("q") - WINDOWS[window])
    return {"count": x.len(), "sum": x.sum(), "mean": x.mean(), "max": x.max(), "last": x.last()}[
        feature
    ].alias(f"{feature}__{window}")


def _for_every_row(spine: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """In the order of the spine, with 0 or null for a question without facts."""
    found = spine.select("row").join(answers, on="row", how="left", maintain_order="left")
    return found.select(
        pl.col(name).fill_null(0) if name.startswith(("count", "sum")) else pl.col(name)
        for name in feature_names()
    )


def _rolling() -> Iterator[pl.Expr]:
    x = pl.col("x")
    for window, span in WINDOWS.items():
        yield (
            x.is_not_null()
            .cast(pl.Int64)
            .rolling_sum_by("i", f"{span}i", closed="left")
            .fill_null(0)
            .alias(f"count__{window}")
        )
        yield x.rolling_sum_by("i", f"{span}i", closed="left", min_samples=1).alias(
            f"sum__{window}"
        )
        yield x.rolling_max_by("i", f"{span}i", closed="left").alias(f"max__{window}")
    yield pl.when(x.is_not_null()).then("i").forward_fill().shift(1).alias("last_at")
    yield x.forward_fill().shift(1).alias("last")


def _from_rolling() -> Iterator[pl.Expr]:
    for window, span in WINDOWS.items():
        has_facts = pl.col(f"count__{window}") > 0
        yield pl.when(has_facts).then(f"sum__{window}").otherwise(0.0).alias(f"sum__{window}")
        yield (
            pl.when(has_facts)
            .then(pl.col(f"sum__{window}") / pl.col(f"count__{window}"))
            .alias(f"mean__{window}")
        )
        yield pl.when(pl.col("last_at") >= pl.col("i") - span).then("last").alias(f"last__{window}")
