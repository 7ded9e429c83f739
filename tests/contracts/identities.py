"""A running server of one identity for each datatype, which clients of others ask."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.unit.engines.onnx.test_tensors import KINDS, identity

__all__ = ["serving_identities"]

PROGRAM = "from mainspring.app.cli import main; main()"


@contextmanager
def serving_identities(folder: Path, *options: str) -> Iterator[str]:
    """Its host and port.  Each model has the name of its datatype, an input `x` and an output
    `y`.
    """
    for datatype in KINDS:
        (folder / f"{datatype}.onnx").write_bytes(identity(datatype))
    models = [f"{datatype}={datatype}.onnx" for datatype in KINDS]
    command = [sys.executable, "-c", PROGRAM, "serve-model", *models, "--no-auth", "--port", "0"]
    with subprocess.Popen(
        [*command, *options], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split("http://")[1].split("/")[0]
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
