"""How soon a rollback is served while a slow monitor is at work: `make bench-rollback`.

Prints medians and the slowest of several rollbacks, from the move of the environment to the first
answer of the restored model, beside those of a server without a monitor, and as ratios to the
period at which a server looks whether its environment has moved: seconds say little, for machines
differ.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from mainspring.app.cli.create import create_project
from mainspring.app.http.metrics import ServerMetrics
from mainspring.app.ports import monitor_ports
from mainspring.app.serve import REFRESH_PERIOD_S, background_tasks
from mainspring.app.workspace import Workspace
from mainspring.flow.periodic import PeriodicTask
from mainspring.monitoring.runner import MonitorRunner
from mainspring.serving.host import EndpointHost
from mainspring.serving.inference_log import inference_topic
from mainspring.serving.predict import Predictor

AS_OF = "2024-03-28T18:00:00Z"
ENDPOINT, MONITOR = "late-delivery", "late_delivery-monitor"
PREDICTIONS, ROLLBACKS, PATIENCE_S = 60_000, 15, 120.0
ROW = {"shop": "harbour", "distance_km": 2.5, "ordered_at": AS_OF}


def two_versions(folder: Path) -> Workspace:
    """The starter project with a second version in charge."""
    create_project(folder, "deliveries")
    Workspace.open(folder, as_of=AS_OF).apply()
    [declared] = folder.glob("*.py")
    declared.write_text(declared.read_text().replace("num_boost_round=60", "num_boost_round=50"))
    workspace = Workspace.open(folder, as_of=AS_OF)
    assert workspace.apply().moved
    return workspace


def log_predictions(workspace: Workspace, host: EndpointHost, count: int) -> None:
    """So many predictions in the inference log, for the monitor to evaluate."""
    tools, model = workspace.runtime, host.endpoint(ENDPOINT).current
    assert model is not None
    predictor = Predictor(tools.online, tools.log, tools.data_clock, tools.ids)
    topic, now = inference_topic(workspace.environment, ENDPOINT), tools.data_clock.now()
    for _ in range(0, count, 2_000):
        answered = predictor.answer(
            model, [ROW] * 2_000, at=[now] * 2_000, map_version=1, actor="benchmark"
        )
        predictor.keep([answered], topic=topic)


class SlowMonitor:
    """A monitor that reads the whole inference log again and again, each time as if it had just
    begun.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._ports, self._environment = monitor_ports(workspace.runtime), workspace.environment
        self.taken_s: list[float] = []

    def __call__(self) -> None:
        """One batch."""
        started = time.perf_counter()
        report = MonitorRunner(self._ports, self._environment).run(MONITOR)
        assert report.predictions >= PREDICTIONS
        self.taken_s.append(time.perf_counter() - started)


def wait_for(host: EndpointHost, is_restored: Callable[[str], bool]) -> None:
    """Ask until the version that is meant answers."""
    until = time.perf_counter() + PATIENCE_S
    while not is_restored(host.predict(ENDPOINT, [ROW], actor="benchmark")[0].version):
        assert time.perf_counter() < until, "the rollback is not served"


def rollbacks_ms(workspace: Workspace, host: EndpointHost) -> list[float]:
    """Milliseconds from each move to the first answer of the restored model."""
    taken = []
    for _ in range(ROLLBACKS):
        charged = host.predict(ENDPOINT, [ROW], actor="benchmark")[0].version
        workspace.rollback()
        started = time.perf_counter()
        wait_for(host, lambda version, before=charged: version != before)
        taken.append((time.perf_counter() - started) * 1000)
        workspace.apply()
        wait_for(host, lambda version, before=charged: version == before)
    return taken


def report(name: str, taken_ms: list[float]) -> None:
    """One line."""
    median, slowest, period = statistics.median(taken_ms), max(taken_ms), REFRESH_PERIOD_S * 1000
    print(
        f"{name:<24} median {median:7.1f} ms {median / period:6.1f} × the refresh period, "
        f"slowest {slowest:7.1f} ms {slowest / period:6.1f} ×"
    )


def main() -> None:
    """Roll back without a monitor, then beside one that never stops."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = two_versions(Path(folder))
        host, slow = workspace.host(), SlowMonitor(workspace)
        workspace.materialize()
        log_predictions(workspace, host, PREDICTIONS)
        with ExitStack() as running:
            for task in background_tasks(workspace, host, ServerMetrics()):
                running.enter_context(task.running())
            report("no monitor at work", rollbacks_ms(workspace, host))
            slow()
            with PeriodicTask(slow, name="slow-monitor", period_s=0.001).running():
                report("a slow monitor at work", rollbacks_ms(workspace, host))
        print(
            f"the monitor finished {len(slow.taken_s) - 1} batches of {PREDICTIONS:,} predictions "
            f"or more, {statistics.median(slow.taken_s):.1f} s each"
        )


if __name__ == "__main__":
    main()
