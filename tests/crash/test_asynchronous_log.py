"""Where predictions are logged asynchronously, a server that is asked to end logs all of them."""

import json
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import mainspring as ms
from mainspring.serving.inference_log import find_prediction
from tests.attacks.wire import PATIENCE_S, ask, request, shop_project
from tests.copies import copied_tree

DECLARED = "\n[environments.dev.inference_log]\nasynchronous = true\n"


def test_a_server_that_is_asked_to_end_logs_what_it_has_answered(tmp_path: Path) -> None:
    project = copied_tree(shop_project(), tmp_path / "shop")
    settings = project / "project.toml"
    settings.write_text((settings.read_text() if settings.exists() else "") + DECLARED)
    program = "from mainspring.app.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "serve", "--port", "0"],
        cwd=project,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        watchdog = threading.Timer(PATIENCE_S * 2, process.kill)
        watchdog.start()
        try:
            assert process.stdout is not None
            port = next(
                int(found[1]) for line in process.stdout if (found := re.search(r"\.1:(\d+)", line))
            )
            token = (project / ".mainspring" / "token").read_text().strip()
            body = json.dumps({"rows": [{"shop": "a"}] * 20}).encode()
            call = request("POST", "/v1/endpoints/late/predict", body, token=token)
            answers = [json.loads(ask(port, call).body)["predictions"] for _ in range(20)]
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
        finally:
            watchdog.cancel()
            process.kill()
    predictions = [each for found in answers for each in found]
    assert {(each["logged"], each["queued"]) for each in predictions} == {(False, True)}
    log = ms.Workspace.open(project).runtime.log
    assert all(find_prediction(log, each["id"]) for each in predictions)
