"""Row 2: the newest fact before each of a million questions, among ten million."""

from collections.abc import Mapping

from benchmarks.features import duckdb_peers, polars_peers
from benchmarks.features.contest import Contender, Result, contest, require_equal
from benchmarks.features.figure import Figure, Section, at_least, count_of
from benchmarks.features.history import FACTS, SPINE, History, draw_facts, draw_spine
from benchmarks.features.purchases import prepare_as_of, warm_up
from benchmarks.features.setting import Setting

__all__ = ["measure"]

_BAR = 2.5
_ORDERS = ("in no order", "sorted by time")
_CONTENDERS = (
    Contender("ours", prepare_as_of, warm=warm_up),
    Contender("Polars join_asof", polars_peers.prepare_as_of),
    Contender("DuckDB ASOF", duckdb_peers.prepare_as_of),
)


def measure(setting: Setting) -> Section:
    """Facts and questions in no order, and both sorted by time, as Polars asks for."""
    figures: list[Figure] = []
    rows, events, keys = (
        count_of(setting.scaled(size)) for size in (1_000_000, 10_000_000, 100_000)
    )
    notes = [
        f"{rows} questions × {events} facts of {keys} customers.  Ours is `latest`; "
        f"Polars `join_asof(by=…)`, which needs both sides sorted by time and sorts "
        "them where they are not; DuckDB an ASOF join."
    ]
    for order in _ORDERS[:1] if setting.is_quick else _ORDERS:
        results = _contest(order, setting)
        ours, polars, duck = (
            results[name].median_s for name in ("ours", "Polars join_asof", "DuckDB ASOF")
        )
        figures.append(
            at_least(
                f"{order}: Polars join_asof ÷ ours",
                polars / ours,
                _BAR,
                told=f"{ours:.3g} s, {polars:.3g} s",
            )
        )
        figures.append(
            Figure(f"{order}: DuckDB ASOF join ÷ ours", f"{duck / ours:.1f} × ({duck:.3g} s)")
        )
        notes.append(
            f"{order[:1].upper()}{order[1:]}: "
            + " · ".join(f"{name} {result}" for name, result in results.items())
            + "."
        )
    return Section("as_of", "As-of lookup", figures, notes)


def _contest(order: str, setting: Setting) -> Mapping[str, Result]:
    folder = setting.room(f"as-of-{_ORDERS.index(order)}")
    history = History(
        setting.scaled(1_000_000), setting.scaled(10_000_000), setting.scaled(100_000)
    )
    facts, spine = draw_facts(history), draw_spine(history)
    if order == "sorted by time":
        facts, spine = facts.sort("_event_time"), spine.sort("_prediction_time")
    facts.write_parquet(folder / FACTS)
    spine.write_parquet(folder / SPINE)
    del facts, spine
    results = contest(_CONTENDERS, folder, rounds=setting.rounds)
    for peer in _CONTENDERS[1:]:
        require_equal(results["ours"], results[peer.name], exact=["amount"])
    return results
