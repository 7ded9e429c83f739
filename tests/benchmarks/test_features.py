"""The benchmark of the feature engine runs, compares what it says it compares, and writes where it
says it writes.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from benchmarks.features.contest import Result, require_equal
from benchmarks.features.figure import Figure, Section, at_least, at_most, render, replaced
from benchmarks.features.history import History, draw_facts, feature_names
from benchmarks.features.update_peers import Said, batches_of, empty, said_by, updated
from mainspring.elements.time import DAY, FOREVER
from tools.source_tree import ROOT

ROWS = (
    "windows",
    "as_of",
    "distinct",
    "updates",
    "reads",
    "redis_reads",
    "growth",
    "compilation",
    "visibility",
)
LIMIT_S = 120
NEEDS_REDIS = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="redis-server is not installed"
)


def run_quickly(row: str, *more: str) -> str:
    command = [
        sys.executable,
        "-m",
        "benchmarks.features",
        "--quick",
        "--rounds",
        "2",
        "--only",
        row,
        *more,
    ]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "row", [pytest.param(row, marks=NEEDS_REDIS if row == "redis_reads" else ()) for row in ROWS]
)
def test_a_row_runs_on_small_data_and_prints_its_table(row: str) -> None:
    assert "| work | measured | bar | |" in run_quickly(row)


def test_a_run_writes_its_section_and_leaves_the_rest_of_the_document(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "before\n<!-- bench-features: compilation -->\nold\n<!-- end of compilation -->\nafter\n"
    )
    run_quickly("compilation", "--document", str(page))
    text = page.read_text()
    assert "### First use of the kernel" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")


def test_the_page_of_benchmarks_has_a_place_for_every_row() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert all("new" in replaced(page, row, "new") for row in ROWS)


def test_a_document_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="no markers for reads"):
        replaced("# Benchmarks", "reads", "new")


@pytest.mark.parametrize(
    ("figure", "word"),
    [
        (at_least("x", 12.0, 12), "met"),
        (at_least("x", 11.9, 12), "**missed**"),
        (at_most("x", 1.6, 1.5), "**missed**"),
    ],
)
def test_a_figure_says_whether_its_bar_was_met(figure: Figure, word: str) -> None:
    assert f"| {word} |" in render(Section("x", "X", [figure]), "today")


def test_a_quick_run_is_not_judged() -> None:
    assert "missed" not in render(
        Section("x", "X", [at_least("x", 1.0, 12)]), "today", is_judged=False
    )


@pytest.mark.parametrize(
    ("other", "fault"),
    [([1.0, None, 3.1], "1 of 3 values differ"), ([1.0, 2.0, 3.0], "null in other rows")],
)
def test_answers_that_differ_stop_the_run(
    tmp_path: Path, other: list[float | None], fault: str
) -> None:
    ours, theirs = Result(tmp_path / "ours.arrow"), Result(tmp_path / "theirs.arrow")
    pl.DataFrame({"x": [1.0, None, 3.0]}).write_ipc(ours.answer)
    pl.DataFrame({"x": other}).write_ipc(theirs.answer)
    with pytest.raises(AssertionError, match=fault):
        require_equal(ours, theirs, exact=["x"])


def test_a_replaced_fact_is_seen_once_at_any_moment() -> None:
    facts = draw_facts(History(0, 20_000, 50, is_lagging=True)).sort("_id", "_visible_from")
    twice = facts.filter(pl.col("_id").is_duplicated())
    first, second = twice.gather_every(2), twice.gather_every(2, 1)
    assert 0.005 < first.height / 20_000 < 0.02
    assert (first["_visible_to"] == second["_visible_from"]).all()
    assert (second["_visible_to"] == FOREVER).all()


def test_the_same_seed_draws_the_same_facts() -> None:
    history = History(0, 1_000, 50)
    assert draw_facts(history).equals(draw_facts(history))


def test_tiles_of_the_peer_say_what_the_facts_say() -> None:
    facts = draw_facts(History(0, 300, 1, span=30 * DAY)).sort("_event_time")
    row = empty()
    for batch in batches_of(facts):
        row = updated(row, [(moment, amount) for _, moment, amount in batch])
    amounts = facts["amount"]
    assert said_by(row) == Said(300, pytest.approx(amounts.sum()), amounts.max(), amounts[-1])


def test_twenty_features_have_twenty_names() -> None:
    assert len(set(feature_names())) == 20
