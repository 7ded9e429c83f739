"""Step 2: a model that looks better offline and is worse in production."""

import numpy as np
import polars as pl

from mainspring.app.demo.scene import Scene
from mainspring.app.demo.shell import Process
from mainspring.app.workspace import Workspace
from mainspring.datasets.build import parse_training_rows
from mainspring.datasets.encoding import encode_frame
from mainspring.registry.read import read_object
from mainspring.registry.version import ModelVersion
from mainspring.serving.open import open_version
from mainspring.stats.log_loss import log_loss
from mainspring.stats.roc_auc import roc_auc

__all__ = ["catch_leak", "start_leaky"]

_REFUSED = 1


def start_leaky(scene: Scene) -> Process:
    """Start to build the leaky variant, in a workspace that shares nothing with the other one."""
    return scene.leaky.start("apply", log=scene.folder / "leaky-apply.log")


def catch_leak(scene: Scene, building: Process, honest: ModelVersion) -> None:
    """Show that a gate refused it, with file and line, and how it would have performed."""
    stage = scene.stage
    stage.open_act(
        "A model with leakage",
        "A variant computes features as of the departure, with windows over scheduled time, "
        "and joins the newest values.  It is easy to miss in a review, and it is better "
        "offline.  It was built meanwhile, in its own workspace.",
    )
    stage.command("cd ../flights_leaky && mainspring apply")
    code = building.wait()
    lines = (scene.folder / "leaky-apply.log").read_text(encoding="utf-8").splitlines()
    stage.lines(line for line in lines if "import source" not in line and "build " not in line)
    refusal = next((line for line in lines if "✗" in line and "no_leakage" in line), "")
    stage.claim(
        code == _REFUSED and "(flights.py:" in refusal,
        "Refused: the gate names the views that use later knowledge, with file and line.",
    )

    [version] = scene.versions(scene.leaky)
    served_auc, served_loss = _served(scene, version, honest)
    offline_auc, offline_loss = version.metrics["roc_auc"], version.metrics["log_loss"]
    honest_auc = honest.metrics["roc_auc"]
    stage.say(
        "In production the same model would predict one hour before departure, with what "
        "is known by then:"
    )
    stage.line("                       ROC AUC   log loss")
    stage.line(f"leaky, as tested        {offline_auc:.4f}     {offline_loss:.4f}   ← offline")
    stage.line(f"leaky, as served        {served_auc:.4f}     {served_loss:.4f}   ← production")
    stage.line(f"honest                  {honest_auc:.4f}     {honest.metrics['log_loss']:.4f}")
    stage.claim(
        served_auc < honest_auc < offline_auc,
        f"Tested at {offline_auc:.3f}, it would have served at {served_auc:.3f}.  The honest "
        f"model stays at {honest_auc:.3f}: the parity gate found the same bytes online as in "
        "training.",
    )
    stage.figure(
        "leaky model",
        f"ROC AUC {offline_auc:.4f} as tested, {served_auc:.4f} as served; refused by "
        f"no_leakage and parity",
    )


def _served(scene: Scene, leaky: ModelVersion, honest: ModelVersion) -> tuple[float, float]:
    """ROC AUC and log loss of the leaky model on the honest test rows, whose features have the same
    names.
    """
    runtime = Workspace.open(scene.leaky.folder).runtime
    model = open_version(leaky, objects=runtime.objects, scorers=runtime.scorers)
    rows = parse_training_rows(
        read_object(scene.open().runtime.objects, honest, "training_set")
    ).filter(pl.col("_split") == "test")
    scores = np.asarray(model.scorer.predict(encode_frame(rows, model.encoding)), dtype=np.float64)
    labels = rows["_label"].cast(pl.Float64).to_numpy()
    return roc_auc(labels, scores), log_loss(labels, scores)
