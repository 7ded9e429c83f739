"""The life of an incident."""

from mainspring.monitoring.incident import update_incidents
from mainspring.monitoring.window import MonitorFinding

DRIFT, QUALITY = "feature_drift", "data_quality"


def finding(subject, *, kind=DRIFT, statistic=1.0):
    return MonitorFinding(
        kind=kind, subject=subject, statistic=statistic, limit=0.5, sentence=f"{subject} moved"
    )


def life(*windows):
    """The events of an incident's life, window by window, and what is open in the end."""
    told, open_incidents = [], {}
    for at, found in enumerate(windows):
        steps = update_incidents(open_incidents, found, monitor="m", at=at)
        told.append([step.event.removeprefix("incident.") for step in steps])
        open_incidents = {
            step.incident.kind: step.incident for step in steps if step.incident.closed_at is None
        }
    return told, open_incidents


def test_findings_of_one_kind_are_one_incident_with_the_worst_first():
    [step] = update_incidents({}, [finding("a"), finding("b", statistic=9.0)], monitor="m", at=5)
    assert (step.incident.id, step.incident.subjects, step.incident.sentence) == (
        "m/feature_drift/5",
        ("b", "a"),
        "b moved (and 1 more)",
    )


def test_an_incident_opens_once_lasts_and_closes_after_three_quiet_windows():
    told, left = life([finding("a")], [finding("a")], [], [], [])
    assert told == [["opened"], ["seen"], ["quiet"], ["quiet"], ["closed"]]
    assert left == {}


def test_a_finding_that_comes_back_in_time_keeps_the_incident_open():
    told, left = life([finding("a")], [], [], [finding("a")], [])
    assert told == [["opened"], ["quiet"], ["quiet"], ["seen"], ["quiet"]]
    assert left[DRIFT].quiet == 1


def test_kinds_have_lives_of_their_own():
    told, _ = life([finding("a"), finding("s", kind=QUALITY)], [finding("s", kind=QUALITY)])
    assert told == [["opened", "opened"], ["seen", "quiet"]]


def test_an_incident_keeps_the_subjects_of_its_worst_window():
    _, left = life([finding("a"), finding("b")], [finding("c")])
    assert set(left[DRIFT].subjects) == {"a", "b"}


def test_a_quiet_world_has_no_incidents():
    assert update_incidents({}, [], monitor="m", at=0) == []
