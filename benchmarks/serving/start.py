"""From the start of a process to its first right answer, and what it holds in memory."""

import statistics

import msgspec

from benchmarks.features.figure import Figure, Section
from benchmarks.serving import ours
from benchmarks.serving.contest import bodies_of
from benchmarks.serving.model import ROWS, make_model
from benchmarks.serving.servers import SERVERS
from benchmarks.serving.setting import Setting
from benchmarks.serving.shop import customers, make_shop, serving_shop

__all__ = ["measure"]

_START_GOAL_S, _BARE_GOAL_MB, _ENDPOINT_GOAL_MB = 1.0, 120.0, 260.0
_CONNECTIONS = 64


def measure(setting: Setting) -> Section:
    """Medians; memory after some load."""
    server, model = SERVERS[0], make_model(setting.folder)
    project = make_shop(setting.folder / "starting" / "project")
    started, held, endpoint_started, endpoint_held = [], [], [], []
    for turn in range(setting.rounds):
        with ours.bare_model(server, model, setting.folder / f"start-{turn}") as bare:
            load = bare.load_of(bodies_of(bare, model, rows=1))
            bare.measure(load, connections=_CONNECTIONS, seconds=1)
            started.append(bare.started_s)
            held.append(bare.pss_mb())
        with serving_shop(project, server=server) as endpoint:
            bodies = [msgspec.json.encode({"rows": [{"customer": key}]}) for key in customers(ROWS)]
            load = endpoint.load_of(bodies)
            endpoint.measure(load, connections=_CONNECTIONS, seconds=setting.seconds)
            endpoint_started.append(endpoint.started_s)
            endpoint_held.append(endpoint.pss_mb())
    start_s, bare_mb = statistics.median(started), statistics.median(held)
    endpoint_mb = statistics.median(endpoint_held)
    return Section(
        "start",
        "Start and memory",
        [
            Figure("bare model, start to ready", f"{start_s:.2f} s", "≤ 1.0 s", start_s <= 1.0),
            _memory("bare model, PSS", bare_mb, _BARE_GOAL_MB),
            _memory("endpoint with twenty features, PSS", endpoint_mb, _ENDPOINT_GOAL_MB),
            Figure("endpoint, start to ready", f"{statistics.median(endpoint_started):.2f} s"),
        ],
        notes=(f"Through {server}, on a free machine; memory after a turn of load.",),
    )


def _memory(work: str, held_mb: float, goal_mb: float) -> Figure:
    return Figure(work, f"{held_mb:.0f} MB", f"≤ {goal_mb:.0f} MB", held_mb <= goal_mb)
