"""Other products behind which the same model is served: how each is installed, started and asked.

The modules beside this one run under the peer's own Python, so they import nothing of ours.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.contender import Contender, Question, Rows, starting, wait_until_right
from benchmarks.serving.model import ServedModel

__all__ = ["PEERS", "Peer", "free_port", "install", "running"]

_HERE = Path(__file__).parent
_SCORING = ("onnxruntime", "numpy")


def _as_rows(rows: Rows) -> object:
    return {"rows": rows.tolist()}


def _as_tensor(rows: Rows) -> object:
    tensor = {"name": "X", "shape": list(rows.shape), "datatype": "FP64", "data": rows.tolist()}
    return {"inputs": [tensor]}


def _scores(document: object) -> Sequence[float]:
    return document["scores"]  # type: ignore[index, no-any-return, call-overload]


def _outputs(document: object) -> Sequence[float]:
    return document["outputs"][0]["data"]  # type: ignore[index, no-any-return, call-overload]


def _itself(document: object) -> Sequence[float]:
    return document  # type: ignore[return-value]


@dataclass(frozen=True)
class Peer:
    """A product.

    Args:
        requirements: what is installed into its environment, beside what opens the model.
        command: given the folder of its environment's programs and the port.
    """

    name: str
    requirements: Sequence[str]
    command: Callable[[Path, int], Sequence[str]]
    question: Question

    @property
    def key(self) -> str:
        """The name of its folder."""
        return self.name.split()[0].lower()


PEERS = (
    Peer(
        "FastAPI + uvicorn + pydantic",
        ("fastapi", "uvicorn", "uvloop", "httptools", "pydantic"),
        lambda programs, port: [str(programs / "python"), "fastapi_server.py", str(port)],
        Question("/predict", _as_rows, _scores),
    ),
    Peer(
        "MLServer, adaptive batching",
        # 1.7 calls what later releases of uvloop have not.
        ("mlserver", "uvloop<0.22"),
        lambda programs, _: [str(programs / "mlserver"), "start", "."],
        Question("/v2/models/scoring/infer", _as_tensor, _outputs),
    ),
    Peer(
        "BentoML",
        ("bentoml",),
        lambda programs, port: [
            *(str(programs / "python"), "-m", "bentoml", "serve", "bentoml_service:ScoringService"),
            *("--host", "127.0.0.1", "--port", str(port)),
        ],
        Question("/predict", _as_rows, _itself),
    ),
    Peer(
        "LitServe",
        ("litserve",),
        lambda programs, port: [str(programs / "python"), "litserve_server.py", str(port)],
        Question("/predict", _as_rows, _scores),
    ),
    Peer(
        "KServe",
        ("kserve",),
        lambda programs, port: [str(programs / "python"), "kserve_server.py", str(port)],
        Question("/v2/models/scoring/infer", _as_tensor, _outputs),
    ),
)


def install(peer: Peer, cache: Path) -> Path:
    """The folder of the programs of its environment, made where there is none.  Raises
    subprocess.CalledProcessError where it cannot be installed.
    """
    home = cache / peer.key
    programs, ready = home / "bin", home / ".ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run(
            [programs / "python", "-m", "pip", "install", "-qq", *peer.requirements, *_SCORING],
            check=True,
            capture_output=True,
            text=True,
        )
        ready.touch()
    return programs


@contextmanager
def running(peer: Peer, programs: Path, model: ServedModel, folder: Path) -> Iterator[Contender]:
    """The product, answering for the model on a free port."""
    port, room = free_port(), folder / peer.key
    room.mkdir(parents=True)
    for module in _HERE.glob("*.py"):
        if module.name != "__init__.py":
            (room / module.name).write_text(module.read_text())
    _write_settings(room, port)
    environment = {
        "BENCHMARK_MODEL": str(model.path),
        "PYTHONPATH": str(room),
        "OMP_NUM_THREADS": "1",
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": str(room / "home"),
    }
    log, began = room / "said", time.monotonic()
    with starting(
        peer.command(programs, port), environment=environment, folder=room, log=log
    ) as process:
        contender = Contender(
            peer.name, f"http://127.0.0.1:{port}", peer.question, process, room, started_s=began
        )
        wait_until_right(contender, model, log=log)
        yield contender


def _write_settings(room: Path, port: int) -> None:
    """MLServer reads them; the others are given the port as a word."""
    settings = {
        "host": "127.0.0.1",
        "http_port": port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "parallel_workers": 0,
        "debug": False,
    }
    scoring = {
        "name": "scoring",
        "implementation": "mlserver_runtime.OnnxRuntime",
        "max_batch_size": 64,
        "max_batch_time": 0.001,
    }
    (room / "settings.json").write_text(json.dumps(settings))
    (room / "model-settings.json").write_text(json.dumps(scoring))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
