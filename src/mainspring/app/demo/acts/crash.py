"""Step 1: plan, apply, kill -9, apply again."""

import os
import signal
from collections import Counter

from mainspring.app.demo.scene import Scene, wait_until
from mainspring.app.demo.shell import Process
from mainspring.registry.version import ModelVersion

__all__ = ["crash_and_resume"]


def crash_and_resume(scene: Scene) -> ModelVersion:
    """Kill the first apply while it trains, and let the second one finish; returns the version that
    it made.
    """
    stage = scene.stage
    stage.open_act(
        "Plan, apply, kill -9, apply again",
        "After a crash a pipeline should continue, not start over.  Each finished stage is "
        "recorded under the digest of its inputs, so it is never done twice.",
    )
    scene.honest.run(
        "plan", shows=lambda line: line.startswith("  + ") or line.endswith(".") or "stages" in line
    )
    stage.command("mainspring apply & # kill -9 once the journal says that training has started")
    log = scene.folder / "killed-apply.log"
    process = scene.honest.start("apply", log=log)
    _kill_while_training(scene, process)
    stage.lines(log.read_text(encoding="utf-8").splitlines())
    stage.claim(
        process.returncode == -signal.SIGKILL,
        "Killed with SIGKILL in the middle of training: no handler ran, nothing was cleaned up.",
    )

    again = scene.honest.run("apply", shows=lambda line: "import" not in line)
    finished = Counter(
        (e.event.facts["kind"], e.event.facts["subject"])
        for e in scene.open().runtime.state.iter_events(kind="step.finished")
    )
    version = scene.versions(scene.honest)[-1]
    stage.claim(
        max(finished.values()) == 1
        and not any("import source" in line and "✓" in line for line in again.lines),
        f"The second apply continued from there: the journal has {sum(finished.values())} "
        f"stages, each finished exactly once, across both processes.",
    )
    auc, loss = version.metrics["roc_auc"], version.metrics["log_loss"]
    stage.claim(
        version.tested > 0,
        f"On {version.tested:,} test flights: ROC AUC {auc:.4f}, log loss "
        f"{loss:.4f}.  It passed every gate, and the verdicts are signed.",
    )
    stage.figure(
        "honest model", f"ROC AUC {auc:.4f}, log loss {loss:.4f} on {version.tested:,} test flights"
    )
    stage.figure("killed and applied again", f"{sum(finished.values())} stages, each done once")
    return version


def _kill_while_training(scene: Scene, process: Process) -> None:
    """Kill it once the journal says that training has started."""
    state = scene.open().runtime.state

    def trains() -> bool:
        started = [record.event for record in state.iter_events(kind="step.started")]
        return any(event.facts["kind"] == "train_model" for event in started)

    if (
        not wait_until(lambda: process.poll() is not None or trains(), timeout_s=600)
        or process.poll() is not None
    ):
        scene.stage.fail("apply reaches the training")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
