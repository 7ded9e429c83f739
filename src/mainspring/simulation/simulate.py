"""Months of production in minutes: the real sequencer, stream, predictor and monitors, on a clock
that jumps from event to event.

Nothing of the serving path is replaced.  Facts pass the contract and become visible at their time,
requests come at theirs and are answered from online state, labels arrive late, monitors run each
midnight.  Only the clock, the ids and the stores (in memory) are others, so the same seed gives the
same bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import polars as pl

from mainspring.datasets.errors import NoPredictionTime
from mainspring.elements.events import ProjectName
from mainspring.elements.expression.columns import to_polars
from mainspring.elements.schema import Schema
from mainspring.elements.stored import parse_document
from mainspring.elements.time import DAY, FOREVER, HOUR, Micros, format_instant
from mainspring.features.state.stream import horizon_at, materialize_view
from mainspring.features.view import CompiledView, with_lookups
from mainspring.monitoring.baseline import Baseline
from mainspring.monitoring.definition import MonitorDefinition
from mainspring.monitoring.evaluate import MonitoredModel, MonitorEvaluator
from mainspring.monitoring.incident import Incident
from mainspring.monitoring.limits.label import LabelledDay
from mainspring.monitoring.record import IncidentJournal, record_findings
from mainspring.monitoring.window import WindowReport
from mainspring.serving.predict import Predictor, ServedModel
from mainspring.simulation.engines import SimulationEngines
from mainspring.simulation.fault import InjectedFault
from mainspring.sources.ingest import CompiledSource, SourceWriter
from mainspring.sources.spec import Source
from mainspring.stats.log_loss import log_loss
from mainspring.stats.roc_auc import roc_auc

__all__ = ["Scenario", "SimulationReport", "run_simulation"]

_TOPIC = "inference:simulation:endpoint"
_ACTOR = "service:simulation"
_SPARKS = "▁▂▃▄▅▆▇█"
_LABELS_ARRIVE_WITHIN = 2 * DAY


class SimulationReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came out.  The same scenario and seed give the same report, byte for byte.

    Args:
        roc_auc, log_loss: over all predictions whose label came; None where no label came or only
            one class.
        days: by day, oldest first.
    """

    endpoint: str
    version: str
    start: Micros
    end: Micros
    seed: int
    faults: tuple[str, ...]
    facts: int
    predictions: int
    labelled: int
    roc_auc: float | None
    log_loss: float | None
    days: tuple[LabelledDay, ...]
    incidents: tuple[Incident, ...]

    def render(self) -> str:
        """The report as text for people."""
        metrics = (
            "no label came"
            if self.roc_auc is None
            else f"ROC AUC {self.roc_auc:.4f} · log loss {self.log_loss:.4f}"
        )
        lines = [
            (
                f"{self.endpoint} ({self.version}) from {format_instant(self.start)[:10]} "
                f"to {format_instant(self.end)[:10]}, seed {self.seed}"
            ),
            *(f"  injected     {fault}" for fault in self.faults),
            f"  facts        {self.facts:,} arrived at their time",
            f"  predictions  {self.predictions:,} made at their time",
            f"  labels       {self.labelled:,} joined · {metrics}",
            *_sparkline("daily AUC", [day.roc_auc for day in self.days]),
            *_sparkline("label rate", [day.label_rate for day in self.days]),
            f"  incidents    {len(self.incidents) or 'none'}",
        ]
        for incident in self.incidents:
            until = format_instant(incident.closed_at)[:10] if incident.closed_at else "still open"
            lines.append(
                f"    {format_instant(incident.opened_at)[:10]} – {until:<10}  "
                f"{incident.kind}: {incident.sentence}"
            )
        return "\n".join(lines)


