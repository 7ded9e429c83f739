"""Run the monitors of an environment: each when a window of its schedule is complete, or when
somebody asks.
"""

from mainspring.elements.stored import parse_bare, render_bare
from mainspring.elements.time import Micros
from mainspring.flow.schedule import ScheduleWindow, due_window
from mainspring.monitoring.baseline import parse_baseline
from mainspring.monitoring.errors import NoBaseline
from mainspring.monitoring.spec import Monitor
from mainspring.monitoring.watch import MonitoredModel, MonitorEvaluator
from mainspring.monitoring.window import WindowReport
from mainspring.ports.state import Change
from mainspring.project.kinds.evaluation import Runtime
from mainspring.project.loader.load import Project
from mainspring.registry.errors import UnknownAsset
from mainspring.registry.read import read_version
from mainspring.registry.read_environment import read_environment
from mainspring.serving.inference_log import inference_topic
from mainspring.serving.open import open_version

__all__ = ["MonitorRunner"]


class MonitorRunner:
    """The monitors of one environment, and how far each has watched."""

    def __init__(self, project: Project, tools: Runtime, environment: str) -> None:
        self._project, self._tools, self._environment = project, tools, environment

    def run_due(self) -> list[WindowReport]:
        """Judge the newest complete window of every monitor that has not been judged yet."""
        reports = []
        for monitor in self._project.declarations.monitors:
            last, now = self._last(monitor), self._tools.data_clock.now()
            waiting = due_window(monitor.schedule, last=last, now=now)
            if last is None and waiting is not None:
                # A monitor begins with the window in which it was first seen: before, nobody asked
                # it anything.
                self._remember(monitor, waiting.window)
            elif waiting is not None and self._is_ready(monitor):
                reports.append(self._run(monitor, waiting.window))
        return reports

    def run(self, name: str) -> WindowReport:
        """Judge what a monitor has seen in its present, incomplete window.  Raises: ACC-006,
        MON-001.
        """
        monitor = next(
            (monitor for monitor in self._project.declarations.monitors if monitor.name == name),
            None,
        )
        if monitor is None:
            known = (
                ", ".join(monitor.name for monitor in self._project.declarations.monitors) or "none"
            )
            raise UnknownAsset(kind="monitor", name=name, known=known)
        now = self._tools.data_clock.now()
        complete = due_window(monitor.schedule, last=None, now=now)
        assert complete is not None, "without a last window there is always one that is due"
        return self._watcher(monitor).watch(complete.window.end, now)

    def _run(self, monitor: Monitor, window: ScheduleWindow) -> WindowReport:
        report = self._watcher(monitor).watch(window.start, window.end)
        self._remember(monitor, window)
        return report

    def _is_ready(self, monitor: Monitor) -> bool:
        pointers = read_environment(self._tools.state, self._environment).pointers
        return f"monitor.{monitor.name}" in pointers and f"model.{monitor.model.name}" in pointers

    def _watcher(self, monitor: Monitor) -> MonitorEvaluator:
        tools, pointers = (
            self._tools,
            read_environment(self._tools.state, self._environment).pointers,
        )
        if not self._is_ready(monitor):
            raise NoBaseline(monitor=monitor.name, version=f"what {self._environment} holds")
        version = read_version(tools.state, pointers[f"model.{monitor.model.name}"].build_digest)
        model = open_version(version, objects=tools.objects, scorers=tools.scorers)
        endpoint = next(
            (
                e.name
                for e in self._project.declarations.endpoints
                if e.model.name == monitor.model.name
            ),
            "",
        )
        watched = MonitoredModel(
            monitor=monitor,
            version=version.digest,
            topic=inference_topic(self._environment, endpoint),
            training_set=model.training_set,
            encoding=model.encoding,
            baseline=parse_baseline(
                tools.objects.read(pointers[f"monitor.{monitor.name}"].build_digest)
            ),
        )
        return MonitorEvaluator(
            watched,
            log=tools.log,
            state=tools.state,
            project=tools.project,
            environment=self._environment,
            tables=tools.tables,
        )

    def _key(self, monitor: Monitor) -> str:
        return f"{self._environment}/{monitor.name}"

    def _last(self, monitor: Monitor) -> ScheduleWindow | None:
        document = self._tools.state.get("watched", self._key(monitor))
        return (
            ScheduleWindow(
                *parse_bare(document.payload, tuple[Micros, Micros], title="a monitor's window")
            )
            if document
            else None
        )

    def _remember(self, monitor: Monitor, window: ScheduleWindow) -> None:
        self._tools.state.commit(
            [Change("watched", self._key(monitor), render_bare(tuple(window)))], []
        )
