"""One row a request, from 64 connections and from one: ours, a hello-world of the same servers, and
other products.
"""

from collections.abc import Mapping
from contextlib import ExitStack

from benchmarks.features.figure import Figure, Section, at_least
from benchmarks.serving import ours
from benchmarks.serving.contest import Result, bodies_of, contest, in_turns, share
from benchmarks.serving.model import ROWS, make_model
from benchmarks.serving.peers import PEERS
from benchmarks.serving.servers import SERVERS
from benchmarks.serving.setting import Setting

__all__ = ["measure"]

_CONNECTIONS = 64
_FASTAPI, _MLSERVER = PEERS[0].name, PEERS[1].name
_NATIVE_GOALS = {_FASTAPI: 10.0, _MLSERVER: 20.0}
_UVICORN_GOALS = {_FASTAPI: 4.0}
_HELLO_GOAL, _P99_GOAL_MS = 0.35, 4.0


def measure(setting: Setting) -> Section:
    """Medians of all contenders, and ours as ratios to them."""
    model = make_model(setting.folder)
    with contest(setting, model, "one-row") as found:
        loads = [(each, each.load_of(bodies_of(each, model, rows=1))) for each in found.contenders]
        named = [each.name for each in found.contenders]
        crowd = dict(zip(named, in_turns(setting, loads, connections=_CONNECTIONS), strict=True))
        alone = dict(zip(named, in_turns(setting, loads, connections=1), strict=True))
    hello = _hello(setting)
    figures = [Figure(f"{name}, 64 connections", str(crowd[name])) for name in named]
    figures += [Figure(f"{name}, 1 connection", str(alone[name])) for name in named]
    figures += [Figure(f"{name}: not measured", why) for name, why in found.absent.items()]
    for server in SERVERS:
        figures += _compared(server, crowd, hello[server])
    return Section(
        "one_row",
        f"One row a request, {ROWS} rows in turn",
        figures,
        notes=(
            "CPU is that of all processes of a server for one request; `wrk` has one "
            "thread.  Each contender answered what the bare model says before it was timed.",
            "Peers as a careful user would set them up: one worker, one thread of ONNX Runtime; "
            "FastAPI's route is `async`, MLServer, BentoML and LitServe batch.",
        ),
    )


def _hello(setting: Setting) -> dict[str, float]:
    """Answers a second of each of our servers that has nothing to do."""
    rates = dict[str, float]()
    for server in SERVERS:
        with ExitStack() as running:
            load = running.enter_context(ours.hello_world(server, setting.folder / "hello"))
            load.run(connections=_CONNECTIONS, seconds=1)
            turns = [
                load.run(connections=_CONNECTIONS, seconds=setting.seconds).rate
                for _ in range(setting.rounds)
            ]
            rates[server] = sorted(turns)[len(turns) // 2]
    return rates


def _compared(server: str, crowd: Mapping[str, Result], hello: float) -> list[Figure]:
    mine = crowd[f"Mainspring, {server}"]
    goals = _NATIVE_GOALS if server == "native" else _UVICORN_GOALS
    figures = [
        at_least(f"{server} ÷ {name}", mine.rate / crowd[name].rate, goal)
        for name, goal in goals.items()
        if name in crowd
    ]
    told = f"{hello:,.0f}/s"
    if server != "native":
        return [*figures, Figure("uvicorn ÷ its hello-world", f"{mine.rate / hello:.0%} ({told})")]
    figures.append(share("native ÷ its hello-world", mine.rate / hello, _HELLO_GOAL, told=told))
    is_met = mine.p99_ms <= _P99_GOAL_MS
    figures.append(Figure("native, p99", f"{mine.p99_ms:.2f} ms", "≤ 4 ms", is_met))
    return figures
