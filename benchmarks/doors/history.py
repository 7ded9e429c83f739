"""Row 1: twenty features of a million questions among ten million facts, from the table."""

from collections.abc import Mapping
from functools import partial

from benchmarks.doors import peers
from benchmarks.doors.ours import CLOSE, EXACT, prepare_twenty
from benchmarks.doors.project import QUESTIONS, shop_of
from benchmarks.doors.size import Size
from benchmarks.features.contest import Contender, Result, contest, require_equal
from benchmarks.features.figure import Figure, Section, at_least, count_of
from benchmarks.features.history import WINDOWS
from benchmarks.features.purchases import warm_up

__all__ = ["measure"]

_GOALS = {
    False: {"DuckDB range join": 8.0, "Polars cut by hand": 5.0},
    True: {"DuckDB range join": 20.0},
}
_PREFIX = "NumPy prefix sums"
_MOST_GB = 1.5


def measure(size: Size) -> Section:
    """Facts by time, and facts by customer and time."""
    figures: list[Figure] = []
    notes = [
        f"{count_of(size.scaled(1_000_000))} questions × {count_of(size.facts)} facts of "
        f"{count_of(size.scaled(100_000))} customers; count, sum, mean, max and last over "
        f"{', '.join(WINDOWS)}.  Ours is `ws.get_historical_features` on a table that "
        "`mainspring ingest` has filled; peers read the Parquet that it was filled from, and "
        "reading is part of the time.  Answers were compared first, sums and means to nine digits."
    ]
    for is_ordered in (False,) if size.is_smoke_test else (False, True):
        results = _contest(size, is_ordered=is_ordered)
        which = "by customer and time" if is_ordered else "by time"
        figures += _figures(which, results, _GOALS[is_ordered])
        told = " · ".join(f"{name} {result}" for name, result in results.items())
        notes.append(f"Facts {which}: {told}.")
    return Section("history", "History through `ws.get_historical_features`", figures, notes)


def _contest(size: Size, *, is_ordered: bool) -> Mapping[str, Result]:
    folder = shop_of(size, is_ordered=is_ordered)
    contenders = [
        Contender("ours", partial(prepare_twenty, questions=QUESTIONS), warm=warm_up),
        Contender("DuckDB range join", partial(peers.prepare_duckdb, questions=QUESTIONS)),
        Contender(
            "Polars cut by hand",
            partial(peers.prepare_polars, questions=QUESTIONS, is_ordered=is_ordered),
        ),
        Contender(_PREFIX, partial(peers.prepare_prefix_sums, questions=QUESTIONS)),
    ]
    results = contest(contenders, folder, rounds=size.rounds)
    for peer in contenders[1:]:
        require_equal(results["ours"], results[peer.name], exact=EXACT, close=CLOSE)
    return results


def _figures(which: str, results: Mapping[str, Result], goals: Mapping[str, float]) -> list[Figure]:
    ours = results["ours"]
    peak_gb = ours.peak_bytes / 1e9
    figures = []
    for name, result in results.items():
        ratio, told = result.median_s / ours.median_s, f"{result.median_s:.3g} s"
        if name in goals:
            told = f"{ours.median_s:.3g} s, {told}"
            figures.append(at_least(f"{which}: {name} ÷ ours", ratio, goals[name], told=told))
        elif name != "ours":
            figures.append(Figure(f"{which}: {name} ÷ ours", f"{ratio:.1f} × ({told})"))
    most = Figure(
        f"{which}: peak memory", f"{peak_gb:.2f} GB", f"≤ {_MOST_GB:g} GB", peak_gb <= _MOST_GB
    )
    return [*figures, most]
