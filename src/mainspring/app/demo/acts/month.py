"""Step 8: a month of production in a minute, with an injected fault."""

from datetime import date, timedelta

import msgspec

from mainspring.app.demo.scene import Scene
from mainspring.app.demo.shell import Process
from mainspring.elements.time import format_instant
from mainspring.simulation.simulate import SimulationReport

__all__ = ["simulate_month", "start_simulation"]

_START = date(2013, 10, 1)
_SOON = timedelta(days=3)


def start_simulation(scene: Scene) -> Process:
    """Start to simulate October, with dep_delay sent in seconds instead of minutes from the middle
    on.
    """
    return scene.honest.start(
        "simulate", *_options(scene), "--json", log=scene.folder / "month.json"
    )


def simulate_month(scene: Scene, simulating: Process) -> None:
    """Show the result, and the incident that reports the fault."""
    stage, fault_on = scene.stage, _fault_on(scene)
    stage.open_act(
        "A month of production, with an injected fault",
        f"From {fault_on:%d %B} on, an upstream team sends departure delays in seconds "
        f"instead of minutes.  Nothing crashes.  Predictions are requested and facts arrive at "
        "their own times, labels come late, and monitors run each night.  (It ran beside "
        "the last steps.)",
    )
    stage.command(" ".join(["mainspring", "simulate", *_options(scene)]))
    code = simulating.wait()
    output = (scene.folder / "month.json").read_bytes()
    if code != 0:
        stage.lines(output.decode().splitlines())
        stage.fail("a month can be simulated")
    report = msgspec.json.decode(output, type=SimulationReport)
    stage.lines(report.render().splitlines())
    named = [
        format_instant(subject.joined_at)[:10]
        for incident in report.incidents
        for subject in incident.history
        if "dep_delay" in subject.sentence
    ]
    soon = [day for day in named if fault_on <= date.fromisoformat(day) <= fault_on + _SOON]
    first = min(soon, default="")
    stage.claim(
        bool(soon),
        f"Injected on {fault_on} and found by that night's monitors: an incident names "
        f"the column on {first}.",
    )
    stage.figure(
        "injected fault",
        f"injected {fault_on}, incident {first}; {report.predictions:,} predictions, "
        f"{report.labelled:,} labels joined",
    )


def _fault_on(scene: Scene) -> date:
    return _START + timedelta(days=scene.scale.simulated_days // 2)


def _options(scene: Scene) -> tuple[str, ...]:
    return (
        "--from",
        str(_START),
        "--days",
        str(scene.scale.simulated_days),
        "--inject",
        f"unit-change:dep_delay@{_fault_on(scene)}",
    )
