"""Act 3: serve, ask, and have the answer explained."""

import json
import shutil
import subprocess

import msgspec

from mainspring.app.demo.rows import timetable_rows
from mainspring.app.demo.scene import AS_OF, Scene
from mainspring.app.demo.server import ServerProcess, running_server
from mainspring.serving.predict import Prediction

__all__ = ["ask"]


class _Answer(msgspec.Struct):
    predictions: list[Prediction]


def ask(scene: Scene) -> ServerProcess:
    """Start a server, ask it by curl, and replay what it said; the server, which lives on."""
    stage = scene.stage
    stage.open_act(
        "Serve, and explain every answer",
        f"The caller sends what it knows, the server looks the features up at its own "
        f"now ({AS_OF[:16]}Z in the data), and every answer can be taken apart.",
    )
    server = running_server(scene, "dev")
    [row] = timetable_rows(scene, 1)
    body = json.dumps({"rows": [row]}, default=str)
    url = f"http://127.0.0.1:{server.port}/v1/endpoints/late-arrival/predict"
    told = f"curl -s -H \"Authorization: Bearer $(cat .mainspring/token)\" {url} \\\n  -d '{body}'"
    stage.command(told)
    if shutil.which("curl"):
        answered = subprocess.run(
            ["sh", "-c", told], cwd=scene.honest.folder, capture_output=True, text=True, check=True
        ).stdout
    else:
        answered = json.dumps(
            {"predictions": [msgspec.to_builtins(each) for each in server.predict([row])]}
        )
    stage.line(answered)
    [prediction] = msgspec.json.decode(answered, type=_Answer).predictions
    story = scene.honest.run("replay", prediction.id)
    stage.claim(
        "identical" in story.text,
        f"A probability of {prediction.score:.3f}, recomputed from the log and the "
        f"artifact to the same bytes; with it who asked, which model answered, "
        "what it was taught on, who let it through, and what was known at that moment.",
    )
    return server
