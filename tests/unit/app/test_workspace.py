"""The front door as a newcomer uses it: by mistake as often as not."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

import mainspring as ms
from mainspring import col
from mainspring.app.workspace import Workspace
from mainspring.elements.events import Actor
from mainspring.elements.time import MINUTE, parse_instant
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.objects import MemoryObjects
from mainspring.features.errors import HorizonPassed, MomentAhead
from mainspring.ports.log import PackedRecord
from mainspring.ports.state import Change
from mainspring.project.errors import (
    NotADeclaration,
    NothingDeclared,
    NothingToPromote,
    ProjectErrors,
    ProjectMissing,
    UnknownEnvironment,
)
from mainspring.registry.errors import UnknownAsset
from mainspring.registry.read import read_version
from mainspring.sources.errors import FileMissing
from mainspring.sources.watch import WatchedLog

HEAD = "import mainspring as ms\n"
SALES = ms.Source(
    "sales",
    id="sale",
    event_time="at",
    contract=ms.Contract(
        sale=ms.String(), shop=ms.String(), at=ms.Timestamp(), amount=ms.Float64()
    ),
)
TAKINGS = ms.FeatureView(
    "takings",
    source=SALES,
    entities=[ms.Entity("shop")],
    windows=["1h"],
    features={"sales": ms.count()},
)


LATE = ms.TrainingSet(
    "late",
    spine=SALES,
    prediction_time=col("at"),
    request=["shop"],
    label=ms.Label(SALES, col("amount") > 1, join_on="sale"),
    features=[TAKINGS],
    split=ms.split_by_time(
        train_from="2024-05-01", test_from="2024-05-03", test_until="2024-05-05"
    ),
)


@ms.model(LATE)
def late(train, run):
    return LogisticRegression().fit(train.X, train.y)


def sale(name, **more):
    return {
        "sale": name,
        "shop": "Café 東京 ☕",
        "at": "2024-05-01T09:30:00Z",
        "amount": 1.0,
        **more,
    }


@pytest.fixture
def workspace():
    return ms.Workspace.in_memory([TAKINGS])


def test_a_script_of_the_project_that_opens_it_is_told_so_at_its_line(tmp_path: Path):
    (tmp_path / "shop.py").write_text(
        HEAD
        + (
            'sales = ms.Source("sales", id="sale", event_time="at", '
            "contract=ms.Contract(at=ms.Timestamp()))\n"
        )
    )
    (tmp_path / "script.py").write_text(HEAD + f"ws = ms.Workspace.open({str(tmp_path)!r})\n")
    with pytest.raises(ProjectErrors) as refused:
        ms.Workspace.open(tmp_path)
    assert [fault.code for fault in refused.value.faults] == ["PRJ-046"]
    assert str(refused.value.faults[0].at).endswith("script.py:2")
    assert not (tmp_path / ".mainspring").exists()


def test_a_script_that_opens_it_only_when_it_is_run_does_no_harm(tmp_path: Path):
    (tmp_path / "shop.py").write_text(
        HEAD + 'sales = ms.Source("sales", id="sale", event_time="at", '
        "contract=ms.Contract(sale=ms.String(), at=ms.Timestamp()))\n"
        'if __name__ == "__main__":\n    ms.Workspace.open(".")\n'
    )
    assert [source.name for source in ms.Workspace.open(tmp_path).project.declarations.sources] == [
        "sales"
    ]


def test_modules_that_import_each_other_in_a_circle_are_a_mistake_with_a_line(tmp_path: Path):
    (tmp_path / "first.py").write_text(HEAD + "from second import b\na = 1\n")
    (tmp_path / "second.py").write_text(HEAD + "from first import a\nb = 2\n")
    with pytest.raises(ProjectErrors) as refused:
        ms.Workspace.open(tmp_path)
    assert {fault.code for fault in refused.value.faults} == {"PRJ-024"}
    assert all(
        "second.py:2" in str(fault.at) or "first.py:2" in str(fault.at)
        for fault in refused.value.faults
    )


def test_two_projects_with_the_same_module_names_do_not_meet(tmp_path: Path):
    opened = {}
    for name in ("sales", "returns"):
        (tmp_path / name).mkdir()
        source = (
            f'{name} = ms.Source("{name}", id="id", event_time="at", '
            f"contract=ms.Contract(id=ms.String(), at=ms.Timestamp()))\n"
        )
        (tmp_path / name / "shop.py").write_text(HEAD + source)
        opened[name] = ms.Workspace.open(tmp_path / name)
    assert {
        name: [source.name for source in ws.project.declarations.sources]
        for name, ws in opened.items()
    } == {"sales": ["sales"], "returns": ["returns"]}


def test_what_is_not_there_is_said_to_be_missing(tmp_path: Path):
    with pytest.raises(ProjectMissing):
        ms.Workspace.open(tmp_path / "nowhere")
    with pytest.raises(NothingDeclared):
        ms.Workspace.open(tmp_path)


def test_an_environment_that_nobody_declared_is_refused_with_those_there_are():
    with pytest.raises(UnknownEnvironment, match="dev, staging, prod"):
        ms.Workspace.in_memory([TAKINGS], env="production")


def test_nothing_and_what_declares_nothing_make_no_workspace():
    with pytest.raises(NothingDeclared):
        ms.Workspace.in_memory([])
    with pytest.raises(NotADeclaration, match="<function sale"):
        ms.Workspace.in_memory([TAKINGS, sale])


def test_text_of_any_script_is_a_key_like_any_other(workspace):
    workspace.ingest("sales", [sale("№ 1")], history=True)
    spine = (
        workspace.facts_of(SALES)
        .select("shop")
        .with_columns(prediction_time=pl.lit("2024-05-01T10:00:00Z"))
    )
    assert workspace.get_historical_features(["takings"], spine=spine)[
        "shop__sales__1h"
    ].to_list() == [1]


def test_an_empty_source_gives_empty_windows(workspace):
    workspace.ingest("sales", [])
    assert workspace.get_online_features(["takings"], keys=[{"shop": "A"}]).columns == {
        "shop__sales__1h": [0]
    }


def test_an_empty_list_of_keys_gives_columns_without_rows(workspace):
    assert workspace.get_online_features(["takings"], keys=[]).columns == {"shop__sales__1h": []}


NOON = parse_instant("2024-05-01T12:00:00Z")


@pytest.fixture
def at_noon():
    """A workspace at noon, with a sale at half past ten and one at half past nine, and state of
    both.
    """
    workspace = Workspace.in_memory([TAKINGS], clock=FrozenClock(NOON))
    workspace.ingest("sales", [sale("1"), sale("2", at="2024-05-01T10:30:00Z")], history=True)
    workspace.get_online_features(["takings"], keys=[{"shop": "A"}])
    return workspace


@pytest.mark.parametrize(
    "at",
    [
        "2024-05-01T11:00:00Z",
        "2024-05-01T11:30:00Z",
        "2024-05-01T11:30:00.000001Z",
        "2024-05-01T12:00:00Z",
    ],
)
def test_a_read_of_a_time_in_the_past_is_what_a_backfill_says(at_noon, at):
    keys = [{"shop": "Café 東京 ☕"}, {"shop": "elsewhere"}]
    spine = pl.DataFrame(keys).with_columns(prediction_time=pl.lit(at))
    taught = at_noon.get_historical_features(["takings"], spine=spine)["shop__sales__1h"].to_list()
    assert at_noon.get_online_features(["takings"], keys=keys, at=at).columns == {
        "shop__sales__1h": taught
    }


def test_a_read_of_a_time_before_what_state_keeps_is_refused(at_noon):
    with pytest.raises(
        HorizonPassed,
        match="state of view takings begins at 2024-05-01T10:00:00Z, and this read needs facts "
        "from 2024-05-01T09:59:59Z",
    ):
        at_noon.get_online_features(["takings"], keys=[{"shop": "A"}], at="2024-05-01T10:59:59Z")


def test_a_read_of_a_time_to_come_is_refused_beyond_what_clocks_may_differ_by(at_noon):
    assert at_noon.get_online_features(
        ["takings"], keys=[{"shop": "A"}], at=NOON + 5 * MINUTE
    ).columns == {"shop__sales__1h": [0]}
    with pytest.raises(
        MomentAhead,
        match=r"features were requested for 2024-05-01T12:05:00\.000001Z, and it is "
        r"2024-05-01T12:00:00Z",
    ):
        at_noon.get_online_features(["takings"], keys=[{"shop": "A"}], at=NOON + 5 * MINUTE + 1)


def test_a_read_says_why_there_is_no_value_if_it_is_asked(at_noon):
    keys = [{"shop": shop} for shop in ("Café 東京 ☕", "elsewhere", None)]
    told = at_noon.get_online_features(["takings"], keys=keys, reasons=True)
    assert told.columns == {"shop__sales__1h": [0, 0, 0]}
    assert told.reasons == {"takings.shop": ["no fact in the window", "unknown key", "null key"]}
    assert at_noon.get_online_features(["takings"], keys=keys).reasons == {}


def test_a_file_is_taken_by_its_path_as_text_too(workspace, tmp_path: Path):
    (tmp_path / "more.csv").write_text(
        "sale,shop,at,amount\n1,A,2024-05-01T09:00:00Z,2.5\n2,A,not a time,2.5\n"
    )
    report = workspace.ingest("sales", str(tmp_path / "more.csv"), history=True)
    assert report.accepted == 1
    assert sum(report.quarantined.values()) == 1
    with pytest.raises(FileMissing):
        workspace.ingest("sales", str(tmp_path / "gone.csv"))


def test_a_file_of_corrections_corrects(workspace, tmp_path: Path):
    pl.DataFrame([sale("1"), sale("2")]).write_csv(tmp_path / "sales.csv")
    workspace.ingest("sales", tmp_path / "sales.csv")
    report = workspace.ingest("sales", tmp_path / "sales.csv", op="delete")
    assert (report.accepted, report.deleted) == (0, 2)


def test_the_journal_says_who_brought_which_records(workspace):
    workspace.writer("sales", actor=Actor("service:till")).write_rows([sale("1"), sale("2")])
    workspace.writer("sales", actor=Actor("service:till")).write_rows([sale("1")])
    (event,) = [
        recorded.event for recorded in workspace.runtime.state.iter_events(kind="rows.ingested")
    ]
    assert (event.actor, event.subject, event.facts["accepted"], event.facts["next_offset"]) == (
        "service:till",
        "source.sales",
        2,
        2,
    )


@pytest.mark.parametrize(
    "ask",
    [
        lambda ws: ws.ingest("sale", []),
        lambda ws: ws.get_online_features(["taking"], keys=[]),
        lambda ws: ws.run("x"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_those_that_are(workspace, ask):
    with pytest.raises(UnknownAsset, match="there is"):
        ask(workspace)


@pytest.mark.parametrize("target", ["dev", "staging"])
def test_nothing_can_be_promoted_from_an_empty_environment_or_to_itself(workspace, target):
    with pytest.raises(NothingToPromote):
        workspace.promote(target)


def test_a_plan_explains_itself_as_the_command_line_does(workspace):
    assert workspace.explain(workspace.plan()).startswith(
        "Plan for memory → dev, which holds nothing"
    )


@pytest.fixture
def answering():
    """A workspace whose endpoint answers."""
    workspace = ms.Workspace.in_memory([ms.Endpoint("late", model=late)])
    hours = [(hour, f"2024-05-0{1 + hour // 24}T{hour % 24:02}:30:00Z") for hour in range(96)]
    rows = [
        sale(
            f"№ {hour}", shop="aab"[hour % 3], at=at, amount=2.0 * (hour % 3 == 1 or hour % 5 == 0)
        )
        for hour, at in hours
    ]
    workspace.ingest("sales", rows, history=True)
    assert workspace.apply().moved
    return workspace


def test_of_a_model_and_its_endpoint_with_one_name_lineage_takes_the_endpoint(answering):
    assert answering.lineage("late").asset == "endpoint.late"


def test_one_row_is_answered_and_one_prediction_replayed_without_a_list(answering):
    (prediction,) = answering.predict("late", {"shop": "a"})
    assert [replay.outcome for replay in answering.replay(prediction.id)] == ["identical"]


def test_a_prediction_has_a_trace_although_its_version_is_not_on_record_any_more(
    answering,
):
    (prediction,) = answering.predict("late", {"shop": "a"})
    answering.runtime.state.commit([Change("version_digest", prediction.version, None)], [])
    trace = answering.trace(prediction.id)
    assert (trace.replay.outcome, trace.digest, trace.trained_on) == (
        "not available",
        prediction.version,
        "not available",
    )


def test_a_prediction_has_a_trace_although_the_card_of_its_training_set_is_gone(answering):
    (prediction,) = answering.predict("late", {"shop": "a"})
    version = read_version(answering.runtime.state, prediction.version)
    kept = MemoryObjects()
    for digest in set(answering.runtime.objects.iter_digests()) - {version.card}:
        kept.write(answering.runtime.objects.read(digest))
    without = Workspace(
        answering.project, replace(answering.runtime, objects=kept), environment="dev", folder=None
    )
    assert without.trace(prediction.id).trained_on.startswith("not available: ENG-002")


def test_a_long_first_ingest_into_memory_is_not_taken_for_a_lost_state() -> None:
    log = Workspace.in_memory([SALES]).runtime.log
    assert isinstance(log, WatchedLog)
    log.append_packed("raw", [PackedRecord("1", 0, b"", b"")], on_disk=False)
    assert log.watch.check() is None
