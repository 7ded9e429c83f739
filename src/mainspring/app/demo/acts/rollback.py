"""Act 5: roll back while requests come in."""

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
    """Roll back under load; the time until the first answer of the old version, and that no request
    failed.
    """
    stage = scene.stage
    stage.open_act(
        "Roll back under live load",
        "When a model misbehaves, the way back must be shorter than the meeting about "
        "it.  An environment is a map of names to builds, and the maps before it "
        "stay warm.  Four clients keep asking meanwhile.",
    )
    load, pause = Load(server, timetable_rows(scene, _ROWS)), threading.Event()
    with load.running():
        pause.wait(scene.scale.load_s / 4)
        asked_at = time.time()
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
        f"The first answer of {back_to.label} came {took_s * 1000:.0f} ms after the map "
        f"had moved ({first - asked_at:.1f} s after the command was typed, "
        "most of it Python starting), and no later request was answered by the other version.",
    )
    stage.claim(
        failed == 0 and len(requests) > 0,
        f"{len(requests):,} requests with rows of their own, {failed} failed.",
    )
    stage.figure(
        "rollback under load",
        f"{took_s * 1000:.0f} ms from the map's move to the first answer; "
        f"{len(requests):,} requests, {failed} failed",
    )
