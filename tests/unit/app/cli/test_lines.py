"""Records as lines for people."""

from collections.abc import Sequence

from msgspec.structs import replace

from mainspring.app.cli.commands.access import audit_lines
from mainspring.app.cli.commands.answers import replay_lines, watch_lines
from mainspring.app.cli.commands.data import ingest_lines
from mainspring.app.cli.commands.lifecycle import apply_lines, status_lines
from mainspring.app.cli.commands.quarantine import released_lines
from mainspring.app.cli.paint import Paint
from mainspring.elements.identity import Digest
from mainspring.elements.time import DAY
from mainspring.govern.audit import AuditReport
from mainspring.govern.status import EndpointStatus, MonitorStatus, SourceStatus, StatusReport
from mainspring.monitoring.incident import Incident, IncidentSubject
from mainspring.monitoring.limits.judgement import Judgement, Unjudged
from mainspring.monitoring.position import WindowSummary
from mainspring.monitoring.window import report_of_window
from mainspring.project.apply.perform import ApplyReport
from mainspring.serving.tracing.replay import ReplayOutcome, ReplayResult
from mainspring.sources.ingest import IngestReport

PLAIN = Paint(colour=False)


def replayed(name: str, outcome: ReplayOutcome, reason: str = "") -> ReplayResult:
    return ReplayResult(prediction=name, outcome=outcome, recorded=0.5, score=0.5, reason=reason)


def status(version: int) -> StatusReport:
    endpoint = EndpointStatus(
        name="eta",
        model="late v3",
        digest=Digest("sha256:0123456789abcdef"),
        attested=False,
        log="disk",
    )
    source = SourceStatus(name="orders", rows=1, quarantined=2, last_event_time=0)
    return StatusReport(
        project="p",
        environment="dev",
        version=version,
        moved_by="person:ada",
        moved_at=0,
        reason="apply",
        endpoints=(endpoint,),
        sources=(source,),
        incidents=(),
    )


def test_an_empty_environment_says_how_to_fill_it() -> None:
    assert list(status_lines(status(0), PLAIN)) == ["dev is empty.  Deploy to it: mainspring apply"]


def test_status_shows_what_is_not_attested_and_what_is_in_quarantine() -> None:
    lines = list(status_lines(status(4), PLAIN))
    assert "  eta  late v3  0123456789ab  not attested  log: disk" in lines
    assert "  orders  1 row  2 in quarantine  last event 1970-01-01T00:00:00Z" in lines


def incident(*joined: int) -> Incident:
    concerned = tuple(
        IncidentSubject(name=f"x{at}", sentence=f"x{at} moved", excess=2.0, joined_at=at * DAY)
        for at in joined
    )
    return Incident(
        id="m/feature_drift/0",
        monitor="m",
        kind="feature_drift",
        opened_at=0,
        closed_at=None,
        sentence="x0 moved (and more)",
        subjects=tuple(subject.name for subject in concerned),
        concerned=concerned,
    )


def told(*, incidents: Sequence[Incident] = (), monitors: Sequence[MonitorStatus] = ()) -> str:
    report = replace(status(4), incidents=tuple(incidents), monitors=tuple(monitors))
    return "\n".join(status_lines(report, PLAIN))


def test_a_subject_that_joined_an_incident_is_a_line_of_its_own_and_the_first() -> None:
    assert told(incidents=[incident(0, 3)]).endswith(
        "Open incidents\n  1970-01-04  x3 moved\n  1970-01-01  x0 moved"
    )


def test_of_many_subjects_the_newest_have_lines_and_the_others_are_named() -> None:
    lines = told(incidents=[incident(*range(12))]).splitlines()
    assert lines[-2:] == [
        "  1970-01-03  x2 moved",
        "              and 2 more of feature_drift: x1, x0",
    ]


