"""Parity in production: sampled reads are recomputed, and one byte that differs is an alarm."""

import struct
import threading
from dataclasses import replace

import msgspec
import pytest
from click.testing import CliRunner
from sklearn.linear_model import LogisticRegression

import mainspring as ms
from mainspring import col
from mainspring.app.cli import command_line
from mainspring.app.cli.commands.features import parity_lines
from mainspring.app.cli.paint import Paint
from mainspring.app.http.metrics import ServerMetrics
from mainspring.app.ports import parity_ports
from mainspring.app.serve import check_sampled_parity
from mainspring.app.workspace import Workspace
from mainspring.elements.time import DAY, SECOND, format_instant, parse_instant
from mainspring.engines.local.clock import FrozenClock
from mainspring.features.state.names import encode_key
from mainspring.flow.periodic import PeriodicTask
from mainspring.monitoring.parity import ParityCheckReport, ParityMonitor
from mainspring.ports.state import Change
from mainspring.serving.inference_log import inference_topic

SALES = ms.Source(
    "sales",
    id="sale",
    event_time="at",
    contract=ms.Contract(
        sale=ms.String(), shop=ms.String(), at=ms.Timestamp(), amount=ms.Float64()
    ),
)
SHOP = ms.Entity("shop")
TAKINGS = ms.FeatureView(
    "takings",
    source=SALES,
    entities=[SHOP],
    windows=["1d"],
    features={"amount": col("amount").sum()},
)
HINDSIGHT = ms.FeatureView(
    "hindsight",
    source=SALES,
    entities=[SHOP],
    windows=["1d"],
    features={"n": ms.count()},
    knowledge="as_corrected",
)
NEWER = ms.FeatureView(
    "newer",
    source=SALES,
    entities=[ms.Entity("all", join_keys=[])],
    windows=["1d"],
    features={"n": ms.count()},
)
TRIPS = ms.TrainingSet(
    "trips",
    spine=SALES,
    prediction_time=col("at"),
    request=["shop"],
    label=ms.Label(SALES, col("amount") > 1, join_on="sale"),
    features=[TAKINGS],
    split=ms.split_by_time(
        train_from="2024-05-01", test_from="2024-05-03", test_until="2024-05-05"
    ),
)
AMOUNT = 6.25


@ms.model(TRIPS)
def late(train, run):
    return LogisticRegression().fit(train.X, train.y)


def sale(hour: int) -> dict[str, object]:
    at = f"2024-05-0{1 + hour // 24}T{hour % 24:02}:30:00Z"
    return {
        "sale": f"№ {hour}",
        "shop": "aab"[hour % 3],
        "at": at,
        "amount": AMOUNT if hour == 95 else 2.0 * (hour % 3 == 1 or hour % 5 == 0),
    }


@pytest.fixture
def clock():
    return FrozenClock(parse_instant("2024-05-05"))


@pytest.fixture
def workspace(clock):
    workspace = Workspace.in_memory([ms.Endpoint("late", model=late)], clock=clock)
    workspace.ingest("sales", [sale(hour) for hour in range(96)], history=True)
    assert workspace.apply().moved
    return workspace


def runs_of(workspace, *, rate: float = 1.0) -> ParityMonitor:
    """A process that looks at this share of reads, and has looked at nothing yet."""
    return ParityMonitor(
        parity_ports(workspace.runtime),
        workspace.environment,
        rate=rate,
        views=workspace.reader.views,
    )


def corrupt(workspace) -> None:
    """Write other bytes for the shop b: one amount is 6.5 where it was 6.25."""
    shard, name, online = (
        workspace.reader.view("takings").shard,
        encode_key(0, ("b",)),
        workspace.runtime.online,
    )
    position, [row] = online.read(shard, [name])
    written = row.replace(struct.pack("<d", AMOUNT), struct.pack("<d", 6.5))
    assert written != row
    online.commit(shard, {name: written}, expected=position, position=position)


@pytest.fixture
def watched(workspace):
    """A check that has begun: what is asked from now on is looked at."""
    runs = runs_of(workspace)
    assert runs.run_due().checked == 0
    return runs


def test_reads_that_are_what_the_log_says_are_no_news(workspace, clock, watched):
    workspace.predict("late", [{"shop": shop} for shop in ("a", "b", "?")])
    clock.advance(10 * SECOND)
    test = watched.run_due()
    assert (test.checked, test.mismatched, workspace.status().incidents) == (3, 0, ())


