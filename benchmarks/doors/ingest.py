"""Row 5: rows a second that `mainspring ingest` takes from Parquet, with integer and with random
ids, and what they take on disk.
"""

from pathlib import Path
from uuid import UUID

import numpy as np
import polars as pl

from benchmarks.doors.project import (
    FEATURES,
    PURCHASES,
    applied,
    draw_purchases,
    draw_questions,
    ingest_file,
    open_workspace,
    write_project,
)
from benchmarks.doors.size import Size
from benchmarks.doors.timed import Spent, bytes_under
from benchmarks.features.figure import Figure, Section, at_most, count_of
from benchmarks.features.history import History

__all__ = ["measure"]

_RATE_GOAL, _RATIO_GOAL = 600_000, 1.3
_FIRST_GOAL, _FURTHER_GOAL = 3.0, 1.0
_ASKED = 1_000
_ONLINE = "online."
"""What the files of online state are called: views', and no part of what a source takes."""
_NAMES = {"Int64": "integer ids", "String": "random UUIDs"}


def measure(size: Size) -> Section:
    """The same facts under both kinds of ids, once each; what both answer is compared."""
    history = History(_ASKED, size.facts, size.scaled(100_000))
    facts, questions = draw_purchases(history), draw_questions(history)
    spent, figures, answers = {}, [], []
    for kind in _NAMES:
        folder = size.room(f"ingest-{kind}")
        rows = facts if kind == "Int64" else facts.with_columns(purchase=_uuids(facts.height))
        rows.write_parquet(folder / PURCHASES)
        project = applied(write_project(folder / "project", purchase=kind))
        before = bytes_under(project, without=_ONLINE)
        spent[kind] = ingest_file(project, folder / PURCHASES)
        figures += _sizes(folder, kind, before)
        workspace = open_workspace(project)
        answers.append(workspace.get_historical_features(list(FEATURES.values()), spine=questions))
    assert answers[0].equals(answers[1]), "ids of another kind have changed what is answered"
    return Section(
        "ingest",
        "`mainspring ingest`",
        [*_rates(spent, size.facts), *figures],
        [
            f"{count_of(size.facts)} rows of five columns from one Parquet file, in the order of "
            "time, start of the process included; once each.  A further generation is what a "
            "changed contract makes of the same rows; online state is not counted.  "
            f"What both projects answer to {_ASKED:,} questions was compared.",
            " · ".join(f"{_NAMES[kind]} {each}" for kind, each in spent.items()) + ".",
        ],
    )


def _rates(spent: dict[str, Spent], rows: int) -> list[Figure]:
    figures = []
    for kind, each in spent.items():
        rate = rows / each.seconds
        goal = f"≥ {_RATE_GOAL:,}"
        work = f"rows a second, {_NAMES[kind]}"
        figures.append(Figure(work, f"{rate:,.0f}", goal, rate >= _RATE_GOAL))
    integers, texts = (each.seconds for each in spent.values())
    return [*figures, at_most("random UUIDs ÷ integer ids, time", texts / integers, _RATIO_GOAL)]


def _sizes(folder: Path, kind: str, before: int) -> list[Figure]:
    """What the state takes beside the file, and what another generation adds."""
    parquet = bytes_under(folder / PURCHASES)
    first = bytes_under(folder / "project", without=_ONLINE) - before
    applied(write_project(folder / "project", purchase=kind, bounds="between=(0.0, 1e9)"))
    further = bytes_under(folder / "project", without=_ONLINE) - before - first
    name = _NAMES[kind]
    return [
        at_most(f"on disk ÷ Parquet, {name}", first / parquet, _FIRST_GOAL),
        at_most(f"a further generation ÷ Parquet, {name}", further / parquet, _FURTHER_GOAL),
    ]


def _uuids(count: int) -> pl.Series:
    drawn = np.random.default_rng(3).bytes(16 * count)
    return pl.Series([str(UUID(bytes=drawn[at : at + 16])) for at in range(0, len(drawn), 16)])
