"""The benchmark of serving runs, says what it found, and has its place in the document."""

import io
import shutil
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest

from benchmarks.features.figure import replaced
from benchmarks.serving.__main__ import ROWS, RUN, main
from benchmarks.serving.model import FEATURES, make_model
from benchmarks.serving.soak import Sample, slope_mb
from benchmarks.serving.soak import main as soak
from tools.source_tree import ROOT


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_a_quick_run_asks_our_servers_and_prints_what_they_answered(tmp_path: Path) -> None:
    said = io.StringIO()
    with redirect_stdout(said):
        assert main(["--quick", "--only", "one_row", "--folder", str(tmp_path)]) == 0
    table = said.getvalue()
    assert "| work | measured | bar | |" in table
    assert "÷ its hello-world" in table
    assert "missed" not in table


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_a_short_soak_deploys_under_load_and_loses_no_request(tmp_path: Path) -> None:
    said = io.StringIO()
    with redirect_stdout(said):
        words = ["--predictions", "20000", "--deployments", "3", "--retention", "1m"]
        assert soak([*words, "--folder", str(tmp_path)]) == 0
    table = said.getvalue()
    assert "3 deployments" in table
    assert "| failed requests | 0 | 0 |" in table
    assert "missed" not in table


def test_growth_is_what_a_million_predictions_add() -> None:
    grown = [Sample(n * 500_000, 100.0 + n, 9, 9, 0.1) for n in range(5)]
    assert slope_mb(grown) == pytest.approx(2.0)
    assert slope_mb(grown[:1]) == 0.0


def test_the_page_of_benchmarks_has_a_place_for_every_row_of_serving() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert all("new" in replaced(page, row, "new", run=RUN) for row in ROWS)


def test_the_served_model_tells_rows_apart(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    assert model.rows.shape == (512, FEATURES)
    assert np.unique(model.scores_of(model.rows)).size > 500
