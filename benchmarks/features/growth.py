"""Row 7: whether the cost of an event stays what it is when there are a hundred times as many,
streamed from Parquet.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from benchmarks.features.contest import Contender, Result, contest, require_equal
from benchmarks.features.figure import Figure, Section, at_most, count_of
from benchmarks.features.history import FACTS, SPINE, History, draw_facts, draw_spine, feature_names
from benchmarks.features.purchases import prepare_windows, twenty, warm_up
from benchmarks.features.setting import Setting
from mainspring.features.history.reader import HistoryReader

__all__ = ["measure", "prepare_streamed"]

_SIZES = (1_000_000, 10_000_000, 100_000_000)
_ROUNDS = 3
_PIECE = 10_000_000
_SHARE_BYTES = 128 << 20
"""Too little for the facts of any size."""
_GROWTH_BAR, _MEMORY_BAR_GB = 1.5, 6.0


def measure(setting: Setting) -> Section:
    """The three sizes, one after the other, each in a process of its own."""
    results = {
        setting.scaled(size): _of_size(setting.scaled(size), setting)
        for size in (_SIZES[:2] if setting.is_quick else _SIZES)
    }
    per_event = {size: result.median_s / size for size, result in results.items()}
    least, most = min(per_event.values()), max(per_event.values())
    peak_gb = max(result.peak_bytes for result in results.values()) / 1e9
    figures = [
        Figure(
            f"{count_of(size)} events, {count_of(size // 10)} questions",
            f"{1e9 * per_event[size]:.0f} ns an event, {results[size].peak_bytes / 1e9:.2f} GB",
        )
        for size in results
    ]
    return Section(
        "growth",
        "Cost growth",
        [
            *figures,
            at_most("dearest size ÷ cheapest size, time per event", most / least, _GROWTH_BAR),
            Figure(
                "peak memory",
                f"{peak_gb:.2f} GB",
                f"≤ {_MEMORY_BAR_GB:g} GB",
                peak_gb <= _MEMORY_BAR_GB,
            ),
        ],
        [
            "The twenty features, ten events to a question and a hundred to a "
            "customer.  Facts are read from Parquet by what answers `get_historical_features`, "
            f"which may hold {_SHARE_BYTES >> 20} MiB of them and divides them by customer on "
            "disk; questions and answers stay in memory and count.  At the smallest size "
            "answers were compared with those of one pass in memory, bit for bit.",
            " · ".join(f"{count_of(size)} {result}" for size, result in results.items()) + ".",
        ],
    )


def prepare_streamed(folder: Path) -> Callable[[], pl.DataFrame]:
    """Ours, spilled to disk by key."""
    view, facts = twenty(), pl.scan_parquet(folder / "facts-*.parquet")
    spine = pl.read_parquet(folder / SPINE)
    reader = HistoryReader(
        scan=lambda _source, _query: facts, memory_bytes=_SHARE_BYTES, folder=folder
    )

    def act() -> pl.DataFrame:
        answer = reader.answer(view, spine)
        answer.columns = feature_names()
        return answer

    return act


def _of_size(events: int, setting: Setting) -> Result:
    folder = setting.room(f"growth-{events}")
    keys = max(events // 100, 10)
    for first in range(0, events, _PIECE):
        history = History(0, min(_PIECE, events - first), keys)
        draw_facts(history, seed=1 + first, first_id=first).drop("item").write_parquet(
            folder / f"facts-{first:010}.parquet"
        )
    draw_spine(History(events // 10, 0, keys)).write_parquet(folder / SPINE)
    streamed = Contender("streamed", prepare_streamed, warm=warm_up)
    if events > setting.scaled(_SIZES[0]):
        return contest([streamed], folder, rounds=min(setting.rounds, _ROUNDS))["streamed"]
    (folder / FACTS).symlink_to(folder / "facts-0000000000.parquet")
    return _compared(
        contest(
            [streamed, Contender("at once", prepare_windows, warm=warm_up)],
            folder,
            rounds=min(setting.rounds, _ROUNDS),
        )
    )


def _compared(results: Mapping[str, Result]) -> Result:
    require_equal(results["streamed"], results["at once"], exact=feature_names())
    return results["streamed"]
