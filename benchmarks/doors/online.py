"""Row 7: what it takes to read twenty features of one key and of a hundred, by
`ws.get_online_features`, and by `ws.prepare` where there is one.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import polars as pl

from benchmarks.doors.project import (
    FEATURES,
    PURCHASES,
    applied,
    draw_purchases,
    take_in,
    write_project,
)
from benchmarks.doors.size import Size
from benchmarks.doors.timed import cpu_s
from benchmarks.features import feast_reads
from benchmarks.features.figure import Figure, Section, at_least, count_of, percentile, time_of
from benchmarks.features.history import END, History
from mainspring.app.workspace import Workspace
from mainspring.elements.time import DAY, format_instant

__all__ = ["Answer", "filled", "measure"]

_EVENTS, _KEYS = 500_000, 20_000
_CALLS = {1: 5_000, 100: 500}
_GOALS_S = {1: 15e-6, 100: 350e-6}
_PREPARED_GOAL_S, _FEAST_GOAL = 7e-6, 25.0
_UTC = pl.Datetime("us", "UTC")

Keys = list[dict[str, int]]
Answer = Callable[[Keys], object]


def filled(size: Size, name: str, *, events: int, keys: int) -> tuple[Workspace, list[int]]:
    """A workspace whose clock stands at the end of thirty days of purchases, all folded, and its
    customers.
    """
    folder = size.room(name)
    history = History(0, size.scaled(events), size.scaled(keys), span=30 * DAY)
    facts = draw_purchases(history)
    facts.write_parquet(folder / PURCHASES)
    project = applied(write_project(folder / "project"))
    take_in(project, folder / PURCHASES)
    workspace = at_the_end(project)
    workspace.materialize()
    return workspace, facts["customer"].unique().sort().to_list()


def at_the_end(project: Path) -> Workspace:
    """The project, with a clock of data that starts when the last purchase has happened."""
    return Workspace.open(project, as_of=format_instant(END))


def measure(size: Size) -> Section:
    """One key and a hundred, other keys at each call; Feast where it was asked for."""
    workspace, customers = filled(size, "online", events=_EVENTS, keys=_KEYS)
    _compare(workspace, customers)
    view = FEATURES["twenty"]
    medians, figures, notes = {}, [], []
    for keys, goal in _GOALS_S.items():
        figure, note, medians[keys] = _timed(
            f"`ws.get_online_features` of {keys} key{'s' * (keys > 1)}",
            lambda asked: workspace.get_online_features(view, keys=asked),
            customers,
            (keys, size.scaled(_CALLS[keys]), goal),
        )
        figures.append(figure)
        notes.append(note)
    figures += _prepared(workspace, customers, size)
    figures += _beside_feast(size, medians)
    return Section(
        "online",
        "Online reads through `ws`",
        figures,
        [
            f"{count_of(size.scaled(_EVENTS))} facts of {count_of(len(customers))} customers in 30 "
            "days; twenty features.  The answers for a hundred keys were compared with "
            "`ws.get_historical_features` at the same moment, bit for bit.",
            " · ".join(notes) + ".",
            feast_reads.DESCRIBED,
        ],
    )


def _timed(
    work: str, answer: Answer, customers: Sequence[int], shape: tuple[int, int, float]
) -> tuple[Figure, str, float]:
    """The figure, what to tell of the processor, and the median; the first tenth is for warming
    up.
    """
    keys, calls, goal = shape
    random, taken, cpu = Random(3), [], 0.0
    for call in range(calls + calls // 10):
        if call == calls // 10:
            cpu = cpu_s()
        asked: Keys = [{"customer": each} for each in random.choices(customers, k=keys)]
        began = time.perf_counter()
        answer(asked)
        taken.append(time.perf_counter() - began)
    p50, p99 = (percentile(taken[calls // 10 :], each) for each in (50, 99))
    figure = Figure(
        work, f"p50 {time_of(p50)}, p99 {time_of(p99)}", f"p50 ≤ {time_of(goal)}", p50 <= goal
    )
    return figure, f"{keys}: CPU {time_of((cpu_s() - cpu) / calls)} a call, asking included", p50


def _prepared(workspace: Workspace, customers: Sequence[int], size: Size) -> list[Figure]:
    """The prepared reader, where this release has one: as values, and as arrays."""
    work = "prepared `read_one`"
    # Asked for by name, so that this file measures releases that have none.
    prepare = getattr(workspace, "prepare", None)
    if prepare is None:
        return [Figure(work, "this release has none", f"p50 ≤ {time_of(_PREPARED_GOAL_S)}")]
    reader = prepare(FEATURES["twenty"])
    single = (1, size.scaled(_CALLS[1]), _PREPARED_GOAL_S)
    figures = [_timed(work, lambda asked: reader.read_one(asked[0]), customers, single)[0]]
    for keys, goal in _GOALS_S.items():
        shape = (keys, size.scaled(_CALLS[keys]), goal)
        for name, read in (("read", reader.read), ("read_arrays", reader.read_arrays)):
            work = f"prepared `{name}` of {keys} key{'s' * (keys > 1)}"
            figure = _timed(work, read, customers, shape)[0]
            figures.append(Figure(figure.work, figure.measured))
    return figures


def _compare(workspace: Workspace, customers: Sequence[int]) -> None:
    """Online and historical answers for the same keys and moment."""
    view, asked = FEATURES["twenty"], customers[:100]
    keys = [{"customer": each} for each in asked]
    online = workspace.get_online_features(view, keys=keys, at=END)
    spine = pl.DataFrame({"customer": asked}).with_columns(prediction_time=pl.lit(END).cast(_UTC))
    history = workspace.get_historical_features(view, spine=spine).drop(spine.columns)
    for name, values in online.columns.items():
        assert history[name].to_list() == values, f"{name} differs between online and history"


def _beside_feast(size: Size, ours: dict[int, float]) -> list[Figure]:
    if not size.with_feast:
        work = "Feast 0.67 get_online_features, SQLite ÷ ours"
        return [Figure(work, "not measured: run with `--feast`", f"≥ {_FEAST_GOAL:g} ×")]
    theirs = feast_reads.measure(size, size.room("feast"), list(ours))
    return [
        at_least(
            f"Feast 0.67 get_online_features, SQLite, {keys} key{'s' * (keys > 1)} ÷ ours",
            theirs[keys] / ours[keys],
            _FEAST_GOAL,
            told=time_of(theirs[keys]),
        )
        for keys in ours
    ]
