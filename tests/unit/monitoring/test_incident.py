"""The life of an incident."""

from mainspring.elements.stored import parse_stored
from mainspring.monitoring.incident import Incident, update_incidents
from mainspring.monitoring.limits.judgement import Judgement, MonitorFinding, group_unjudged

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
        "b moved (and 1 more: a)",
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


def test_a_subject_that_joins_changes_the_summary_and_is_a_new_line():
    [opened] = update_incidents({}, [finding("a")], monitor="m", at=1)
    [step] = update_incidents(
        {DRIFT: opened.incident}, [finding("a"), finding("b", statistic=9.0)], monitor="m", at=2
    )
    assert (step.event, step.joined, step.left) == ("incident.updated", ("b",), ())
    assert step.incident.sentence == "b moved (and 1 more: a)"
    assert [(each.name, each.joined_at) for each in step.incident.present] == [("a", 1), ("b", 2)]


def test_a_subject_leaves_when_it_has_recovered_and_the_incident_lasts():
    told, left = life(*[[finding("a"), finding("b")]], *[[finding("b")]] * 3)
    assert told == [["opened"], ["seen"], ["seen"], ["updated"]]
    assert left[DRIFT].subjects == ("b",)
    assert [each.left_at for each in left[DRIFT].history] == [3, None]


def test_a_subject_that_comes_back_joins_again():
    told, left = life([finding("a"), finding("b")], *[[finding("b")]] * 3, [finding("a")])
    assert told[-1] == ["updated"]
    assert [(each.name, each.joined_at) for each in left[DRIFT].history] == [("b", 0), ("a", 4)]


def test_a_closed_incident_names_every_subject_that_it_had():
    [*_, last] = closed_after([finding("a")], [finding("b", statistic=9.0)], [], [], [])
    assert (last.event, last.incident.sentence) == ("incident.closed", "b moved (and 1 more: a)")
    assert set(last.incident.subjects) == {"a", "b"}


def closed_after(*windows):
    """Every transition of these windows."""
    steps, open_incidents = [], {}
    for at, found in enumerate(windows):
        steps += update_incidents(open_incidents, found, monitor="m", at=at)
        open_incidents = {steps[-1].incident.kind: steps[-1].incident}
    return steps


def test_what_was_not_judged_has_not_recovered():
    [opened] = update_incidents({}, [finding("a"), finding("b")], monitor="m", at=0)
    few = [Judgement.needs(DRIFT, "a", 3, 20)]
    incident = opened.incident
    for at in range(1, 4):
        [step] = update_incidents(
            {DRIFT: incident}, [], monitor="m", at=at, unjudged=group_unjudged(few)
        )
        incident = step.incident
    assert incident.subjects == ("a",)


def test_of_quality_the_source_is_judged_and_each_reason_is_a_subject():
    [opened] = update_incidents({}, [finding("s type:a", kind=QUALITY)], monitor="m", at=0)
    few = group_unjudged([Judgement.needs(QUALITY, "s", 3, 20)])
    [step] = update_incidents({QUALITY: opened.incident}, [], monitor="m", at=1, unjudged=few)
    assert step.incident.quiet == 0


def test_an_incident_of_release_0_1_goes_on():
    before = parse_stored(
        b'{"id":"m/feature_drift/5","monitor":"m","kind":"feature_drift","opened_at":5,'
        b'"closed_at":null,"sentence":"b moved (and 1 more)","subjects":["b","a"],"quiet":1}',
        Incident,
    )
    [step] = update_incidents({DRIFT: before}, [finding("a")], monitor="m", at=6)
    assert step.event == "incident.seen"
    assert [(each.name, each.quiet) for each in step.incident.present] == [("b", 2), ("a", 0)]


def test_a_summary_names_three_others():
    [step] = update_incidents({}, [finding(name) for name in "abcdef"], monitor="m", at=5)
    assert step.incident.sentence == "a moved (and 5 more: b, c, d, …)"


def test_a_quiet_world_has_no_incidents():
    assert update_incidents({}, [], monitor="m", at=0) == []
