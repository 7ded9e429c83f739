"""Step 3: serve, predict, and explain a prediction."""

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
    """Start a server, predict with curl, and replay the prediction; returns the running server."""
    stage = scene.stage
    stage.open_act(
        "Serve, and explain every prediction",
        f"The caller sends request fields, and the server reads the features as of the "
        f"present time ({AS_OF[:16]}Z in the data).  Every prediction can be replayed.",
    )
    server = running_server(scene, "dev")
    [row] = timetable_rows(scene, 1)
    body = json.dumps({"rows": [row]}, default=str)
    url = f"http://127.0.0.1:{server.port}/v1/endpoints/late-arrival/predict"
    command = (
        f"curl -s -H \"Authorization: Bearer $(cat .mainspring/token)\" {url} \\\n  -d '{body}'"
    )
    stage.command(command)
    if shutil.which("curl"):
        answered = subprocess.run(
            ["sh", "-c", command],
            cwd=scene.honest.folder,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    else:
        answered = json.dumps(
            {"predictions": [msgspec.to_builtins(each) for each in server.predict([row])]}
        )
    stage.line(answered)
    [prediction] = msgspec.json.decode(answered, type=_Answer).predictions
    replay = scene.honest.run("replay", prediction.id)
    stage.claim(
        "identical" in replay.text,
        f"A probability of {prediction.score:.3f}, recomputed from the log and the "
        f"artifact to the same bytes; with it who requested it, the model version, what it was "
        "trained on, its attestations, and the features.",
    )
    return server