def test_status_shows_what_a_monitor_could_not_judge() -> None:
    unjudged = Unjudged(
        kind="feature_drift", subjects=("x", "z"), seen=12, needed=20, reason="12 rows, 20 needed"
    )
    summary = WindowSummary(predictions=12, judged=1, unjudged=(unjudged,))
    monitors = [
        MonitorStatus(name="late", until=0, summary=summary),
        MonitorStatus(name="new", until=None, summary=None),
    ]
    assert told(monitors=monitors).endswith(
        "Monitors\n"
        "  late  until 1970-01-01T00:00:00Z: 12 predictions, 1 subject judged\n"
        "        not judged: feature_drift of x, z: 12 rows, 20 needed\n"
        "  new   has not judged a window yet"
    )


def test_watch_says_what_was_judged_and_what_was_not() -> None:
    few = Judgement.needs("score_drift", "score", 12, 20)
    quiet = Judgement("data_quality", "trips")
    report = report_of_window(0, DAY, predictions=12, judgements=[quiet, few], days=[])
    assert [*watch_lines(report, PLAIN)] == [
        "1970-01-01T00:00:00Z to 1970-01-02T00:00:00Z: 12 predictions, 0 labels",
        "✓ nothing exceeds its limit, 1 subject judged",
        "· not judged: score_drift of score: 12 rows, 20 needed",
    ]


def test_an_apply_says_where_the_environment_is_now() -> None:
    report = ApplyReport(
        environment="dev", run="run-1", version=2, performed=1, reused=3, moved=True
    )
    assert list(apply_lines(report, PLAIN)) == [
        "✓ dev is now at version 2: 1 stage done, 3 reused  run-1"
    ]


def test_a_run_that_changed_nothing_says_so() -> None:
    report = ApplyReport(
        environment="dev", run="run-1", version=2, performed=0, reused=5, moved=False
    )
    assert list(apply_lines(report, PLAIN)) == ["· dev stays at version 2: 5 reused  run-1"]


def test_identical_replays_take_one_line() -> None:
    assert list(
        replay_lines([replayed(str(i), ReplayOutcome.IDENTICAL) for i in range(1000)], PLAIN)
    ) == ["✓ 1,000/1,000 identical"]


def test_replays_that_differ_are_named_with_their_reason() -> None:
    lines = list(
        replay_lines(
            [
                replayed("a", ReplayOutcome.IDENTICAL),
                replayed("b", ReplayOutcome.NOT_AVAILABLE, "REG-002 changed"),
            ],
            PLAIN,
        )
    )
    assert lines == ["✗ 1/2 identical, 1/2 not available", "  b  not available  REG-002 changed"]


def test_refused_rows_are_counted_by_reason_worst_first() -> None:
    report = IngestReport(accepted=7, duplicates=2, quarantined={"null:a": 1, "between:b": 12})
    assert list(ingest_lines("orders", report, PLAIN)) == [
        "✗ orders: 7 accepted, 2 duplicates",
        "  13 rows in quarantine",
        "    12  between:b",
        "     1  null:a",
    ]


def test_what_came_to_nothing_is_told() -> None:
    report = IngestReport(accepted=1, unknown=3, ignored=("belt", "gate"))
    assert list(ingest_lines("orders", report, PLAIN)) == [
        "✓ orders: 1 accepted, 3 unknown, so not deleted",
        "  not columns of the source, so not stored: belt, gate",
    ]


def test_a_broken_journal_is_told_with_its_place() -> None:
    report = AuditReport(events=9, broken_at=4, newest="", shown=())
    assert list(audit_lines(report, PLAIN)) == [
        "✗ the chain of digests breaks at event 4 of 9: the journal was changed there"
    ]


def test_rows_that_could_not_be_released_are_counted() -> None:
    report = IngestReport(accepted=2, revised=1)
    assert list(released_lines(report, 0, PLAIN)) == ["✓ 3 rows released"]
    assert list(released_lines(report, 1_429, PLAIN)) == [
        "✓ 3 rows released",
        "  1,429 rows in quarantine still: what breaks the contract is not released",
    ]
