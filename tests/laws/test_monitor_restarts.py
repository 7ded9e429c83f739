"""A monitor that begins anew before every window finds what one finds that never stopped, and both
join what a dictionary joins.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mainspring.elements.events import ProjectName
from mainspring.elements.time import DAY, HOUR, Micros
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.state import SqliteState
from mainspring.flow.schedule import ScheduleWindow
from mainspring.monitoring.evaluate import MonitorEvaluator, subject_of
from mainspring.monitoring.position import MonitorPosition
from mainspring.monitoring.record import (
    IncidentJournal,
    position_changes,
    read_memory,
    read_position,
    record_findings,
    store_memory,
)
from mainspring.monitoring.window import WindowReport
from mainspring.testing import FrozenClock
from tests.unit.monitoring.monitored import (
    append_labels,
    append_predictions,
    append_refused,
    monitored_model,
)

MONITORED = monitored_model()
NAME = MONITORED.monitor
ROWS = 60
"""A day needs fifty labels, so what comes, comes in blocks of this size."""


@dataclass(frozen=True)
class Step:
    """What comes before a window is evaluated, and the window.

    Args:
        gap, length: of the window, in hours; a gap leaves windows out.
        predictions: the block that is asked about, and when: in hours from the window's begin,
            before it and after its end as well.
        labels: the block and what becomes of it: a label, no value, or taken back.
        refused: rows that fail the contract, and when.
        is_trimmed: whether the log forgets what it has of predictions.
    """

    gap: int = 0
    length: int = 24
    predictions: Sequence[tuple[int, int, int]] = ()
    labels: Sequence[tuple[int, bool | None, str]] = ()
    refused: Sequence[tuple[int, int]] = ()
    is_trimmed: bool = False


hours = st.integers(-30, 60)
steps = st.builds(
    Step,
    gap=st.sampled_from([0, 0, 0, 24, 24 * 50]),
    length=st.sampled_from([1, 24, 24, 24 * 45]),
    predictions=st.lists(
        st.tuples(st.integers(0, 3), hours, st.sampled_from([3, 600])), max_size=3
    ),
    labels=st.lists(
        st.tuples(
            st.integers(0, 3),
            st.sampled_from([True, False, None]),
            st.sampled_from(["insert"] * 3 + ["retract"]),
        ),
        max_size=2,
    ),
    refused=st.lists(st.tuples(st.sampled_from([40, 80]), hours), max_size=2),
    is_trimmed=st.sampled_from([False] * 7 + [True]),
)


def trips(block: int) -> list[str]:
    """The trips of a block."""
    return [f"{block}-{row}" for row in range(ROWS)]


@dataclass
class Monitoring:
    """A monitor with stores of its own.

    Args:
        restarts: whether it forgets before every window what it has not stored.
    """

    log: SqliteLog
    restarts: bool
    objects: MemoryObjects = field(default_factory=MemoryObjects)

    def __post_init__(self) -> None:
        project = ProjectName("trips")
        self.state = SqliteState(None, project, clock=FrozenClock(0))
        self.journal = IncidentJournal(self.state, project, "dev", NAME)
        self.evaluator = MonitorEvaluator(MONITORED, log=self.log)

    def evaluate(self, start: Micros, end: Micros) -> WindowReport:
        """A window, recorded as a server records it."""
        before = read_position(self.state, "dev", NAME)
        if self.restarts:
            position = before.position if before else None
            memory = read_memory(self.objects, position, subject=subject_of(MONITORED), end=end)
            self.evaluator = MonitorEvaluator(MONITORED, log=self.log, memory=memory)
        evaluated = self.evaluator.evaluate(start, end)
        memory = self.evaluator.memory
        store_memory(self.objects, memory, evaluated)
        position = MonitorPosition(
            window=ScheduleWindow(start, end),
            subject=memory.subject,
            offsets=memory.offsets,
            chunks=memory.chunks,
        )
        changes = position_changes("dev", NAME, position, before)
        record_findings(evaluated.report.findings, self.journal, at=end, changes=changes)
        return evaluated.report

    @property
    def incidents(self) -> list[bytes]:
        """Every incident as it stands."""
        return [document.payload for document in self.state.iter_documents("incident")]

    def joined(self) -> list[list[float]]:
        """Scores and labels of what is remembered, by day and offset."""
        return [column.tolist() for column in self.evaluator.memory.predictions.scores_and_labels()]


def append(log: SqliteLog, step: Step, start: Micros, end: Micros) -> None:
    """Write what comes before a window is evaluated."""
    for block, hour, bags in step.predictions:
        at = max(start + hour * HOUR, 0)
        append_predictions(log, [at] * ROWS, trips(block), bags=bags)
    for block, late, op in step.labels:
        append_labels(log, dict.fromkeys(trips(block), late), at=end, op=op)
    for rows, hour in step.refused:
        append_refused(log, rows, at=max(start + hour * HOUR, 0))
    if step.is_trimmed:
        log.trim("inference:dev:late", log.head("inference:dev:late"))


@settings(max_examples=60, deadline=None)
@example(
    [
        Step(labels=[(0, True, "insert")]),
        Step(24 * 50, 24 * 45),
        Step(0, 24, [(0, 1, 3)]),
        Step(24 * 20, 24),
        Step(0, 1),
    ]
)
@given(st.lists(steps, min_size=2, max_size=6))
def test_a_restart_changes_neither_reports_nor_incidents(steps: list[Step]) -> None:
    log = SqliteLog(None)
    never, always = Monitoring(log, restarts=False), Monitoring(log, restarts=True)
    end = 0
    for step in steps:
        start = end + step.gap * HOUR
        end = start + step.length * HOUR
        append(log, step, start, end)
        assert always.evaluate(start, end) == never.evaluate(start, end)
        assert always.joined() == never.joined()
        assert always.incidents == never.incidents


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, min_size=1, max_size=5))
def test_what_is_joined_is_what_a_dictionary_joins(steps: list[Step]) -> None:
    log = SqliteLog(None)
    monitoring = Monitoring(log, restarts=True)
    asked: list[tuple[Micros, str, float]] = []
    labels: dict[str, float | None] = {}
    end = 0
    for step in steps:
        start, end = end, end + DAY
        append(log, Step(predictions=step.predictions, labels=step.labels), start, end)
        for block, hour, _ in step.predictions:
            at = max(start + hour * HOUR, 0)
            asked += [
                (at, trip, float((len(asked) + row) % 97)) for row, trip in enumerate(trips(block))
            ]
        for block, late, op in step.labels:
            known = None if late is None or op == "retract" else float(late)
            labels |= dict.fromkeys(trips(block), known)
        monitoring.evaluate(start, end)
    expected = sorted(
        (score, labels[trip])
        for at, trip, score in asked
        if at < end and labels.get(trip) is not None
    )
    assert sorted(zip(*monitoring.joined(), strict=True)) == expected
    assert np.isfinite(monitoring.joined()).all()
