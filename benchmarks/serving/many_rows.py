"""Sixty-four rows a request, in JSON, beside the bare model on one core."""

import statistics
import time

from benchmarks.features.figure import Figure, Section
from benchmarks.serving.contest import bodies_of, contest, in_turns, share
from benchmarks.serving.model import ROWS, ServedModel, make_model
from benchmarks.serving.servers import SERVERS
from benchmarks.serving.setting import Setting

__all__ = ["measure"]

_ROWS, _CONNECTIONS, _GOAL = 64, 8, 0.85


def measure(setting: Setting) -> Section:
    """Rows a second of all contenders; ours as parts of what the bare model does."""
    model = make_model(setting.folder)
    with contest(setting, model, "many-rows") as found:
        loads = [
            (each, each.load_of(bodies_of(each, model, rows=_ROWS))) for each in found.contenders
        ]
        bare = [_bare_rate(model, setting.seconds)]
        results = in_turns(setting, loads, connections=_CONNECTIONS)
        bare += [_bare_rate(model, setting.seconds) for _ in range(2)]
    rates = {
        each.name: _ROWS * result.rate
        for each, result in zip(found.contenders, results, strict=True)
    }
    bare_rate = statistics.median(bare)
    figures = [Figure("bare `session.run`, one core", f"{bare_rate:,.0f} rows/s")]
    figures += [
        Figure(
            f"{name}, {_CONNECTIONS} connections", f"{_ROWS * result.rate:,.0f} rows/s; {result}"
        )
        for name, result in zip(rates, results, strict=True)
    ]
    figures += [Figure(f"{name}: not measured", why) for name, why in found.absent.items()]
    for server in SERVERS:
        ratio, told = rates[f"Mainspring, {server}"] / bare_rate, "rows a second"
        goal = share(f"{server} ÷ bare `session.run`", ratio, _GOAL, told=told)
        figures.append(goal if server == SERVERS[0] else Figure(goal.work, goal.measured))
    return Section(
        "many_rows",
        f"{_ROWS} rows a request, JSON",
        figures,
        notes=(f"The bare model is called in process with the same {_ROWS} rows, in turn.",),
    )


def _bare_rate(model: ServedModel, seconds: float) -> float:
    """Rows a second of calls of the model, and nothing else."""
    parts = [model.rows[at : at + _ROWS] for at in range(0, ROWS, _ROWS)]
    name, calls = model.session.get_inputs()[0].name, 0
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        model.session.run(None, {name: parts[calls % len(parts)]})
        calls += 1
    return _ROWS * calls / (time.perf_counter() - began)
