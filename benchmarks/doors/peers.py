"""How a careful user answers from the same Parquet files without us: each act reads the files,
since ours reads its table.

DuckDB and Polars answer as in `benchmarks.features`.  The best form in NumPy is over *prefix sums*:
facts sorted by customer and time by Polars, customer and time packed into one integer, the edges of
each window found by a binary search with sorted needles, sums and counts as differences of prefix
sums (inexact: what was added before is taken away again), and the maximum from a sparse table whose
levels are built one after the other in the same memory.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from benchmarks.doors.project import PURCHASES
from benchmarks.features import duckdb_peers, polars_peers
from benchmarks.features.history import END, SPAN, WINDOWS, feature_names

__all__ = [
    "answer_by_prefix_sums",
    "prepare_duckdb",
    "prepare_duckdb_as_of",
    "prepare_polars",
    "prepare_polars_as_of",
    "prepare_prefix_sums",
]

Act = Callable[[], pl.DataFrame]
Ints = np.ndarray
_LONGEST = max(WINDOWS.values())
_FIRST = END - SPAN - _LONGEST
"""No window reaches further back."""
_TIME_BITS = int(END - _FIRST).bit_length()


def prepare_duckdb(folder: Path, *, questions: str) -> Act:
    """DuckDB's range join."""
    return partial(_query, folder, questions, duckdb_peers.range_join())


def prepare_duckdb_as_of(folder: Path, *, questions: str) -> Act:
    """DuckDB's as-of join."""
    query = (
        "SELECT x AS amount FROM spine ASOF LEFT JOIN facts ON spine.customer = facts.customer "
        "AND t < q ORDER BY row"
    )
    return partial(_query, folder, questions, query)


def prepare_polars(folder: Path, *, questions: str, is_ordered: bool) -> Act:
    """Polars' join, cut by hand."""

    def act() -> pl.DataFrame:
        facts, spine = _read(folder, questions)
        return polars_peers.answer_cut(facts, spine, is_lagging=False, is_clustered=is_ordered)

    return act


def prepare_prefix_sums(folder: Path, *, questions: str) -> Act:
    """Prefix sums in NumPy."""
    return lambda: answer_by_prefix_sums(*_read(folder, questions))


def prepare_polars_as_of(folder: Path, *, questions: str) -> Act:
    """Polars' `join_asof`."""

    def act() -> pl.DataFrame:
        facts, spine = _read(folder, questions)
        found = spine.sort("q").join_asof(
            facts.sort("t"),
            left_on="q",
            right_on="t",
            by="customer",
            allow_exact_matches=False,
            check_sortedness=False,
            coalesce=True,
        )
        return found.sort("row").select(amount="x")

    return act


def answer_by_prefix_sums(facts: pl.DataFrame, spine: pl.DataFrame) -> pl.DataFrame:
    """The twenty features of each row of the spine.

    Args:
        facts: customer, t, x.
        spine: row, customer, q, by row.
    """
    customers = facts["customer"].unique().sort().to_numpy()
    places, amounts = _in_order(facts, customers)
    sums = np.concatenate([[0.0], np.cumsum(amounts)])
    known = np.searchsorted(customers, spine["customer"].to_numpy())
    known = np.minimum(known, customers.size - 1)
    is_known = customers[known] == spine["customer"].to_numpy()
    asked = (known << _TIME_BITS) + (spine["q"].to_numpy() - _FIRST)
    order = np.argsort(asked)
    ends = np.searchsorted(places, asked[order])
    columns: dict[str, tuple[Ints, Ints]] = {}
    for window, span in WINDOWS.items():
        starts = np.searchsorted(places, asked[order] - span)
        sizes = np.where(is_known[order], ends - starts, 0)
        some = sizes > 0
        total = sums[np.where(some, ends, 0)] - sums[np.where(some, starts, 0)]
        last = amounts[np.maximum(ends - 1, 0)]
        columns |= {
            f"count__{window}": (sizes, np.ones_like(some)),
            f"sum__{window}": (total, np.ones_like(some)),
            f"mean__{window}": (total / np.maximum(sizes, 1), some),
            f"max__{window}": (_largest(amounts, starts, sizes), some),
            f"last__{window}": (last, some),
        }
    return pl.DataFrame(list(_columns(columns, order)))


def _in_order(facts: pl.DataFrame, customers: Ints) -> tuple[Ints, Ints]:
    """Customer and time of each fact as one integer, ascending, and its amount."""
    code = np.searchsorted(customers, facts["customer"].to_numpy())
    places = (code << _TIME_BITS) + (facts["t"].to_numpy() - _FIRST)
    if (places[1:] >= places[:-1]).all():
        return places, facts["x"].to_numpy()
    ordered = pl.DataFrame({"place": places, "x": facts["x"]}).sort("place")
    return ordered["place"].to_numpy(), ordered["x"].to_numpy()


def _largest(amounts: Ints, starts: Ints, sizes: Ints) -> Ints:
    """The largest amount of each range, from the level of the sparse table that fits its size."""
    largest, level = np.zeros(starts.size), amounts.copy()
    levels = np.frexp(np.maximum(sizes, 1))[1] - 1
    for exponent in range(int(levels.max(initial=0)) + 1):
        step = 1 << exponent
        here = np.flatnonzero((levels == exponent) & (sizes > 0))
        first = starts[here]
        largest[here] = np.maximum(level[first], level[first + sizes[here] - step])
        level = np.maximum(level[:-step], level[step:]) if level.size > step else level
    return largest


def _columns(columns: dict[str, tuple[Ints, Ints]], order: Ints) -> Iterator[pl.Series]:
    """In the order of the spine."""
    for name in feature_names():
        values, is_there = (np.empty_like(each) for each in columns[name])
        values[order], is_there[order] = columns[name]
        column = pl.Series(name, values)
        yield column if is_there.all() else column.set(pl.Series(~is_there), None)


def _read(folder: Path, questions: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Facts (customer, t, x) and spine (row, customer, q) as the peers of `features` take them."""
    facts = pl.scan_parquet(folder / PURCHASES).select(
        "customer", t=pl.col("bought_at").to_physical(), x="amount"
    )
    spine = pl.read_parquet(folder / questions).select(
        "customer", q=pl.col("prediction_time").to_physical()
    )
    return facts.collect(), spine.with_row_index("row")


def _query(folder: Path, questions: str, query: str) -> pl.DataFrame:
    """A query over `facts` and `spine`, read from the files; two threads."""
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(
            "CREATE VIEW facts AS SELECT customer, epoch_us(bought_at) AS t, amount AS x "
            f"FROM '{folder / PURCHASES}'; "
            "CREATE TABLE spine AS SELECT file_row_number AS row, customer, "
            "epoch_us(prediction_time) AS q "
            f"FROM read_parquet('{folder / questions}', file_row_number = true);"
        )
        return pl.DataFrame(connection.sql(query))
