"""Run the monitors of an environment: each when a window of its schedule is complete, and on
demand.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from mainspring.elements.declaration import Named, name_of
from mainspring.elements.events import ProjectName
from mainspring.flow.schedule import ScheduleWindow, due_window
from mainspring.monitoring.baseline import parse_baseline
from mainspring.monitoring.definition import MonitorDefinition, parse_monitor, parse_served_model
from mainspring.monitoring.errors import NoBaseline
from mainspring.monitoring.evaluate import MonitoredModel, MonitorEvaluator, subject_of
from mainspring.monitoring.position import MonitorMemory, MonitorPosition
from mainspring.monitoring.record import (
    IncidentJournal,
    StoredPosition,
    position_changes,
    read_memory,
    read_position,
    record_findings,
    store_memory,
    summary_of,
)
from mainspring.monitoring.window import WindowReport
from mainspring.ports.clock import Clock
from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import LogReader
from mainspring.ports.models import ScorerLoader
from mainspring.ports.objects import ObjectWriter
from mainspring.ports.state import StateWriter
from mainspring.ports.tables import TableReader
from mainspring.registry.environment import AssetDefinition
from mainspring.registry.errors import UnknownAsset
from mainspring.registry.read import read_version
from mainspring.registry.read_environment import read_definition, read_environment
from mainspring.serving.inference_log import inference_topic
from mainspring.serving.open import open_version

__all__ = ["MonitorPorts", "MonitorRunner"]


@dataclass(frozen=True, eq=False, kw_only=True)
class MonitorPorts:
    """What monitors work with.

    Args:
        clock: of the data, by which windows are complete.
    """

    project: ProjectName
    state: StateWriter
    log: LogReader
    tables: TableReader
    objects: ObjectWriter
    scorers: ScorerLoader
    clock: Clock


class _CachedMemory(NamedTuple):
    """The memory of a monitor as of a version of its document."""

    version: int
    memory: MonitorMemory


class MonitorRunner:
    """The monitors that an environment holds, and how far each has come.

    Several processes may run the monitors of one environment: a window counts for the one that
    commits the position first.
    """

    def __init__(self, ports: MonitorPorts, environment: str) -> None:
        self._ports, self._environment = ports, environment
        # Between two windows of one process the memory stays; it is read from the objects only
        # when a process begins, or another one was faster.
        self._cached: dict[str, _CachedMemory] = {}

    def run_due(self) -> list[WindowReport]:
        """Evaluate each monitor on the newest complete window that it was not evaluated on yet."""
        reports = []
        for monitor in self._monitors():
            before = read_position(self._ports.state, self._environment, monitor.name)
            last = before.position.window if before else None
            due = due_window(monitor.schedule, last=last, now=self._ports.clock.now())
            if due is None:
                continue
            if before is None:
                self._begin(monitor, due.window)
            elif (report := self._run(monitor, due.window, before)) is not None:
                reports.append(report)
        return reports

    def run(self, monitor: str | Named) -> WindowReport:
        """Evaluate a monitor on its current, incomplete window.  Raises: UnknownAsset ACC-006,
        NoBaseline MON-001.
        """
        name = name_of(monitor, "monitor")
        monitors = {monitor.name: monitor for monitor in self._monitors()}
        if name not in monitors:
            raise UnknownAsset(kind="monitor", name=name, known=", ".join(monitors) or "none")
        ports, now = self._ports, self._ports.clock.now()
        complete = due_window(monitors[name].schedule, last=None, now=now)
        assert complete is not None, "without a last window there is always one that is due"
        monitored = self._monitored(monitors[name])
        before = read_position(ports.state, self._environment, name)
        memory = read_memory(
            ports.objects,
            before.position if before else None,
            subject=subject_of(monitored),
            end=now,
        )
        # Incidents are recorded and the position is not: the window goes on, and is evaluated as a
        # whole once it is complete.
        report = self._evaluator(monitored, memory).evaluate(complete.window.end, now).report
        record_findings(report.findings, self._journal(name), at=now, unjudged=report.unjudged)
        return report

    def _begin(self, monitor: MonitorDefinition, window: ScheduleWindow) -> None:
        """A monitor begins with the window in which it was first seen: before, nobody asked for
        it.
        """
        position = MonitorPosition(window=window)
        changes = position_changes(self._environment, monitor.name, position, None)
        with suppress(StaleWrite):
            self._ports.state.commit(changes, [])

    def _run(
        self, monitor: MonitorDefinition, window: ScheduleWindow, before: StoredPosition
    ) -> WindowReport | None:
        """Evaluate a window; None where another process was faster, which has then recorded its
        incidents, too.
        """
        ports, monitored = self._ports, self._monitored(monitor)
        subject, cached = subject_of(monitored), self._cached.pop(monitor.name, None)
        if cached and (cached.version, cached.memory.subject) == (before.version, subject):
            memory = cached.memory
        else:
            memory = read_memory(ports.objects, before.position, subject=subject, end=window.end)
        evaluated = self._evaluator(monitored, memory).evaluate(*window)
        report = evaluated.report
        store_memory(ports.objects, memory, evaluated)
        position = MonitorPosition(
            window=window,
            subject=subject,
            offsets=memory.offsets,
            chunks=memory.chunks,
            summary=summary_of(report),
        )
        changes = position_changes(self._environment, monitor.name, position, before)
        try:
            record_findings(
                report.findings,
                self._journal(monitor.name),
                at=window.end,
                unjudged=report.unjudged,
                changes=changes,
            )
        except StaleWrite:
            return None
        self._cached[monitor.name] = _CachedMemory(before.version + 1, memory)
        return report

    def _monitors(self) -> Iterator[MonitorDefinition]:
        return map(parse_monitor, self._definitions("monitor"))

    def _definitions(self, kind: str) -> Iterator[AssetDefinition]:
        """What the environment holds of a kind, by name."""
        state = self._ports.state
        for _, pointer in sorted(read_environment(state, self._environment).pointers.items()):
            definition = read_definition(state, pointer) if pointer.kind == kind else None
            if definition is not None:
                yield definition

    def _monitored(self, monitor: MonitorDefinition) -> MonitoredModel:
        ports = self._ports
        pointers = read_environment(ports.state, self._environment).pointers
        pointer = pointers.get(f"model.{monitor.model}")
        baseline = pointers.get(f"monitor.{monitor.name}")
        if pointer is None or baseline is None:
            raise NoBaseline(monitor=monitor.name, version=f"what {self._environment} holds")
        version = read_version(ports.state, pointer.build_digest)
        model = open_version(version, objects=ports.objects, scorers=ports.scorers)
        return MonitoredModel(
            monitor=monitor.name,
            sensitivity=monitor.sensitivity,
            version=version.digest,
            topic=inference_topic(self._environment, self._endpoint_of(monitor.model)),
            training_set=model.training_set,
            encoding=model.encoding,
            baseline=parse_baseline(ports.objects.read(baseline.build_digest)),
        )

    def _endpoint_of(self, model: str) -> str:
        """The first endpoint, by name, that answers with a model; empty where none does."""
        endpoints = (
            definition.asset.partition(".")[2]
            for definition in self._definitions("endpoint")
            if parse_served_model(definition) == model
        )
        return next(endpoints, "")

    def _evaluator(self, monitored: MonitoredModel, memory: MonitorMemory) -> MonitorEvaluator:
        ports = self._ports
        return MonitorEvaluator(monitored, log=ports.log, tables=ports.tables, memory=memory)

    def _journal(self, monitor: str) -> IncidentJournal:
        ports = self._ports
        return IncidentJournal(ports.state, ports.project, self._environment, monitor)
