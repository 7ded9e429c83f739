"""Row 3: the newest fact before each of a million questions, among ten million, from the table."""

from functools import partial

from benchmarks.doors import peers
from benchmarks.doors.ours import prepare_newest
from benchmarks.doors.project import QUESTIONS, shop_of
from benchmarks.doors.size import Size
from benchmarks.features.contest import Contender, contest, require_equal
from benchmarks.features.figure import Figure, Section, at_least, count_of
from benchmarks.features.purchases import warm_up

__all__ = ["measure"]

_GOAL = 1.5


def measure(size: Size) -> Section:
    """Beside Polars and DuckDB, which read the same Parquet."""
    folder = shop_of(size)
    contenders = [
        Contender("ours", partial(prepare_newest, questions=QUESTIONS), warm=warm_up),
        Contender("Polars join_asof", partial(peers.prepare_polars_as_of, questions=QUESTIONS)),
        Contender("DuckDB ASOF join", partial(peers.prepare_duckdb_as_of, questions=QUESTIONS)),
    ]
    results = contest(contenders, folder, rounds=size.rounds)
    for peer in contenders[1:]:
        require_equal(results["ours"], results[peer.name], exact=["amount"])
    ours, polars, duck = (result.median_s for result in results.values())
    return Section(
        "newest",
        "As-of lookup through `ws.get_historical_features`",
        [
            at_least(
                "Polars join_asof ÷ ours",
                polars / ours,
                _GOAL,
                told=f"{ours:.3g} s, {polars:.3g} s",
            ),
            Figure("DuckDB ASOF join ÷ ours", f"{duck / ours:.1f} × ({duck:.3g} s)"),
        ],
        [
            f"{count_of(size.scaled(1_000_000))} questions × {count_of(size.facts)} facts, by "
            "time; all read what they answer from in the time that is measured.",
            " · ".join(f"{name} {result}" for name, result in results.items()) + ".",
        ],
    )