def test_of_very_many_reads_the_last_are_compared(workspace, clock, watched):
    """A record of the log has all that were asked for together."""
    for _ in range(3):
        workspace.predict("late", [{"shop": shop} for shop in "ab" * 100])
    clock.advance(10 * SECOND)
    assert watched.run_due().checked == 256


def test_other_bytes_in_online_state_raise_the_alarm_with_an_example(workspace, clock, watched):
    corrupt(workspace)
    [answer, _] = workspace.predict("late", [{"shop": "b"}, {"shop": "a"}])
    clock.advance(10 * SECOND)
    test = watched.run_due()
    assert (test.checked, test.mismatched) == (2, 1)
    [incident] = workspace.status().incidents
    assert (incident.kind, incident.subjects) == ("parity", ("endpoint.late",))
    said = (
        f"endpoint.late: 1 of 2 reads differ from the log; shop__amount__24h of "
        f"{answer.id}: served 8.5, recomputed 8.25"
    )
    assert incident.sentence == said


def test_the_alarm_is_a_metric_that_stands_at_zero_until_then(workspace, clock, watched):
    metrics, elsewhere = ServerMetrics(), runs_of(workspace)
    metrics.count_parity(*watched.totals())
    assert b"mainspring_parity_mismatch_total 0.0" in metrics.render()
    corrupt(workspace)
    workspace.predict("late", [{"shop": "b"}, {"shop": "a"}])
    clock.advance(10 * SECOND)
    assert (
        elsewhere.run_due().mismatched == 1
    )  # another process was faster; the alarm of this one rings all the same
    check_sampled_parity(watched, metrics)
    check_sampled_parity(watched, metrics)
    assert b"mainspring_parity_checked_total 2.0" in metrics.render()
    assert b"mainspring_parity_mismatch_total 1.0" in metrics.render()


def test_two_processes_look_at_every_prediction_once(workspace, clock, watched):
    other = runs_of(workspace)
    workspace.predict("late", [{"shop": "a"}, {"shop": "b"}])
    clock.advance(10 * SECOND)
    assert [runs.run_due().checked for runs in (watched, other)] == [2, 0]


def test_what_was_asked_before_anybody_looked_is_left_to_a_test_on_demand(workspace):
    workspace.predict("late", {"shop": "a"})
    assert runs_of(workspace).run_due().checked == 0
    assert workspace.parity.test(5).counts[0].checked == 1


def test_a_check_waits_for_its_time_and_nobody_looks_where_the_share_is_nothing(
    workspace, clock, watched
):
    clock.advance(9 * SECOND)
    assert watched.run_due() is None
    assert runs_of(workspace, rate=0.0).run_due() is None


def test_an_incident_lasts_until_reads_were_compared_on_three_days_and_none_differed(
    workspace, clock, watched
):
    corrupt(workspace)
    workspace.predict("late", {"shop": "b"})
    still_open = []
    for _ in range(6):
        clock.advance(DAY)
        workspace.predict("late", {"shop": "a"})
        watched.run_due()
        still_open.append(len(workspace.status().incidents))
    assert still_open == [1, 1, 1, 1, 0, 0]


def test_a_test_on_demand_reads_random_keys_of_every_view_and_says_who_asked(workspace):
    corrupt(workspace)
    test = workspace.parity.test(200)
    [endpoint, view] = test.counts
    assert (endpoint.checked, view.subject, view.checked) == (0, "view.takings", 200)
    assert view.mismatched > 0
    assert (
        view.example
        == "shop__amount__24h of shop=b at 2024-05-05T00:00:00Z: backfilled 8.25, served 8.5"
    )
    [event] = [
        recorded.event for recorded in workspace.runtime.state.iter_events(kind="parity.tested")
    ]
    assert (event.actor, event.facts["mismatched"]) == (workspace.runtime.actor, view.mismatched)


def test_predictions_that_cannot_be_recomputed_are_counted_apart(workspace):
    (prediction,) = workspace.predict("late", {"shop": "a"})
    workspace.runtime.state.commit([Change("version_digest", prediction.version, None)], [])
    count = workspace.parity.test(1).counts[0]
    assert (count.checked, count.unavailable, count.reason[:4]) == (0, 1, "REG-")


