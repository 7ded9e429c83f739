"""Row 9: how long the first `apply` of an installation waits for a compiler."""

import os
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from benchmarks.doors.project import (
    FEATURES,
    PURCHASES,
    QUESTIONS,
    draw_purchases,
    draw_questions,
    write_project,
)
from benchmarks.doors.size import Size
from benchmarks.doors.timed import Spent, run_command
from benchmarks.features.figure import Figure, Section, count_of, time_of
from benchmarks.features.history import History
from mainspring.app.cli import command_line

__all__ = ["measure"]

_FACTS, _ASKED = 10_000, 100
_GOAL_S = 5.0
_KERNELS = "kernels"


def measure(size: Size) -> Section:
    """Apply and a first backfill, with kernels that were compiled before and with none.  A run of
    fewer facts than a full one compiles nothing: it would take its minute.
    """
    warm = _apply_and_ask(size.room("first-apply-warm"), {})
    figures, spent = [Figure("`apply`, kernels compiled", time_of(warm[0].seconds))], {"warm": warm}
    if size.is_full:
        spent["fresh"] = _apply_and_ask(size.room("first-apply-fresh"), _nobody(size, "fresh"))
        figures += _waits(warm, spent["fresh"])
        figures += _ahead(size)
    told = [f"{name}: apply {first}, backfill {second}" for name, (first, second) in spent.items()]
    return Section(
        "first_apply",
        "The first `apply` of an installation",
        figures,
        [
            f"A project of two views and {count_of(_FACTS)} facts, by `mainspring apply` and then "
            f"`mainspring backfill` of {_ASKED} rows, each a process of its own; fresh is a user "
            "without caches and settings.  The rows that both write were compared.",
            " · ".join(told) + ".",
        ],
    )


def _waits(warm: tuple[Spent, Spent], fresh: tuple[Spent, Spent]) -> list[Figure]:
    waits = [theirs.seconds - ours.seconds for ours, theirs in zip(warm, fresh, strict=True)]
    cpu = [theirs.cpu_s - ours.cpu_s for ours, theirs in zip(warm, fresh, strict=True)]
    goal, is_met = f"≤ {_GOAL_S:g} s", max(waits) <= _GOAL_S
    return [
        Figure("the first `apply` waits for", time_of(max(waits[0], 0.0)), goal, is_met),
        Figure("the first `backfill` after it waits for", time_of(max(waits[1], 0.0))),
        Figure("CPU of both for compiling", f"{sum(cpu):.3g} s"),
    ]


def _ahead(size: Size) -> list[Figure]:
    """Compiling ahead, where this release can."""
    if _KERNELS not in command_line.list_commands(None):
        return [Figure("compiled ahead", "this release cannot")]
    nobody = _nobody(size, "ahead")
    spent = run_command(_KERNELS, environment=nobody)
    first, _ = _apply_and_ask(size.room("first-apply-ahead"), nobody)
    return [
        Figure(f"compiled ahead by `mainspring {_KERNELS}`", str(spent)),
        Figure("the first `apply` after that", time_of(first.seconds)),
    ]


def _nobody(size: Size, name: str) -> Mapping[str, str]:
    """The environment of a user who has stored nothing."""
    home = size.room(f"user-{name}")
    os.environ.pop("NUMBA_CACHE_DIR", None)
    return {"XDG_CACHE_HOME": str(home / "caches"), "XDG_CONFIG_HOME": str(home / "settings")}


def _apply_and_ask(folder: Path, environment: Mapping[str, str]) -> tuple[Spent, Spent]:
    """What both commands take."""
    history = History(_ASKED, _FACTS, _ASKED)
    draw_purchases(history).write_parquet(folder / PURCHASES)
    questions = draw_questions(history)
    questions.write_parquet(folder / QUESTIONS)
    write_project(folder, file=PURCHASES)
    at = ["--project", str(folder)]
    first = run_command("apply", *at, environment=environment)
    words = ["--spine", str(folder / QUESTIONS), "--out", str(folder / "answers.parquet")]
    second = run_command("backfill", *FEATURES.values(), *words, *at, environment=environment)
    _compare(folder)
    return first, second


def _compare(folder: Path) -> None:
    """All that were asked are answered as the first time, whoever compiled the kernels."""
    found = pl.read_parquet(folder / "answers.parquet")
    known = folder.parent / "first-apply-answers.parquet"
    if not known.exists():
        found.write_parquet(known)
    assert found.equals(pl.read_parquet(known)), "other kernels have other answers"
    assert found.height == _ASKED
