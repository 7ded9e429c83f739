"""Killed with -9 ten times while it answers a file, a batch prediction ends with the bytes of one
that nobody disturbed, and each prediction is in the inference log once.
"""

import random
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from mainspring.app.cli.create import create_project
from mainspring.app.workspace import Workspace
from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.ports.models import ExportedModel, Scorer, ScorerLoader
from mainspring.ports.placement import ON_CPU, Placed, Placement
from mainspring.serving.batch import BatchChanged
from tests.copies import copied_tree
from tests.crash.batching import AT

pytestmark = pytest.mark.crash

KILLS, ROWS, AT_ONCE = 10, 960, 80


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    create_project(folder, "deliveries")
    Workspace.open(folder).apply()
    orders = pl.read_csv(folder / "data" / "orders.csv", infer_schema=False)
    rows = orders.sample(ROWS, seed=1, with_replacement=True)
    bad = pl.when(pl.int_range(pl.len()) % 100 == 7).then(pl.lit("far")).otherwise("distance_km")
    asked = rows.with_columns(prediction_time="ordered_at", distance_km=bad)
    asked.write_csv(folder / "asked.csv")
    return folder


class ScorersOfGpu:
    """Opens models as others do; they say that they are on a GPU."""

    def __init__(self, scorers: ScorerLoader) -> None:
        self._scorers = scorers

    def open(self, model: ExportedModel, place: Placement = ON_CPU) -> Scorer:
        """On the CPU."""
        found = self._scorers.open(model, place)
        assert isinstance(found, OnnxScorer)
        found.placed = Placed(provider="cuda", declared="cuda")
        return found


def started(project: Path, out: Path, rows: int) -> subprocess.Popen[bytes]:
    words = [str(project), str(project / "asked.csv"), str(out), str(rows)]
    return subprocess.Popen([sys.executable, "-m", "tests.crash.batching", *words])


def kill_after(
    process: subprocess.Popen[bytes], parts: Path, count: int, *, delay_s: float
) -> None:
    """Kill the process a moment after so many blocks are there."""
    until = time.monotonic() + 60
    while len(list(parts.glob("part-*"))) < count and process.poll() is None:
        assert time.monotonic() < until, f"no {count} blocks within a minute"
    with suppress(subprocess.TimeoutExpired):
        process.wait(delay_s)
    process.kill()
    process.wait()


def test_a_batch_killed_ten_times_ends_as_if_undisturbed(project: Path, tmp_path: Path) -> None:
    out, draw, killed = tmp_path / "out.csv", random.Random(5), 0
    copies = [tmp_path / name for name in ("disturbed", "undisturbed")]
    for copy in copies:
        copied_tree(project, copy)
    for kill in range(KILLS):
        process = started(copies[0], out, AT_ONCE)
        kill_after(process, tmp_path / ".out.csv.batch", kill, delay_s=draw.uniform(0, 0.02))
        killed += process.returncode == -9
    assert started(copies[0], out, AT_ONCE).wait() == 0
    whole = tmp_path / "whole.csv"
    assert started(copies[1], whole, AT_ONCE).wait() == 0
    assert killed == KILLS
    assert out.read_bytes() == whole.read_bytes()
    ids = pl.read_csv(whole)["prediction_id"].drop_nulls().to_list()
    assert sorted(Workspace.open(copies[0]).latest_predictions(2 * ROWS)) == ids


def test_an_input_that_changed_since_a_kill_is_refused(project: Path, tmp_path: Path) -> None:
    copy, out = tmp_path / "project", tmp_path / "out.csv"
    copied_tree(project, copy)
    kill_after(started(copy, out, AT_ONCE), tmp_path / ".out.csv.batch", 1, delay_s=0)
    text = (copy / "asked.csv").read_text()
    (copy / "asked.csv").write_text(text.replace(",", ", ", 1))
    asked = ("late-delivery", copy / "asked.csv", out)
    settings = {"at": AT, "log": True, "rows_at_once": AT_ONCE}
    with pytest.raises(BatchChanged, match=r"the input .* has changed"):
        Workspace.open(copy).batch_predict(*asked, **settings)
    (copy / "asked.csv").write_text(text)
    with pytest.raises(BatchChanged, match="an option has changed"):
        Workspace.open(copy).batch_predict(*asked, at=AT)
    gpu = Workspace.open(copy)
    gpu.runtime = replace(gpu.runtime, scorers=ScorersOfGpu(gpu.runtime.scorers))
    with pytest.raises(BatchChanged, match="what the model computes on has changed"):
        gpu.batch_predict(*asked, **settings)
    assert Workspace.open(copy).batch_predict(*asked, **settings).resumed_at >= AT_ONCE
    assert out.exists()
