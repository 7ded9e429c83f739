"""`mainspring serve` in a process of its own, and questions to it over HTTP."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["COMMAND", "post", "serving"]

COMMAND = Path(sys.executable).with_name("mainspring")


@contextmanager
def serving(project: Path, *arguments: str) -> Iterator[str]:
    """The address at which the server of a project answers."""
    command = [COMMAND, "serve", "--port", "0", "--project", project, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield next(w for w in process.stdout.readline().split() if w.startswith("http://"))
        finally:
            process.terminate()


def post(url: str, token: str, body: object) -> Any:
    """The answer to a body, in the name of a token."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)
