"""Row 3: how many different things a customer bought lately, exactly, over four windows."""

from collections.abc import Mapping

from benchmarks.features import duckdb_peers
from benchmarks.features.contest import Contender, Result, contest, require_equal
from benchmarks.features.figure import Figure, Section, at_least, count_of
from benchmarks.features.history import FACTS, SPINE, History, distinct_names, draw_facts, draw_spine
from benchmarks.features.purchases import prepare_distinct, warm
from benchmarks.features.setting import Setting

__all__ = ["measure"]

_BAR = 20.0
_COLUMNS = distinct_names()
_EXACT_AT_MOST = 100_000


def measure(setting: Setting) -> Section:
    """Ours against DuckDB's approximate count at full size, and against its exact one at a size that it can finish."""
    approximate = _contest(setting, 1_000_000, Contender("DuckDB approx_count_distinct", duckdb_peers.prepare_approximate_distinct))
    exact = _contest(setting, _EXACT_AT_MOST, Contender("DuckDB count(DISTINCT)", duckdb_peers.prepare_distinct))
    require_equal(exact["ours"], exact["DuckDB count(DISTINCT)"], exact=_COLUMNS)
    ours, theirs = (result.median_s for result in approximate.values())
    ours_small, theirs_small = (result.median_s for result in exact.values())
    rows, fewer = (count_of(setting.scaled(size)) for size in (1_000_000, _EXACT_AT_MOST))
    return Section(
        "distinct",
        "Exact sliding distinct",
        [
            at_least("DuckDB approx_count_distinct ÷ ours, which is exact", theirs / ours, _BAR, told=f"{ours:.3g} s, {theirs:.3g} s"),
            Figure(f"DuckDB count(DISTINCT) ÷ ours, {fewer} questions", f"{theirs_small / ours_small:.1f} × ({ours_small:.3g} s, {theirs_small:.3g} s)"),
        ],
        [
            f"{rows} questions, ten facts to each, and one customer to ten questions; 200 different items.  DuckDB counts in RANGE frames over facts and "
            f"questions in one table.  Its exact count is compared with ours value by value, on {fewer} questions.",
            "Full size: " + " · ".join(f"{name} {result}" for name, result in approximate.items()) + ".",
            f"{fewer} questions: " + " · ".join(f"{name} {result}" for name, result in exact.items()) + ".",
        ],
    )


def _contest(setting: Setting, rows: int, peer: Contender) -> Mapping[str, Result]:
    folder = setting.room(f"distinct-{rows}")
    history = History(setting.scaled(rows), setting.scaled(10 * rows), setting.scaled(rows // 10))
    draw_facts(history).write_parquet(folder / FACTS)
    draw_spine(history).write_parquet(folder / SPINE)
    return contest([Contender("ours", prepare_distinct, warm=warm), peer], folder, rounds=setting.rounds)
