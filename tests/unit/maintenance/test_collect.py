"""`gc` removes what nothing needs, says what goes with it, and touches nothing that somebody works
with.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

import mainspring as ms
from mainspring import col
from mainspring.app.workspace import Workspace
from mainspring.elements.events import Actor
from mainspring.elements.identity import Digest, canonical_json
from mainspring.elements.time import DAY, HOUR, MINUTE, format_instant, parse_instant
from mainspring.engines.local.clock import FrozenClock
from mainspring.maintenance.garbage import DropShard, TrimTopic, render_gc_plan
from mainspring.ports.errors import LeaseHeld
from mainspring.ports.state import Change
from mainspring.project.loader.load import load_definitions
from mainspring.registry.environment import AssetPointer, definition_key, next_version
from mainspring.registry.read_environment import read_environment
from mainspring.serving.inference.record import PredictionRecord
from mainspring.serving.inference_log import inference_topic
from mainspring.sources.uploads.folder import UploadFolder
from mainspring.sources.uploads.upload import DeclaredFile
from tests.logged import append_records
from tests.topics import facts_topic, refused_topic

SALES = ms.Source(
    "sales",
    id="n",
    event_time="at",
    retention="30d",
    contract=ms.Contract(
        n=ms.Int64(), at=ms.Timestamp(), shop=ms.String(), amount=ms.Float64(between=(0, 100))
    ),
)
SHOP = ms.Entity("shop")
START = parse_instant("2024-05-01")


def view(days: int) -> ms.FeatureView:
    return ms.FeatureView(
        "takings",
        source=SALES,
        entities=[SHOP],
        windows=[f"{days}d"],
        features={"total": col("amount").sum()},
    )


LATE = ms.TrainingSet(
    "late",
    spine=SALES,
    prediction_time=col("at"),
    request=["shop"],
    label=ms.Label(SALES, col("amount") > 1, join_on="n"),
    features=[view(60)],
    split=ms.split_by_time(
        train_from="2024-05-01", test_from="2024-05-03", test_until="2024-05-05"
    ),
)


@ms.model(LATE)
def late(train, run):
    return LogisticRegression().fit(train.X, train.y)


def applied_at(clock: FrozenClock, *definitions: object) -> Workspace:
    workspace = Workspace.in_memory(definitions, clock=clock)
    workspace.apply()
    return workspace


def edited(workspace: Workspace, *definitions: object) -> Workspace:
    """The same workspace after its code changed, and was applied."""
    again = Workspace(
        load_definitions(definitions), workspace.runtime, environment="dev", folder=None
    )
    again.apply()
    return again


def hold_declared(workspace: Workspace, asset: str) -> None:
    """Let dev hold an asset as it is declared, without what it is made of."""
    state, declared = workspace.runtime.state, workspace.project.graph.assets[asset]
    pointer = AssetPointer(
        asset=asset,
        kind=asset.partition(".")[0],
        build_fingerprint=declared.build_fingerprint,
        policy_fingerprint=declared.policy_fingerprint,
        build_digest=declared.build_fingerprint,
    )
    held = next_version(
        read_environment(state, "dev"),
        [pointer],
        by=workspace.runtime.actor,
        at=START,
        reason="test",
    )
    key = definition_key(asset, pointer.build_fingerprint, pointer.policy_fingerprint)
    definition = canonical_json(declared.definition)
    changes = [
        Change("environment", "dev", canonical_json(held)),
        Change("definition", key, definition),
    ]
    state.commit(changes, [])


def sell(workspace: Workspace, first: int, count: int = 10) -> None:
    at = format_instant(workspace.runtime.clock.now())
    workspace.ingest(
        "sales",
        [{"n": n, "at": at, "shop": "east", "amount": n / 7} for n in range(first, first + count)],
    )


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(START)


@pytest.fixture
def workspace(clock: FrozenClock) -> Workspace:
    """Ten sales 40 days ago, one refused row, ten sales 20 days ago."""
    opened = applied_at(clock, view(60))
    sell(opened, 0)
    opened.writer("sales").write_rows(
        [{"n": 99, "at": "2024-05-01", "shop": "east", "amount": 1000.0}]
    )
    clock.advance(20 * DAY)
    sell(opened, 10)
    clock.advance(20 * DAY)
    opened.get_online_features(["takings"], keys=[{"shop": "east"}])
    return opened


def gc(workspace: Workspace, grace: int = DAY):
    return workspace.garbage_collector.collect(workspace.garbage_collector.plan(grace))


def told(workspace: Workspace) -> dict[str, list[object]]:
    return workspace.get_online_features(["takings"], keys=[{"shop": "east"}]).columns


def test_records_beyond_their_retention_are_trimmed_and_facts_stay(
    workspace: Workspace,
) -> None:
    facts, features = workspace.facts_of(SALES), told(workspace)
    report = gc(workspace)
    assert (
        report.trimmed,
        workspace.runtime.log.first(facts_topic(workspace, "sales")),
        workspace.runtime.log.first(refused_topic(workspace, "sales")),
    ) == (13, 10, 1)
    assert workspace.facts_of(SALES).equals(facts)
    assert told(workspace) == features


def test_online_state_is_built_anew_from_the_table_below_what_the_log_keeps(
    workspace: Workspace,
) -> None:
    features = told(workspace)
    gc(workspace)
    for shard in workspace.runtime.online.shards():
        workspace.runtime.online.drop(shard)
    assert told(workspace) == features
    fresh = edited(workspace, view(90))
    assert told(fresh)["shop__total__90d"] == features["shop__total__60d"]


def test_the_plan_says_what_goes_and_what_goes_with_it(workspace: Workspace) -> None:
    lines = "\n".join(render_gc_plan(workspace.garbage_collector.plan(DAY)))
    topic = facts_topic(workspace, "sales")
    assert f"trim {topic} from record 0 up to 10: appended more than 30d ago" in lines
    assert "these refused rows and their reasons are gone for good" in lines
    assert workspace.runtime.log.first(facts_topic(workspace, "sales")) == 0


def test_nothing_is_trimmed_that_the_table_does_not_have(clock: FrozenClock) -> None:
    workspace = applied_at(clock, view(60))
    workspace.writer("sales").write_rows(
        [{"n": 1, "at": "2024-05-01", "shop": "east", "amount": 1.0}]
    )
    clock.advance(40 * DAY)
    assert not [
        step for step in workspace.garbage_collector.plan(DAY).steps if isinstance(step, TrimTopic)
    ]
    sell(workspace, 2)
    workspace.get_online_features(["takings"], keys=[{"shop": "east"}])
    assert gc(workspace).trimmed == 2


def test_nothing_is_trimmed_that_live_online_state_has_still_to_read(clock: FrozenClock) -> None:
    workspace = applied_at(clock, view(60))
    sell(workspace, 0)
    clock.advance(40 * DAY)
    assert gc(workspace).trimmed == 0
    told(workspace)
    assert gc(workspace).trimmed == 10


def test_the_journal_says_when_records_went_and_who_let_them_go(workspace: Workspace) -> None:
    gc(workspace)
    [refused, _, facts] = [
        record.event for record in workspace.runtime.state.iter_events(kind="log.trimmed")
    ]
    assert (facts.subject, facts.facts, refused.subject) == (
        facts_topic(workspace, "sales"),
        {"first": 10, "records": 10},
        refused_topic(workspace, "sales"),
    )
    assert facts.actor == workspace.runtime.actor


def test_online_state_of_the_last_three_maps_is_kept_and_older_one_dropped(
    workspace: Workspace,
) -> None:
    for days in (61, 62, 63):
        workspace = edited(workspace, view(days))
    before = set(workspace.runtime.online.shards())
    report = gc(workspace)
    assert (report.shards, len(before), len(workspace.runtime.online.shards())) == (1, 4, 3)
    workspace.rollback()
    assert told(edited(workspace, view(62)))["shop__total__62d"] == [
        pytest.approx(sum(range(20)) / 7)
    ]


def test_an_object_that_nothing_references_goes_a_grace_period_after_it_was_marked(
    workspace: Workspace, clock: FrozenClock
) -> None:
    orphan = workspace.runtime.objects.write(b"of a run that was killed")
    assert (gc(workspace).marked, gc(workspace).objects) == (1, 0)
    clock.advance(DAY - MINUTE)
    assert gc(workspace).objects == 0
    clock.advance(MINUTE)
    assert (
        gc(workspace).objects,
        workspace.runtime.objects.exists(orphan),
        gc(workspace).marked,
    ) == (
        1,
        False,
        0,
    )


def test_an_object_that_is_referenced_again_is_kept_and_its_grace_starts_anew(
    workspace: Workspace, clock: FrozenClock
) -> None:
    orphan = workspace.runtime.objects.write(b"found again")
    gc(workspace)
    clock.advance(2 * DAY)
    plan = workspace.garbage_collector.plan(DAY)
    workspace.runtime.state.commit([Change("bundle", "b", f'{{"object":"{orphan}"}}'.encode())], [])
    report = workspace.garbage_collector.collect(plan)
    assert (report.objects, report.passed_over, workspace.runtime.objects.exists(orphan)) == (
        0,
        1,
        True,
    )
    workspace.runtime.state.commit([Change("bundle", "b", None)], [])
    assert (gc(workspace).marked, workspace.runtime.objects.exists(orphan)) == (1, True)


@pytest.mark.parametrize("held", ["environment:prod", "maintenance"])
def test_while_somebody_is_at_work_nothing_is_touched(workspace: Workspace, held: str) -> None:
    lease = workspace.runtime.state.acquire(held, "person:ada", ttl=HOUR)
    with pytest.raises(LeaseHeld):
        gc(workspace)
    assert workspace.runtime.log.first(facts_topic(workspace, "sales")) == 0
    workspace.runtime.state.release(lease)
    assert gc(workspace).trimmed == 13


def test_leases_are_given_back(workspace: Workspace) -> None:
    gc(workspace)
    assert edited(workspace, view(61)).plan().is_empty


def test_trimmed_predictions_are_not_available_for_retention(clock: FrozenClock) -> None:
    workspace = Workspace.in_memory([ms.Endpoint("late", model=late, retention="7d")], clock=clock)
    hold_declared(workspace, "endpoint.late")
    topic, log = inference_topic("dev", "late"), workspace.runtime.log
    for name in ("old", "young"):
        now = clock.now()
        record = PredictionRecord(
            id=name,
            version=Digest("sha256:0"),
            map_version=1,
            at=now,
            declared_at=None,
            request={},
            features=[],
            read_at={},
            score=0.5,
            actor="a",
        )
        append_records(log, topic, [record])
        clock.advance(5 * DAY)
    assert gc(workspace).trimmed == 1
    old, young = workspace.replay(["old", "young"])
    assert (str(old.outcome), old.recorded) == ("not available", None)
    assert old.reason.startswith("retention: ENG-011")
    assert young.reason.startswith("REG-001")
    assert workspace.trace("old").lines == (f"old  not available — {old.reason}",)
    assert workspace.latest_predictions(10) == ["young"]


def test_what_a_killed_restore_left_is_removed(tmp_path: Path, workspace: Workspace) -> None:
    left = tmp_path / ".mainspring.unfinished-999999999-1"
    left.mkdir()
    (left / "log.db").write_bytes(b"half")
    opened = Workspace(
        workspace.project, workspace.runtime, environment="dev", folder=tmp_path / ".mainspring"
    )
    assert gc(opened).leftovers == 1
    assert not left.exists()


def test_uploads_that_nobody_goes_on_with_are_removed(tmp_path: Path, workspace: Workspace) -> None:
    opened = Workspace(workspace.project, workspace.runtime, environment="dev", folder=tmp_path)
    clock = workspace.runtime.clock
    assert isinstance(clock, FrozenClock)
    uploads = UploadFolder.of_workspace(tmp_path, clock=clock)
    for number in range(2):
        file = DeclaredFile(file=f"{number}.csv", size_bytes=3, digest=f"sha256:{number:064}")
        begun = uploads.begin(file, environment="dev", source="sales", actor=Actor("person:ada"))
        with uploads.held(begun) as upload:
            uploads.write_part(upload, 0, b"n")
        clock.advance(13 * HOUR)
    told = "remove 1 upload that nobody has gone on with for a day"
    assert told in render_gc_plan(opened.garbage_collector.plan(DAY))
    assert gc(opened).uploads == 1
    assert [path.name for path in (tmp_path / "uploads").glob("*.json")] == [f"{begun.id}.json"]
    assert gc(opened).uploads == 0


def test_online_state_is_kept_where_a_version_cannot_be_read(workspace: Workspace) -> None:
    current = workspace.runtime.state.get("environment", "dev")
    assert current is not None
    broken = current.payload.replace(b'"kind":"view"', b'"kind":"model"')
    workspace.runtime.state.commit([Change("environment", "dev", broken)], [])
    plan = workspace.garbage_collector.plan(DAY)
    assert plan.trouble.startswith("REG-001")
    assert not [step for step in plan.steps if isinstance(step, DropShard)]


def test_a_second_gc_finds_nothing_to_remove(workspace: Workspace) -> None:
    gc(workspace)
    report = gc(workspace)
    assert (report.trimmed, report.shards, report.objects, report.marked, report.joined) == (
        0,
        0,
        0,
        0,
        0,
    )


def test_policy_alone_changes_when_a_retention_does(workspace: Workspace) -> None:
    shorter = ms.Source("sales", id="n", event_time="at", retention="7d", contract=SALES.contract)
    same = ms.FeatureView(
        "takings",
        source=shorter,
        entities=[SHOP],
        windows=["60d"],
        features={"total": col("amount").sum()},
    )
    plan = Workspace(
        load_definitions([same]), workspace.runtime, environment="dev", folder=None
    ).plan()
    assert [(change.asset, change.change) for change in plan.changes] == [
        ("source.sales", "policy_changed")
    ]
    assert "retention  30d → 7d" in workspace.explain(plan)


def test_records_age_by_the_earlier_of_the_clocks_of_world_and_data(
    workspace: Workspace,
) -> None:
    looking_back = replace(workspace.runtime, data_clock=FrozenClock(START))
    plan = Workspace(
        workspace.project, looking_back, environment="dev", folder=None
    ).garbage_collector.plan(DAY)
    assert not [step for step in plan.steps if isinstance(step, TrimTopic)]
