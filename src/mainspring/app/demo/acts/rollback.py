"""Step 5: roll back under load."""

import threading
import time

from mainspring.app.demo.load import Load
from mainspring.app.demo.rows import timetable_rows
from mainspring.app.demo.scene import Scene
from mainspring.app.demo.server import ServerProcess
from mainspring.elements.time import SECOND
from mainspring.registry.read_environment import read_environment
from mainspring.registry.version import ModelVersion

__all__ = ["roll_back"]

_ROWS = 8_000
_BOUND_S = 1.0


def roll_back(scene: Scene, server: ServerProcess, back_to: ModelVersion) -> None:
    """Roll back under load; measures the time until the old version answers, and that no request
    fails.
    """
    stage = scene.stage
    stage.open_act(
        "Roll back under live load",
        "When a model misbehaves, a rollback has to be fast.  It restores the previous "
        "version of the environment, whose online state is still current.  Four clients send "
        "requests meanwhile.",
    )
    load, pause = Load(server, timetable_rows(scene, _ROWS)), threading.Event()
    with load.running():
        pause.wait(scene.scale.load_s / 4)
        typed_at = time.time()
        scene.honest.run("rollback")
        pause.wait(scene.scale.load_s / 2)
    moved_at = read_environment(scene.open().runtime.state, "dev").moved_at / SECOND
    requests = load.requests
    failed = sum(not request.version for request in requests)
    first = min(
        (request.answered_at for request in requests if request.version == back_to.digest),
        default=float("inf"),
    )
    late = [
        request
        for request in requests
        if request.sent_at > first and request.version != back_to.digest
    ]
    took_s = max(first - moved_at, 0.0)
    stage.claim(
        took_s < _BOUND_S and not late,
        f"{back_to.label} answered {took_s * 1000:.0f} ms after the environment had moved "
        f"({first - typed_at:.1f} s after the command was typed, mostly Python's start), and no "
        "later request was answered by the other version.",
    )
    stage.claim(
        failed == 0 and len(requests) > 0,
        f"{len(requests):,} requests, each with another row, {failed} failed.",
    )
    stage.figure(
        "rollback under load",
        f"{took_s * 1000:.0f} ms from the move to the first answer; "
        f"{len(requests):,} requests, {failed} failed",
    )
