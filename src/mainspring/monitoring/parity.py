"""Parity in production: features that were served are recomputed from log and tables at the (L, q)
that they carry, and compared as bytes.

A share of all predictions is checked in the background, each by one process.  On demand the newest
predictions are, all of them, and reads of random keys from every view.  The number of reads that
differ is expected to be zero: a single one opens an incident, which lasts until reads were compared
on three days and none differed.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl

from mainspring.elements.errors import MainspringError
from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.stored import parse_bare, render_bare
from mainspring.elements.time import DAY, SECOND, Micros
from mainspring.features.errors import FeatureOverflow, HorizonPassed
from mainspring.features.history.gather import FactReader
from mainspring.features.online.parity import check_reads, sample_keys
from mainspring.features.state.stream import CLOCK_SKEW, horizon_at
from mainspring.features.view import CompiledView, with_lookups
from mainspring.monitoring.limits.judgement import Judgement, MonitorFinding, group_unjudged
from mainspring.monitoring.record import IncidentJournal, iter_open_incidents, record_findings
from mainspring.ports.clock import Clock
from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import LogReader
from mainspring.ports.models import ScorerLoader
from mainspring.ports.objects import ObjectReader
from mainspring.ports.online import OnlineReader
from mainspring.ports.state import Change, StateWriter
from mainspring.ports.tables import TableReader
from mainspring.registry.read import read_version
from mainspring.registry.read_environment import read_environment
from mainspring.serving.inference.record import PredictionRecord
from mainspring.serving.inference_log import (
    inference_segments,
    inference_topic,
    iter_predictions,
    newest_predictions,
    segment_of,
    start_of_newest,
)
from mainspring.serving.open import open_version
from mainspring.serving.predict import ServedModel
from mainspring.serving.tracing.replay import ReplayOutcome, ReplayResult, replay_predictions
from mainspring.serving.tracing.sample import is_sampled
from mainspring.sources.facts import read_source_rows

__all__ = [
    "PARITY_MONITOR",
    "ParityCheckReport",
    "ParityCount",
    "ParityMonitor",
    "ParityPorts",
    "ParityTotals",
]

PARITY_MONITOR = "parity"
"""The monitor that opens the incident."""

_KIND = "parity"
_PERIOD: Micros = 10 * SECOND
_SHARE_OF_TIME = 0.05
_MOST_SCANNED = 50_000
_MOST_COMPARED = 256


@dataclass(frozen=True, eq=False, kw_only=True)
class ParityPorts:
    """What parity is checked with.

    Args:
        clock: the time of the world, for records and for when a check is due.
        data_clock: the time of the data, at which features are read.
    """

    project: ProjectName
    actor: Actor
    state: StateWriter
    log: LogReader
    tables: TableReader
    online: OnlineReader
    objects: ObjectReader
    scorers: ScorerLoader
    clock: Clock
    data_clock: Clock


class ParityCount(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared of one endpoint or view.

    Args:
        subject: `endpoint.NAME` or `view.NAME`.
        checked: reads that were recomputed; `mismatched` of them differ in at least one byte.
        unavailable: reads that cannot be recomputed, or read, any more; `reason` says why the
            first cannot.
        example: the first value that differs.
    """

    subject: str
    checked: int = 0
    mismatched: int = 0
    unavailable: int = 0
    reason: str = ""
    example: str = ""


class ParityCheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """One check of an environment; `mismatched` is expected to be 0."""

    environment: str
    at: Micros
    checked: int
    mismatched: int
    counts: tuple[ParityCount, ...]


class ParityTotals(NamedTuple):
    """What all processes together have compared in an environment since it began."""

    checked: int
    mismatched: int


class _Tally(NamedTuple):
    """What was compared on one day of the data, and altogether."""

    day: Micros
    checked: int
    mismatched: int
    totals: ParityTotals

    def with_more(self, checked: int, mismatched: int) -> "_Tally":
        totals = ParityTotals(self.totals.checked + checked, self.totals.mismatched + mismatched)
        return _Tally(self.day, self.checked + checked, self.mismatched + mismatched, totals)


_NOTHING = _Tally(0, 0, 0, ParityTotals(0, 0))