def _sparkline(name: str, values: Sequence[float | None]) -> list[str]:
    known = [value for value in values if value is not None]
    if not known:
        return []
    low, high = min(known), max(known)
    scale = (len(_SPARKS) - 1) / (high - low) if high > low else 0.0
    bars = "".join(
        " " if value is None else _SPARKS[round((value - low) * scale)] for value in values
    )
    return [f"  {name:<11}  {bars}  {low:.2f} … {high:.2f}"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Scenario:
    """What is simulated.

    Args:
        facts: of every source of the model, with the span in which each is visible; those before
            `start` are history.
        schemas: of the sources as ingested.
        endpoint: the name in the report.
    """

    model: ServedModel
    monitor: MonitorDefinition
    baseline: Baseline
    endpoint: str
    facts: Mapping[str, pl.DataFrame]
    start: Micros
    end: Micros
    seed: int = 0
    faults: Sequence[InjectedFault] = ()
    fault_texts: tuple[str, ...] = ()
    on_day: Callable[[WindowReport], None] = field(default=lambda _: None)


def run_simulation(scenario: Scenario, engines: SimulationEngines) -> SimulationReport:
    """Run the scenario on fresh engines.  Raises: NoPredictionTime DAT-023 where the spine has no
    event times.  Cost: about 2 ms for every moment with a request.
    """
    return _Simulation(scenario, engines).run()


class _Arrivals:
    """The facts of one source, in the order in which they become visible, handed out up to a
    moment.
    """

    def __init__(self, source: Source, schema: Schema, facts: pl.DataFrame) -> None:
        self.name = source.name
        self.compiled = CompiledSource(source, schema)
        self.event_time = to_polars(source.event_time, schema).cast(pl.Int64)
        self._facts = facts.select([*schema.names, "_visible_from"]).sort(
            "_visible_from", maintain_order=True
        )
        self._times = self._facts["_visible_from"].to_numpy()
        self._place = 0

    def until(self, moment: Micros) -> pl.DataFrame | None:
        """What becomes visible up to and at this moment and was not handed out yet; None when there
        is nothing.
        """
        place = int(np.searchsorted(self._times, moment, side="right"))
        if place == self._place:
            return None
        rows = self._facts.slice(self._place, place - self._place).drop("_visible_from")
        self._place = place
        return rows


class _Simulation:
    def __init__(self, scenario: Scenario, engines: SimulationEngines) -> None:
        self._scenario, self._training_set = scenario, scenario.model.training_set
        self._clock, ids = engines.clock(scenario.start), engines.ids(scenario.seed)
        self._log, self._online = engines.log(), engines.online()
        self._objects = engines.objects()
        self._predictor = Predictor(self._online, self._log, self._clock, ids)
        monitored = MonitoredModel(
            monitor=scenario.monitor.name,
            sensitivity=scenario.monitor.sensitivity,
            version=scenario.model.version,
            topic=_TOPIC,
            training_set=self._training_set,
            encoding=scenario.model.encoding,
            baseline=scenario.baseline,
        )
        project = ProjectName("simulation")
        self._state = engines.state(project, self._clock)
        self._journal = IncidentJournal(self._state, project, "simulation", scenario.monitor.name)
        self._evaluator = MonitorEvaluator(monitored, log=self._log)
        self._arrivals = [
            _Arrivals(s, self._training_set.schemas[s.name], self._faulty(scenario.facts[s.name]))
            for s in self._training_set.sources
        ]
        self._requests = self._all_requests()
        self._moments = self._requests["_requested"].to_numpy()
        self._arrived = self._answered = 0

    def _all_requests(self) -> pl.DataFrame:
        """The requests of the spine's facts with the moment at which each comes, in order."""
        spec = self._training_set.spec
        facts, schema = (
            self._scenario.facts[spec.spine.name],
            self._training_set.schemas[spec.spine.name],
        )
        if spec.prediction_time is None:
            raise NoPredictionTime(training_set=spec.name)
        requested = to_polars(spec.prediction_time, schema).cast(pl.Int64).alias("_requested")
        names = dict.fromkeys([*spec.request, *spec.label.join_on])
        rows = (
            facts.filter(pl.col("_visible_to") == FOREVER)
            .select(requested, "_id", *names)
            .sort("_requested", "_id")
            .drop("_id")
        )
        return rows.with_columns(pl.selectors.temporal().to_physical())

    def _faulty(self, facts: pl.DataFrame) -> pl.DataFrame:
        for fault in self._scenario.faults:
            facts = fault.applied_to(facts, "_visible_from")
        return facts

    def run(self) -> SimulationReport:
        """All days in order, then two more and the label's horizon: labels still arrive in them."""
        scenario = self._scenario
        self._load_history()
        for day in range(scenario.start, scenario.end, DAY):
            until = min(day + DAY, scenario.end)
            for hour in range(day, until, HOUR):
                self._live_until(min(hour + HOUR, until))
                self._predict(hour, min(hour + HOUR, until))
            report = self._evaluator.evaluate(day, until).report
            record_findings(report.findings, self._journal, at=until, unjudged=report.unjudged)
            scenario.on_day(report)
        last = scenario.end + _LABELS_ARRIVE_WITHIN + (self._training_set.spec.label.horizon or 0)
        for hour in range(scenario.end, last, HOUR):
            self._live_until(hour + HOUR)
        return self._report(last)

    def _load_history(self) -> None:
        """What was known before the first request, as far back as a feature can see."""
        start = self._scenario.start
        for arrivals in self._arrivals:
            known = arrivals.until(start - 1)
            views = self._views_of(arrivals.name)
            if known is None or not views:
                continue
            horizon = min(horizon_at(view, start) for view in views)
            self._writer(arrivals).write_rows(
                known.filter(arrivals.event_time >= horizon), history=True
            )
            self._fold(views, start)
        self._evaluator.start_at_head()

    def _writer(self, arrivals: _Arrivals) -> SourceWriter:
        return SourceWriter(
            arrivals.compiled, log=self._log, clock=self._clock, objects=self._objects
        )

    def _views_of(self, source: str) -> list[CompiledView]:
        return [
            view
            for view in with_lookups(self._training_set.views)
            if source in {each.name for each in view.view.sources}
        ]

    def _fold(self, views: Sequence[CompiledView], now: Micros) -> None:
        for view in views:
            materialize_view(view, log=self._log, online=self._online, now=now)

    def _predict(self, start: Micros, end: Micros) -> None:
        """Answer what is requested in an hour, each request at its own moment."""
        place, stop = np.searchsorted(self._moments, [start, end], side="left")
        if place == stop:
            return
        rows, at = (
            self._requests.slice(place, stop - place).to_dicts(),
            self._moments[place:stop].tolist(),
        )
        answered = self._predictor.answer(
            self._scenario.model, rows, at=at, map_version=0, actor=_ACTOR
        )
        self._predictor.keep([answered], topic=_TOPIC)
        self._answered += len(rows)

    def _live_until(self, moment: Micros) -> None:
        """Deliver the facts that become visible up to a moment, from the clock's now on, and fold
        them.

        They are delivered together and ahead, which no reader can tell: a fact is seen from its own
        visible time on, whenever it was delivered.
        """
        for arrivals in self._arrivals:
            rows = arrivals.until(moment)
            if rows is not None:
                self._arrived += (
                    self._writer(arrivals)
                    .write_rows(rows, ahead=moment - self._clock.now())
                    .accepted
                )
                self._fold(self._views_of(arrivals.name), moment)
        self._clock.move_to(moment)

    def _report(self, now: Micros) -> SimulationReport:
        scenario = self._scenario
        days = tuple(self._evaluator.labelled_days(now))
        scores, labels = self._evaluator.scores_and_labels(now)
        incidents = [
            parse_document(document, Incident)
            for document in self._state.iter_documents("incident")
        ]
        both = (
            len(labels) > 0
            and bool(np.isin(labels, (0.0, 1.0)).all())
            and 0.0 < labels.mean() < 1.0
        )
        return SimulationReport(
            endpoint=scenario.endpoint,
            version=scenario.model.label,
            start=scenario.start,
            end=scenario.end,
            seed=scenario.seed,
            faults=scenario.fault_texts,
            facts=self._arrived,
            predictions=self._answered,
            labelled=len(labels),
            roc_auc=roc_auc(labels, scores) if both else None,
            log_loss=log_loss(labels, scores) if both else None,
            days=days,
            incidents=tuple(
                sorted(incidents, key=lambda incident: (incident.opened_at, incident.kind))
            ),
        )