def test_views_without_state_with_hindsight_or_without_recent_facts_say_why_nothing_was_compared(
    clock,
):
    workspace = Workspace.in_memory([TAKINGS, HINDSIGHT, NEWER], clock=clock)
    workspace.ingest("sales", [sale(95)], history=True)
    reasons = [count.reason for count in workspace.parity.test(3).counts]
    assert reasons[0].startswith("FEA-002 the state of view takings begins at never")
    assert reasons[1] == "sees with hindsight, which is never served"
    workspace.get_online_features(["newer"], keys=[{}])
    assert [count.checked for count in workspace.parity.test(3).counts] == [0, 0, 3]
    clock.advance(2 * DAY)
    assert {
        count.reason for count in workspace.parity.test(3).counts if count.subject == "view.takings"
    } == {"no fact is recent enough to be seen"}


def test_the_newest_predictions_are_those_of_this_environment(workspace):
    workspace.predict("late", [{"shop": "a"}] * 3)
    runs = ParityMonitor(parity_ports(workspace.runtime), "staging", rate=1.0, views=list)
    assert runs.test(10).checked == 0
    assert workspace.runtime.log.head(inference_topic("dev", "late")) == 1


def test_a_difference_is_printed_with_its_example_and_says_no(workspace):
    corrupt(workspace)
    workspace.predict("late", {"shop": "b"})
    lines = list(parity_lines(workspace.parity.test(1), Paint(colour=False)))
    assert lines[0].startswith("✗ 1 of 2 reads differ")
    assert lines[1].split() == ["✗", "endpoint.late", "1", "read", "1", "differ"]
    assert lines[-1].startswith("  endpoint.late: shop__amount__24h of prediction-")


def test_on_the_command_line_it_must_be_said_what_to_test():
    answer = CliRunner().invoke(command_line, ["test"])
    assert answer.exit_code == 2
    assert "--parity" in answer.output


def test_a_process_that_folds_looks_at_reads_beside_it(workspace, clock, watched):
    corrupt(workspace)
    workspace.predict("late", {"shop": "b"})
    clock.advance(10 * SECOND)
    told = threading.Event()

    def look():
        if watched.run_due():
            told.set()

    with PeriodicTask(look, name="parity").running():
        assert told.wait(20)
    assert [incident.kind for incident in workspace.status().incidents] == ["parity"]


def test_reads_from_state_in_several_parts_are_recomputed_all_the_same(workspace):
    project = workspace.project
    dev = replace(project.config.environments["dev"], partitions=3)
    divided = replace(
        project,
        config=replace(project.config, environments={**project.config.environments, "dev": dev}),
    )
    again = Workspace(divided, workspace.runtime, environment="dev", folder=None)
    (prediction,) = again.predict("late", {"shop": "b"})
    workspace.ingest(
        "sales",
        [{"sale": "claimed", "shop": "b", "at": "2024-05-04T23:00:00Z", "amount": 100.0}],
        history=True,
    )
    assert again.trace(prediction.id).read_at == {"takings": 96}
    assert [(count.checked, count.mismatched) for count in again.parity.test(30).counts] == [
        (1, 0),
        (30, 0),
    ]


PROJECT = """
import mainspring as ms
from mainspring import col

contract = ms.Contract(sale=ms.Int64(), shop=ms.String(), at=ms.Timestamp(), amount=ms.Float64())
sales = ms.Source("sales", id="sale", event_time="at", contract=contract)
takings = ms.FeatureView("takings", source=sales, entities=[ms.Entity("shop")], windows=["1d"],
    features={"amount": col("amount").sum()})
"""


def test_the_command_says_no_with_its_exit_code_and_in_json(tmp_path):
    (tmp_path / "shop.py").write_text(PROJECT)
    opened = ms.Workspace.open(tmp_path)
    opened.ingest(
        "sales",
        [
            {
                "sale": 1,
                "shop": "b",
                "at": format_instant(opened.runtime.clock.now() - SECOND),
                "amount": AMOUNT,
            }
        ],
        history=True,
    )
    opened.get_online_features(["takings"], keys=[{"shop": "b"}])
    command = ["test", "--parity", "--json", "--rows", "4", "--project", str(tmp_path)]
    answers = [CliRunner().invoke(command_line, command, standalone_mode=False)]
    corrupt(opened)
    answers.append(CliRunner().invoke(command_line, command, standalone_mode=False))
    reports = [msgspec.json.decode(answer.stdout, type=ParityCheckReport) for answer in answers]
    assert [answer.return_value for answer in answers] == [0, 1]
    assert [report.mismatched > 0 for report in reports] == [False, True]
    assert [incident.kind for incident in opened.status().incidents] == ["parity"]
