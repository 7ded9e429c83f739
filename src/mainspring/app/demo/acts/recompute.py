"""Step 7: recompute predictions, then corrupt one byte."""

from mainspring.app.demo.rows import timetable_rows
from mainspring.app.demo.scene import Scene
from mainspring.app.demo.server import ServerProcess
from mainspring.engines.local.objects import FileObjects
from mainspring.registry.version import ModelVersion

__all__ = ["recompute"]

_BATCH = 100
_REFUSED = 1


def recompute(scene: Scene, server: ServerProcess, serving: ModelVersion) -> None:
    """Replay the newest predictions, across the rollback; then change one byte of a model's file,
    replay again, and repair it.
    """
    stage, count = scene.stage, scene.scale.replayed
    stage.open_act(
        "A thousand predictions, recomputed",
        "Predictions should be reproducible.  Features are recomputed from the log by "
        "backfill, scores by the stored model; the bytes must be the same.",
    )
    rows = timetable_rows(scene, count)
    served = [
        prediction
        for start in range(0, count, _BATCH)
        for prediction in server.predict(rows[start : start + _BATCH])
    ]
    stage.say(f"The server has just predicted the next {len(served):,} flights of the timetable.")
    replay = scene.honest.run("replay", "--last", str(count))
    stage.claim(
        f"{count:,}/{count:,} identical" in replay.text,
        f"{count:,} of {count:,} identical, to the last bit.",
    )
    stage.figure("replay", f"{count:,} of {count:,} identical")

    path = FileObjects(scene.state / "objects").path_of(serving.artifact)
    payload = path.read_bytes()
    place = len(payload) // 2
    stage.say(
        f"Now somebody changes one byte of the model's file: byte {place:,} of "
        f"{path.relative_to(scene.honest.folder)}."
    )
    try:
        path.write_bytes(payload[:place] + bytes([payload[place] ^ 1]) + payload[place + 1 :])
        broken = scene.honest.run(
            "replay", served[-1].id, code=_REFUSED, shows=lambda line: "✗ 1/1" in line
        )
    finally:
        path.write_bytes(payload)
    stage.passage(
        next((line.partition("not available")[2] for line in broken.lines if "REG-002" in line), "")
    )
    stage.claim(
        serving.artifact in broken.text and broken.text.count("sha256:") > 1,
        "The replay reports it and names both digests: the one that was registered, and the "
        "one that the file has now.",
    )
    scene.honest.run("replay", served[-1].id, shows=lambda line: "1/1" in line)
    stage.claim(True, "With the byte restored, the prediction is identical again.")
