"""Step 4: change one window."""

from mainspring.app.demo.rows import timetable_rows
from mainspring.app.demo.scene import Scene, wait_until
from mainspring.app.demo.server import ServerProcess
from mainspring.elements.identity import short
from mainspring.registry.read_environment import read_environment
from mainspring.registry.version import ModelVersion

__all__ = ["change_window"]

_BEFORE = '''    entities=everyone,
    windows=windows,
    features={"arrival_delay_mean"'''
_AFTER = _BEFORE.replace("windows=windows", 'windows=["1h", "6h", "24h", "7d"]')


def change_window(scene: Scene, server: ServerProcess) -> ModelVersion:
    """Edit one window of one view, plan, apply, and see the server follow; returns the new
    version.
    """
    stage = scene.stage
    stage.open_act(
        "Change one window",
        "The plan shows what a change affects and what it costs before anything runs; "
        "everything else is not built again.",
    )
    scene.edit("flights.py", _BEFORE, _AFTER)
    plan = scene.open().plan()
    scene.honest.run("plan", shows=lambda line: not line.startswith(("Features:", "Apply it")))
    touched = {change.asset for change in plan.changes}
    stage.claim(
        touched
        == {
            "view.arrival_delays",
            "training_set.flights",
            "model.late_arrival",
            "endpoint.late-arrival",
            "monitor.late_arrival-monitor",
        },
        f"One view changed, four assets depend on it, {plan.unchanged} are unchanged: no "
        f"source is imported again, and no other view is materialized again.",
    )
    scene.honest.run("apply")
    # It is declared as a canary, which takes twenty minutes to answer all; this demonstration does
    # not.
    scene.honest.run("rollout", "promote", "late-arrival")
    version = scene.versions(scene.honest)[-1]
    [row] = timetable_rows(scene, 1)
    follows = wait_until(lambda: server.predict([row])[0].version == version.digest, timeout_s=10)
    current = read_environment(scene.open().runtime.state, "dev")
    stage.claim(
        follows and version.digest == current.pointers["model.late_arrival"].build_digest,
        f"{version.label} ({short(version.digest)}) passed its gates against the "
        f"champion, and the running server serves it without a restart.",
    )
    auc, loss = version.metrics["roc_auc"], version.metrics["log_loss"]
    stage.figure(
        "after changing one window",
        f"{len(plan.work)} stages run; ROC AUC {auc:.4f}, log loss {loss:.4f}",
    )
    return version
