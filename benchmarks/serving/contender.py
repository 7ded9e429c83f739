"""One server that is measured: its processes, what it is asked, and what it takes."""

import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from benchmarks.serving.load import Load, Loaded
from benchmarks.serving.model import ServedModel

__all__ = ["Contender", "Measured", "Question", "ask", "starting", "wait_until_right"]

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PATIENCE_S = 120.0
_FIRST_TIME = 11
_TOLERANCE = 1e-6

Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Question:
    """How a server is asked for scores.

    Args:
        body: of a request for these rows.
        scores: in the document that it answers.
    """

    path: str
    body: Callable[[Rows], object]
    scores: Callable[[object], Sequence[float]]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """One turn of load.

    Args:
        cpu_us: of all processes of the server, for a request.
    """

    loaded: Loaded
    cpu_us: float


@dataclass
class Contender:
    """A server that runs.

    Args:
        name: of the product.
        process: the first of its processes, which leads their group.
        folder: of its own.
        started_s: from the start of the process to its first right answer.
    """

    name: str
    url: str
    question: Question
    process: "subprocess.Popen[bytes]"
    folder: Path
    started_s: float = 0.0

    def require_right(self, model: ServedModel, *, rows: int) -> None:
        """Raise RuntimeError where it does not say what the bare model says."""
        asked = model.rows[:rows]
        status, document = ask(self.url, self.question, asked)
        if status != 200:
            raise RuntimeError(f"{self.name} answers {status}: {str(document)[:500]}")
        scores = np.asarray(self.question.scores(document), dtype=np.float64).ravel()
        if scores.shape != (rows,) or not np.allclose(
            scores, model.scores_of(asked), rtol=0, atol=_TOLERANCE
        ):
            raise RuntimeError(f"{self.name} says {scores[:5]}, which the model does not")

    def measure(self, load: Load, *, connections: int, seconds: float) -> Measured:
        """One turn of load; RuntimeError where a request is lost or refused."""
        before = self.cpu_s()
        loaded = load.run(connections=connections, seconds=seconds)
        if loaded.lost or loaded.refused or not loaded.requests:
            raise RuntimeError(f"{self.name}: {loaded}")
        return Measured(loaded, 1e6 * (self.cpu_s() - before) / loaded.requests)

    def load_of(self, bodies: Sequence[bytes]) -> Load:
        """What `wrk` does to it."""
        url = f"{self.url}{self.question.path}"
        return Load(url, bodies, self.question.headers, self.folder)

    def cpu_s(self) -> float:
        """Seconds of processor that its processes have had."""
        return sum(map(_cpu_s, _family(self.process.pid)))

    def pss_mb(self) -> float:
        """Megabytes that its processes hold; what several share counts once."""
        return sum(map(_pss_kb, _family(self.process.pid))) / 1024


@contextmanager
def starting(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path,
    log: Path,
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process with a group of its own, all of which ends with the block."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask the group to end, and end it where it does not."""
    for number, patience_s in ((signal.SIGTERM, 10), (signal.SIGKILL, 30)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
            if number == signal.SIGKILL:
                return


def ask(url: str, question: Question, rows: Rows) -> tuple[int, object]:
    """The status and the document of one answer."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    headers = {"Content-Type": "application/json", **question.headers}
    try:
        connection.request("POST", question.path, json.dumps(question.body(rows)), headers)
        answer = connection.getresponse()
        payload = answer.read()
        try:
            return answer.status, json.loads(payload)
        except ValueError:
            return answer.status, payload.decode("utf-8", "replace")
    finally:
        connection.close()


def wait_until_right(contender: Contender, model: ServedModel, *, log: Path) -> None:
    """Return once it answers; notes how long that took since `started_s`, a monotonic instant."""
    began = contender.started_s
    while True:
        with suppress(OSError, http.client.HTTPException):
            status, document = ask(contender.url, contender.question, model.rows[:1])
            if status == 200:
                break
            if status in (400, 401, 403, 422):
                raise RuntimeError(f"{contender.name} answers {status}: {document}")
        if contender.process.poll() is not None or time.monotonic() - began > _PATIENCE_S:
            raise RuntimeError(f"{contender.name} does not answer: {log.read_text()[-2000:]}")
        time.sleep(0.01)
    contender.started_s = time.monotonic() - began
    contender.require_right(model, rows=8)


def _family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError, ValueError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for each in found:
        found += children.get(each, ())
    return found


def _cpu_s(pid: int) -> float:
    with suppress(OSError):
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, told[_FIRST_TIME : _FIRST_TIME + 2])) / _TICKS_A_SECOND
    return 0.0


def _pss_kb(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
