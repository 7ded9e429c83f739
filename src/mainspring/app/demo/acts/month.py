"""Act 8: a month of production in a minute, with a fault planted in it."""

import sys
from datetime import date, timedelta

from mainspring.app.cli.output import live_line
from mainspring.app.cli.progress import DayProgress
from mainspring.app.demo.scene import Scene
from mainspring.elements.time import format_instant

__all__ = ["live_a_month"]

_START = date(2013, 10, 1)
_SOON = timedelta(days=3)


def live_a_month(scene: Scene) -> None:
    """Simulate October with dep_delay sent in seconds instead of minutes from the middle on, and see the incident that finds it."""
    stage, days = scene.stage, scene.scale.simulated_days
    fault_on = _START + timedelta(days=days // 2)
    fault = f"unit-change:dep_delay@{fault_on}"
    stage.open_act(
        "A month of production, with a fault planted",
        f"From {fault_on:%d %B} on, an upstream team sends departure delays in seconds instead of minutes.  Nothing crashes.  Every question of the month is "
        "asked at its own time, every fact arrives at its own time, labels come late, and monitors look each night.",
    )
    stage.command(f"mainspring simulate --from {_START} --days {days} --inject {fault}")
    progress = DayProgress(live_line(sys.stderr), days=days)
    report = scene.open().simulate(start=str(_START), days=days, inject=[fault], on_day=lambda day: progress.on_day(format_instant(day.start)[:10]))
    progress.end()
    stage.lines(report.render().splitlines())
    found = [incident for incident in report.incidents if fault_on <= date.fromisoformat(format_instant(incident.opened_at)[:10]) <= fault_on + _SOON]
    told = [incident for incident in found if "dep_delay" in incident.sentence]
    first = min((format_instant(incident.opened_at)[:10] for incident in told), default="")
    stage.claim(
        bool(told),
        f"Planted on {fault_on}, found by the monitors of the night that ended it: an incident was opened on {first}, and it names the column.",
    )
    stage.figure("planted fault", f"planted {fault_on}, incident {first}; {report.predictions:,} predictions, {report.labelled:,} labels joined")
