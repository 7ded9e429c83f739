"""The benchmark of the doors runs, compares what it says it compares, and has its place in the
document.
"""

import io
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.doors.__main__ import ROWS, RUN, main
from benchmarks.doors.peers import answer_by_prefix_sums
from benchmarks.doors.project import draw_purchases, draw_questions
from benchmarks.doors.size import FULL, Size
from benchmarks.features.figure import replaced
from benchmarks.features.history import History, feature_names
from benchmarks.features.polars_peers import answer_cut
from tools.source_tree import ROOT

TITLES = {
    "history": "History through",
    "few": "Few questions through",
    "newest": "As-of lookup through",
    "backfill": "`mainspring backfill`",
    "ingest": "`mainspring ingest`",
    "pushes": "Pushes over HTTP",
    "online": "Online reads through",
    "durable": "Durable online updates through",
    "first_apply": "The first `apply`",
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> str:
    """All rows, run once: they share projects."""
    said, folder = io.StringIO(), tmp_path_factory.mktemp("doors")
    with redirect_stdout(said):
        assert main(["--rows", "2000", "--rounds", "1", "--folder", str(folder)]) == 0
    return said.getvalue()


@pytest.mark.parametrize("row", ROWS)
def test_a_row_runs_on_small_data_and_prints_its_table(row: str, tables: str) -> None:
    [table] = [part for part in tables.split("\n### ") if TITLES[row] in part.partition("\n")[0]]
    assert "| work | measured | bar | |" in table
    assert "2,000 facts in place of 10,000,000" in table
    assert "missed" not in table


def test_the_page_of_benchmarks_has_a_place_for_every_row() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert all("new" in replaced(page, row, "new", run=RUN) for row in ROWS)


def test_sizes_are_in_proportion_to_a_full_run(tmp_path: Path) -> None:
    assert Size(tmp_path).scaled(100_000) == 100_000
    assert Size(tmp_path, facts=FULL // 100).scaled(100_000) == 1_000
    assert Size(tmp_path, facts=1).scaled(100_000) == 10


@pytest.mark.parametrize("is_ordered", [False, True])
def test_prefix_sums_answer_as_the_join_does(is_ordered: bool) -> None:
    history = History(500, 3_000, 20)
    facts = draw_purchases(history, is_ordered=is_ordered).select(
        "customer", t=pl.col("bought_at").to_physical(), x="amount"
    )
    stranger = pl.DataFrame({"customer": [1], "prediction_time": [None]}).with_columns(
        prediction_time=pl.lit(1_699_000_000_000_000).cast(pl.Datetime("us", "UTC"))
    )
    asked = pl.concat([draw_questions(history, is_ordered=is_ordered), stranger]).sort("customer")
    spine = asked.select("customer", q=pl.col("prediction_time").to_physical())
    spine = spine.with_row_index("row")
    ours = answer_by_prefix_sums(facts, spine)
    join = answer_cut(facts, spine, is_lagging=False, is_clustered=False)
    for name in feature_names():
        assert (ours[name].is_null() == join[name].is_null()).all(), name
        assert np.allclose(
            ours[name].cast(pl.Float64).fill_null(0.0), join[name].cast(pl.Float64).fill_null(0.0)
        ), name
