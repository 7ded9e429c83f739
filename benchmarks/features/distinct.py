"""Row 3: how many different things a customer bought lately, exactly, over four windows."""

from collections.abc import Mapping

from benchmarks.features import duckdb_peers
from benchmarks.features.contest import Contender, Result, contest, require_equal
from benchmarks.features.figure import Figure, Section, at_least, count_of
from benchmarks.features.history import (
    FACTS,
    ITEMS,
    SPINE,
    History,
    distinct_names,
    draw_facts,
    draw_spine,
)
from benchmarks.features.purchases import prepare_distinct, warm_up
from benchmarks.features.setting import Setting

__all__ = ["measure"]

_BAR = 20.0
_APPROXIMATE, _EXACT = "DuckDB approx_count_distinct", "DuckDB count(DISTINCT)"
_CONTENDERS = (
    Contender("ours", prepare_distinct, warm=warm_up),
    Contender(_APPROXIMATE, duckdb_peers.prepare_approximate_distinct),
    Contender(_EXACT, duckdb_peers.prepare_distinct),
)


def measure(setting: Setting) -> Section:
    """Ours against DuckDB's approximate count and its exact one, which ours is compared with value
    by value.
    """
    results = _contest(setting)
    require_equal(results["ours"], results[_EXACT], exact=distinct_names())
    ours, approximate, exact = (results[name].median_s for name in ("ours", _APPROXIMATE, _EXACT))
    rows, events, keys = (
        count_of(setting.scaled(size)) for size in (1_000_000, 10_000_000, 100_000)
    )
    return Section(
        "distinct",
        "Exact sliding distinct",
        [
            at_least(
                f"{_APPROXIMATE} ÷ ours, which is exact",
                approximate / ours,
                _BAR,
                told=f"{ours:.3g} s, {approximate:.3g} s",
            ),
            Figure(f"{_EXACT} ÷ ours", f"{exact / ours:.1f} × ({exact:.3g} s)"),
        ],
        [
            f"{rows} questions × {events} facts of {keys} customers; {count_of(ITEMS)} "
            f"different items; four windows.  DuckDB counts in RANGE frames over "
            "facts and questions in one table.  Ours was compared with its exact count.",
            " · ".join(f"{name} {result}" for name, result in results.items()) + ".",
        ],
    )


def _contest(setting: Setting) -> Mapping[str, Result]:
    folder = setting.room("distinct")
    history = History(
        setting.scaled(1_000_000), setting.scaled(10_000_000), setting.scaled(100_000)
    )
    draw_facts(history).write_parquet(folder / FACTS)
    draw_spine(history).write_parquet(folder / SPINE)
    return contest(_CONTENDERS, folder, rounds=setting.rounds)