class ParityMonitor:
    """Checks the reads of one environment.

    Args:
        rate: the share of predictions that is checked in the background, 0 to 1.
        views: gives the environment's views, compiled.
    """

    def __init__(
        self,
        ports: ParityPorts,
        environment: str,
        *,
        rate: float,
        views: Callable[[], Sequence[CompiledView]],
    ) -> None:
        self._ports, self._environment = ports, environment
        self._rate, self._views = rate, views
        self._due: Micros = 0
        self._opened: dict[str, ServedModel] = {}

    def run_due(self) -> ParityCheckReport | None:
        """Compare the sampled predictions since the last check, at most every ten seconds and in at
        most 5 % of the time; None when it is not time yet.

        Cost: reads the facts that the longest window sees.
        """
        started = self._ports.clock.now()
        if started < self._due or self._rate <= 0:
            return None
        report = self._add_up([self._count_sampled(endpoint) for endpoint in self._endpoints()])
        finished = self._ports.clock.now()
        self._due = finished + max(_PERIOD, round((finished - started) / _SHARE_OF_TIME))
        return report

    def test(self, rows: int) -> ParityCheckReport:
        """Compare the newest predictions of every endpoint and reads of random keys from every
        view, so many of each, and put it on record.
        """
        counts = [
            self._count_predictions(endpoint, self._newest(endpoint, rows))
            for endpoint in self._endpoints()
        ]
        counts += [self._count_view(view, rows) for view in self._views()]
        report = self._add_up(counts)
        self._record(report)
        return report

    def _endpoints(self) -> list[str]:
        """The endpoints that the environment holds, sorted."""
        current = read_environment(self._ports.state, self._environment)
        return [
            asset.partition(".")[2]
            for asset, pointer in sorted(current.pointers.items())
            if pointer.kind == "endpoint"
        ]

    def _add_up(self, counts: Sequence[ParityCount]) -> ParityCheckReport:
        """Add up what was counted; what differs opens an incident, or keeps it open."""
        now = self._ports.data_clock.now()
        findings = [_finding(count) for count in counts if count.mismatched]
        if findings:
            self._record_findings(findings, now)
        checked, mismatched = (
            sum(count.checked for count in counts),
            sum(count.mismatched for count in counts),
        )
        self._count(now // DAY * DAY, checked, mismatched)
        return ParityCheckReport(
            environment=self._environment,
            at=now,
            checked=checked,
            mismatched=mismatched,
            counts=tuple(counts),
        )

    def _record_findings(self, findings: Sequence[MonitorFinding], at: Micros) -> None:
        """Record what differs; where nothing does, a day on which nothing did."""
        ports = self._ports
        journal = IncidentJournal(ports.state, ports.project, self._environment, PARITY_MONITOR)
        # One check looks at some of the reads.  What it did not find has not recovered: that takes
        # whole days.
        found = {finding.subject for finding in findings}
        others = [
            Judgement.impossible("parity", name, 0, "a check looks at some reads")
            for incident in iter_open_incidents(ports.state, self._environment, PARITY_MONITOR)
            for name in incident.subjects
            if found and name not in found
        ]
        record_findings(findings, journal, at=at, unjudged=group_unjudged(others))

    def totals(self) -> ParityTotals:
        """What was compared here by any process."""
        return self._tally()[0].totals

    def _tally(self) -> tuple[_Tally, int]:
        """The tally and the version of its document."""
        document = self._ports.state.get(_KIND, self._environment)
        return (
            (parse_bare(document.payload, _Tally, title="a parity tally"), document.version)
            if document
            else (_NOTHING, 0)
        )

    def _count(self, day: Micros, checked: int, mismatched: int) -> None:
        """Add to the tally.  A day that is over, on which reads were compared and none differed, is
        a quiet window for the open incident.
        """
        while True:
            before, version = self._tally()
            is_over = day > before.day
            if not is_over and not checked:
                return
            after = (
                before._replace(day=day, checked=0, mismatched=0) if is_over else before
            ).with_more(checked, mismatched)
            with suppress(StaleWrite):
                self._ports.state.commit(
                    [Change(_KIND, self._environment, render_bare(after), version)], []
                )
                break
        if is_over and before.checked and not before.mismatched:
            self._record_findings([], day)

    def _record(self, report: ParityCheckReport) -> None:
        ports = self._ports
        event = Event(
            kind="parity.tested",
            project=ports.project,
            actor=ports.actor,
            at=ports.clock.now(),
            subject=self._environment,
            environment=self._environment,
            facts={"checked": report.checked, "mismatched": report.mismatched},
        )
        ports.state.commit([], [event])

    def _count_sampled(self, endpoint: str) -> ParityCount:
        # They come by the million, and only the last are compared.
        sampled = deque(
            (record for record in self._iter_unchecked(endpoint) if is_sampled(record, self._rate)),
            maxlen=_MOST_COMPARED,
        )
        return self._count_predictions(endpoint, [*sampled])

    def _iter_unchecked(self, endpoint: str) -> Iterator[PredictionRecord]:
        """The predictions since the last check by whichever process; of more than can be checked
        the oldest are passed over.
        """
        topic = inference_topic(self._environment, endpoint)
        # The one without a number also while it holds nothing: what it gets next is looked at.
        for segment in dict.fromkeys([topic, *inference_segments(self._ports.log, topic)]):
            yield from self._iter_segment(segment)

    def _iter_segment(self, topic: str) -> Iterator[PredictionRecord]:
        log = self._ports.log
        document, head = self._ports.state.get(_KIND, topic), log.head(topic)
        # What was there before the first check is nobody's; a segment begins with its first record.
        begin = log.first(topic) if segment_of(topic) else head
        done = parse_bare(document.payload, int, title="a parity position") if document else begin
        if document is not None and done >= head:
            return
        # Whichever process moves the position first checks these predictions alone.
        with suppress(StaleWrite):
            self._ports.state.commit(
                [Change(_KIND, topic, render_bare(head), document.version if document else 0)],
                [],
            )
            start = start_of_newest(log, topic, _MOST_SCANNED, first=done)
            yield from iter_predictions(log, topic, start=start, stop=head)

    def _newest(self, endpoint: str, rows: int) -> list[PredictionRecord]:
        return newest_predictions(
            self._ports.log, inference_topic(self._environment, endpoint), rows
        )

    def _count_predictions(self, endpoint: str, records: Sequence[PredictionRecord]) -> ParityCount:
        subject = f"endpoint.{endpoint}"
        if not records:
            return ParityCount(subject=subject)
        replays = replay_predictions(records, self._open, self._facts_for(records))
        gone = [replay for replay in replays if replay.outcome is ReplayOutcome.NOT_AVAILABLE]
        wrong = [replay for replay in replays if replay.differing]
        return ParityCount(
            subject=subject,
            checked=len(replays) - len(gone),
            mismatched=len(wrong),
            unavailable=len(gone),
            reason=gone[0].reason if gone else "",
            example=_difference(wrong[0]) if wrong else "",
        )

    def _open(self, record: PredictionRecord) -> ServedModel:
        if record.version not in self._opened:
            version = read_version(self._ports.state, record.version)
            self._opened[record.version] = open_version(
                version, objects=self._ports.objects, scorers=self._ports.scorers
            )
        return self._opened[record.version]

    def _facts_for(self, records: Sequence[PredictionRecord]) -> FactReader:
        """Reads the facts that these predictions can have seen; of a model that cannot be opened
        none, which the replay reports.
        """
        views = list[CompiledView]()
        for one in {record.version: record for record in records}.values():
            with suppress(MainspringError):
                views += self._open(one).training_set.views
        return self._facts_seen(views, min(record.at for record in records))

    def _facts_seen(self, views: Sequence[CompiledView], oldest: Micros) -> FactReader:
        """Reads the facts that these views can see at a time or later, those of each source
        once.
        """
        happened_from = min(
            (horizon_at(view, oldest) for view in with_lookups(views)), default=oldest
        )
        return cache(
            lambda source: read_source_rows(
                source, log=self._ports.log, tables=self._ports.tables, happened_from=happened_from
            )
        )

    def _count_view(self, view: CompiledView, rows: int) -> ParityCount:
        subject, now = f"view.{view.view.name}", self._ports.data_clock.now()
        if view.view.knowledge == "as_corrected":
            return ParityCount(subject=subject, reason="sees with hindsight, which is never served")
        keys = sample_keys(view, self._facts_seen([view], now - CLOCK_SKEW), rows=rows, seed=now)
        if not keys.height:
            return ParityCount(subject=subject, reason="no fact is recent enough to be seen")
        ago = np.random.default_rng(now).integers(CLOCK_SKEW, size=keys.height)
        # Every other read is as of now, as when serving; the others are as of the last hour, which
        # state can be read at too.
        ago[::2] = 0
        spine = keys.with_columns(_prediction_time=pl.Series(now - ago))
        try:
            report = check_reads(
                view,
                spine,
                online=self._ports.online,
                facts_of=self._facts_seen([view], now - CLOCK_SKEW),
            )
        except (HorizonPassed, FeatureOverflow) as error:
            return ParityCount(
                subject=subject, unavailable=keys.height, reason=f"{error.code} {error.message}"
            )
        return ParityCount(
            subject=subject,
            checked=report.rows,
            mismatched=report.rows_differing,
            example=report.example,
        )


def _finding(count: ParityCount) -> MonitorFinding:
    sentence = (
        f"{count.subject}: {count.mismatched:,} of {count.checked:,} reads differ from the log; "
        f"{count.example}"
    )
    return MonitorFinding(
        kind="parity",
        subject=count.subject,
        statistic=count.mismatched / count.checked,
        limit=0.0,
        sentence=sentence,
    )


def _difference(replay: ReplayResult) -> str:
    name, (served, recomputed) = next(iter(replay.differing.items()))
    return f"{name} of {replay.prediction}: served {served!r}, recomputed {recomputed!r}"
