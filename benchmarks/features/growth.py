"""Row 7: whether the cost of an event stays what it is when there are a hundred times as many, streamed from Parquet."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import polars as pl

from benchmarks.features.contest import Contender, Result, contest, require_equal
from benchmarks.features.figure import Figure, Section, at_most, count_of
from benchmarks.features.history import FACTS, SPINE, History, draw_facts, draw_spine, feature_names
from benchmarks.features.purchases import prepare_windows, twenty, warm_up
from benchmarks.features.setting import Setting
from mainspring.features.backfill import backfill

__all__ = ["measure", "prepare_streamed"]

_SIZES = (1_000_000, 10_000_000, 100_000_000)
_ROUNDS = 3
_PIECE = 10_000_000
_PARTITION = 2_500_000
_BATCH = 1_000_000
_GROWTH_BAR, _MEMORY_BAR_GB = 1.5, 6.0
_PART = pl.col("customer").hash()


def measure(setting: Setting) -> Section:
    """The three sizes, one after the other, each in a process of its own."""
    results = {setting.scaled(size): _of_size(setting.scaled(size), setting) for size in (_SIZES[:2] if setting.is_quick else _SIZES)}
    per_event = {size: result.median_s / size for size, result in results.items()}
    least, most = min(per_event.values()), max(per_event.values())
    peak_gb = max(result.peak_bytes for result in results.values()) / 1e9
    figures = [
        Figure(
            f"{count_of(size)} events, {count_of(size // 10)} questions", f"{1e9 * per_event[size]:.0f} ns an event, {results[size].peak_bytes / 1e9:.2f} GB"
        )
        for size in results
    ]
    return Section(
        "growth",
        "Cost growth",
        [
            *figures,
            at_most("dearest size ÷ cheapest size, time per event", most / least, _GROWTH_BAR),
            Figure("peak memory", f"{peak_gb:.2f} GB", f"≤ {_MEMORY_BAR_GB:g} GB", peak_gb <= _MEMORY_BAR_GB),
        ],
        [
            "The twenty features, ten events to a question and a hundred to a customer.  Facts are read from Parquet, divided by a hash of the customer into "
            f"parts of {count_of(_PARTITION)} on disk, and answered part by part; answers are written as Parquet.  At the smallest size they were compared "
            "with those of one pass in memory, bit for bit.",
            " · ".join(f"{count_of(size)} {result}" for size, result in results.items()) + ".",
        ],
    )


def prepare_streamed(folder: Path) -> Callable[[], pl.DataFrame]:
    """Ours, part by part; what the act returns is a view of the answers on disk where they are few, and how many there are where not."""
    view, facts, spine = twenty(), pl.scan_parquet(folder / "facts-*.parquet"), folder / SPINE
    events = int(facts.select(pl.len()).collect().item())

    def act() -> pl.DataFrame:
        rows = 0
        parts = max(1, round(events / _PARTITION))
        (folder / "answers").mkdir(exist_ok=True)
        for part, (of_facts, of_spine) in enumerate(_divided(facts, spine, folder, parts=parts)):
            answer = backfill(view, of_facts, of_spine)
            answer.columns = feature_names()
            answer.with_columns(of_spine["row"]).write_parquet(folder / "answers" / f"{part}.parquet")
            rows += answer.height
        if events > _PARTITION:
            return pl.DataFrame({"rows": [rows]})
        return pl.read_parquet(folder / "answers" / "*.parquet").sort("row").drop("row")

    return act


def _divided(facts: pl.LazyFrame, spine: Path, folder: Path, *, parts: int) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Facts and questions of one part of the customers after the other, by way of the disk."""
    rooms = [folder / "parts" / str(part) for part in range(parts)]
    for room in rooms:
        room.mkdir(parents=True, exist_ok=True)
    for number, batch in enumerate(facts.collect_batches(chunk_size=_BATCH, maintain_order=False)):
        for (part,), frame in batch.group_by(_PART % parts):
            frame.write_ipc(rooms[part] / f"{number}.arrow")
    questions = pl.scan_parquet(spine).with_row_index("row")
    for part, room in enumerate(rooms):
        yield pl.read_ipc(room / "*.arrow"), questions.filter(_PART % parts == part).collect()


def _of_size(events: int, setting: Setting) -> Result:
    folder = setting.room(f"growth-{events}")
    keys = max(events // 100, 10)
    for first in range(0, events, _PIECE):
        history = History(0, min(_PIECE, events - first), keys)
        draw_facts(history, seed=1 + first, first_id=first).drop("item").write_parquet(folder / f"facts-{first:010}.parquet")
    draw_spine(History(events // 10, 0, keys)).write_parquet(folder / SPINE)
    streamed = Contender("streamed", prepare_streamed, warm=warm_up)
    if events > setting.scaled(_SIZES[0]):
        return contest([streamed], folder, rounds=min(setting.rounds, _ROUNDS))["streamed"]
    (folder / FACTS).symlink_to(folder / "facts-0000000000.parquet")
    return _compared(contest([streamed, Contender("at once", prepare_windows, warm=warm_up)], folder, rounds=min(setting.rounds, _ROUNDS)))


def _compared(results: Mapping[str, Result]) -> Result:
    require_equal(results["streamed"], results["at once"], exact=feature_names())
    return results["streamed"]
