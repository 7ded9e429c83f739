"""Load by `wrk`: bodies that differ, in turn, over connections that are kept open."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Load", "Loaded", "require_wrk"]

_SCRIPT = """\
local bodies, place = {}, 0
local requests = {}

function init(args)
  for line in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format(wrk.method, nil, nil, line)
  end
end

function request()
  place = place % #requests + 1
  return requests[place]
end

function done(summary, latency, requests)
  local e = summary.errors
  print(string.format(
    '{"requests": %d, "micros": %d, "p50": %d, "p99": %d, "lost": %d, "refused": %d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.timeout, e.status))
end
"""


@dataclass(frozen=True)
class Loaded:
    """What a server did under load.

    Args:
        rate: answers a second.
        lost: requests without an answer.
        refused: answers that are no success.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    requests: int
    lost: int
    refused: int


@dataclass(frozen=True)
class Load:
    """Requests to one path.

    Args:
        bodies: one for each request, in turn; a GET where there is none.
        folder: where the script and the bodies lie.
    """

    url: str
    bodies: Sequence[bytes]
    headers: Mapping[str, str]
    folder: Path

    def run(self, *, connections: int, seconds: float) -> Loaded:
        """Ask for so long; RuntimeError where `wrk` fails."""
        bodies, script = self.folder / "bodies", self.folder / "load.lua"
        bodies.write_bytes(b"\n".join(self.bodies or [b""]) + b"\n")
        script.write_text(self._settings() + _SCRIPT)
        words = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}", "--timeout", "10"]
        done = subprocess.run(
            [*words, "-s", str(script), self.url, "--", str(bodies)],
            capture_output=True,
            text=True,
            check=False,
        )
        said = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode or not said:
            raise RuntimeError(f"wrk failed: {(done.stderr or done.stdout)[-1000:]}")
        found = json.loads(said[-1])
        return Loaded(
            rate=1e6 * found["requests"] / found["micros"],
            p50_ms=found["p50"] / 1e3,
            p99_ms=found["p99"] / 1e3,
            requests=found["requests"],
            lost=found["lost"],
            refused=found["refused"],
        )

    def _settings(self) -> str:
        lines = [f'wrk.method = "{"POST" if self.bodies else "GET"}"']
        lines += [f"wrk.headers[{json.dumps(n)}] = {json.dumps(v)}" for n, v in self._all_headers()]
        return "\n".join([*lines, ""])

    def _all_headers(self) -> list[tuple[str, str]]:
        kind = {"Content-Type": "application/json"} if self.bodies else {}
        return list({**kind, **self.headers}.items())


def require_wrk() -> None:
    """Raise RuntimeError unless there is one: better now than after the model is trained."""
    if shutil.which("wrk") is None:
        raise RuntimeError("wrk is not installed: it is what asks the servers (`apt install wrk`)")
