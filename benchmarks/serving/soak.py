"""A server of an endpoint under load for millions of predictions, each logged, while it is deployed
to again and again and the log is trimmed: `make soak`.

What is looked at after each deployment is the server's memory, descriptors and threads, and the
disk.  Memory may grow by less than a megabyte for a million predictions once it is warm,
descriptors and threads not at all, the disk stays below ten gigabytes, and no request fails.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.doors.timed import bytes_under
from benchmarks.features.figure import (
    Figure,
    Section,
    count_of,
    machine,
    render,
    require_places,
    write_section,
)
from benchmarks.serving.__main__ import DOCUMENT, RUN
from benchmarks.serving.contender import Contender
from benchmarks.serving.load import Load, require_wrk
from benchmarks.serving.ours import mainspring
from benchmarks.serving.servers import SERVERS
from benchmarks.serving.shop import customers, deploy_other_version, make_shop, serving_shop

__all__ = ["Sample", "main", "slope_mb"]

FULL_PREDICTIONS, FULL_DEPLOYMENTS = 10_000_000, 100
_ROWS, _CONNECTIONS, _KEYS = 64, 8, 2_048
_WARM_SHARE = 0.2
_SLOPE_GOAL_MB, _DISK_GOAL_GB = 1.0, 10.0
_SHORTEST_TURN_S = 2.0


@dataclass(frozen=True)
class Sample:
    """A server after so many predictions."""

    predictions: int
    memory_mb: float
    descriptors: int
    threads: int
    disk_gb: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak a server; 1 where a goal was missed, or a request."""
    given = _options().parse_args(arguments)
    is_full = given.predictions >= FULL_PREDICTIONS and given.deployments >= FULL_DEPLOYMENTS
    document = given.document or (DOCUMENT if is_full else None)
    require_wrk()
    if document is not None:
        require_places(document, ["soak"], run=RUN)
    measured_on = machine()
    with tempfile.TemporaryDirectory(dir=given.folder, prefix="soak-") as folder:
        project = make_shop(Path(folder) / "project", retention=given.retention)
        with serving_shop(project, server=given.server) as endpoint:
            samples = _soaked(endpoint, project, given.predictions, given.deployments)
    section = _section(samples, given.deployments)
    print(render(section, measured_on, is_judged=is_full), flush=True)
    if document is not None:
        write_section(document, section, measured_on, run=RUN, is_judged=is_full)
    return int(is_full and any(figure.is_met is False for figure in section.figures))


def _soaked(
    endpoint: Contender, project: Path, predictions: int, deployments: int
) -> Sequence[Sample]:
    """A sample after each deployment, all under load."""
    keys = customers(_KEYS)
    bodies = [
        msgspec.json.encode({"rows": [{"customer": key} for key in keys[at : at + _ROWS]]})
        for at in range(0, _KEYS, _ROWS)
    ]
    load, samples, done, rate = endpoint.load_of(bodies), list[Sample](), 0, 0.0
    with ThreadPoolExecutor(1) as pool:
        for turn in range(deployments):
            deploying = pool.submit(_deploy_and_trim, project)
            wanted = predictions * (turn + 1) // deployments
            while done < wanted or not deploying.done():
                seconds = max(_SHORTEST_TURN_S, min(60.0, (wanted - done) / rate if rate else 0.0))
                answered = _turn_of(endpoint, load, seconds)
                done, rate = done + answered, answered / max(1.0, seconds)
            deploying.result()
            samples.append(_sample(endpoint, project, done))
            print(samples[-1], flush=True)
    return samples


def _turn_of(endpoint: Contender, load: Load, seconds: float) -> int:
    """Predictions in a turn of load, none of which may fail."""
    measured = endpoint.measure(load, connections=_CONNECTIONS, seconds=seconds)
    return _ROWS * measured.loaded.requests


def _deploy_and_trim(project: Path) -> None:
    deploy_other_version(project)
    command = mainspring("gc", "--project", str(project))
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"gc ended with {ended.returncode}: {ended.stderr[-2000:]}")


def _sample(endpoint: Contender, project: Path, predictions: int) -> Sample:
    process = Path("/proc") / str(endpoint.process.pid)
    return Sample(
        predictions,
        endpoint.pss_mb(),
        sum(1 for _ in (process / "fd").iterdir()),
        sum(1 for _ in (process / "task").iterdir()),
        bytes_under(project) / 1e9,
    )


def slope_mb(samples: Sequence[Sample]) -> float:
    """Megabytes that memory grows by with a million predictions, by least squares.

    >>> slope_mb([Sample(n * 1_000_000, 200.0 + n / 2, 9, 9, 0.1) for n in range(4)])
    0.5
    """
    millions = np.array([each.predictions / 1e6 for each in samples])
    memory = np.array([each.memory_mb for each in samples])
    away = millions - millions.mean()
    spread = float((away * away).sum())
    return round(float((away * memory).sum()) / spread, 6) if spread else 0.0


def _section(samples: Sequence[Sample], deployments: int) -> Section:
    warm_from = _WARM_SHARE * samples[-1].predictions
    warm = [each for each in samples if each.predictions >= warm_from]
    slope, disk_gb = slope_mb(warm), max(each.disk_gb for each in samples)
    return Section(
        "soak",
        f"Soak: {count_of(samples[-1].predictions)} predictions, {deployments} deployments",
        [
            Figure(
                "memory, once warm",
                f"{slope:+.2f} MB a million, from {warm[0].memory_mb:.0f} to "
                f"{warm[-1].memory_mb:.0f} MB",
                "< 1 MB",
                slope < _SLOPE_GOAL_MB,
            ),
            _constant("descriptors", warm, lambda each: each.descriptors),
            _constant("threads", warm, lambda each: each.threads),
            Figure("disk, at most", f"{disk_gb:.2f} GB", "≤ 10 GB", disk_gb <= _DISK_GOAL_GB),
            Figure("failed requests", "0", "0", True),
        ],
        notes=(
            f"{_ROWS} rows a request, {_CONNECTIONS} connections, every prediction logged, log "
            "trimmed after each deployment.  A request that failed would have ended the run.",
        ),
    )


def _constant(what: str, samples: Sequence[Sample], of: Callable[[Sample], int]) -> Figure:
    found = [of(each) for each in samples]
    # A deployment may be seen while what it replaces is let go: growth is what is looked for.
    half = len(found) // 2
    is_met = half == 0 or max(found[half:]) <= max(found[:half])
    return Figure(f"{what}, once warm", f"{min(found)} to {max(found)}", "no growth", is_met)


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.serving.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("--predictions", type=int, default=FULL_PREDICTIONS)
    options.add_argument("--deployments", type=int, default=FULL_DEPLOYMENTS)
    options.add_argument("--retention", default="5m", help="of predictions in the log (5m)")
    options.add_argument("--server", choices=SERVERS, default=SERVERS[0])
    options.add_argument("--document", type=Path, help="where the table goes")
    options.add_argument("--folder", type=Path, help="where data lies during the run")
    return options


if __name__ == "__main__":
    sys.exit(main())
