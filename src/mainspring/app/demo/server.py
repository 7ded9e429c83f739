"""A `mainspring serve` in its own process, and requests to it over HTTP."""

import http.client
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mainspring.app.demo.scene import Scene, wait_until
from mainspring.app.demo.shell import Process, end_process
from mainspring.serving.predict import Prediction

__all__ = ["KeepAliveConnection", "ServerProcess", "running_server"]

_URL = re.compile(r"http://127\.0\.0\.1:(\d+)")
_ENDPOINT = "/v1/endpoints/late-arrival/predict"
Row = dict[str, object]


class _Answered(msgspec.Struct):
    predictions: list[Prediction]


class KeepAliveConnection:
    """One keep-alive connection; used by one thread."""

    def __init__(self, port: int, token: str) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def post(self, rows: Sequence[Row]) -> tuple[int, bytes]:
        """Request predictions; returns the status and the body."""
        self._http.request("POST", _ENDPOINT, msgspec.json.encode({"rows": rows}), self._headers)
        response = self._http.getresponse()
        return response.status, response.read()

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """The predictions for these rows; any other response is an error."""
        _, body = self.post(rows)
        return msgspec.json.decode(body, type=_Answered).predictions

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


@dataclass(frozen=True)
class ServerProcess:
    """A running server."""

    process: Process
    port: int
    token: str

    def connect(self) -> KeepAliveConnection:
        """A new connection."""
        return KeepAliveConnection(self.port, self.token)

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """The predictions for these rows."""
        connection = self.connect()
        try:
            return connection.predict(rows)
        finally:
            connection.close()

    def stop(self) -> None:
        """Stop it."""
        end_process(self.process)


def running_server(scene: Scene, environment: str) -> ServerProcess:
    """Start the server of an environment and wait until it answers; the command is printed."""
    words = ("serve", *(() if environment == "dev" else ("--env", environment)), "--port", "0")
    scene.stage.command(f"{' '.join(['mainspring', *words])} &")
    log = scene.folder / f"server-{environment}.log"
    process = scene.honest.start(*words, log=log)
    wait_until(
        lambda: (
            process.poll() is not None or _URL.search(log.read_text(encoding="utf-8")) is not None
        )
    )
    text = log.read_text(encoding="utf-8")
    found = _URL.search(text)
    lines = text.splitlines()
    scene.stage.lines([line for line in lines if _URL.search(line)][:1] if found else lines)
    if not found:
        scene.stage.fail(f"a server of {environment} answers")
    return ServerProcess(process, int(found[1]), _token(scene.state, environment))


def _token(state: Path, environment: str) -> str:
    """The owner's token: each protected environment has one of its own."""
    own = state / "tokens" / environment
    path = own if own.exists() else state / "token"
    return path.read_text(encoding="utf-8").strip()
