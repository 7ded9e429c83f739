"""A declaration stands for its name wherever a name is asked for, and rows come in any form."""

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl
import pytest

import mainspring as ms
from mainspring.app.errors import NowhereOnDisk
from mainspring.elements.errors import MainspringError, NotAName, WrongArgument
from tests.journeys.lateness import PROJECT, make_project

pytestmark = pytest.mark.journey

SPINE = pl.DataFrame({"shop": ["a"], "prediction_time": ["2024-05-02"]})
KEYS = [{"shop": "a"}]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> ms.Workspace:
    return ms.Workspace.open(make_project(tmp_path_factory.mktemp("projects") / "shop"))


@pytest.fixture(scope="module")
def declared(workspace: ms.Workspace) -> Mapping[str, object]:
    names: dict[str, object] = {}
    exec(PROJECT, names)
    return names


NAMED: dict[str, tuple[str, str, Callable[[ms.Workspace, object], object]]] = {
    "history": (
        "takings",
        "takings",
        lambda w, view: w.get_historical_features([view], spine=SPINE).rows(),
    ),
    "history of one": (
        "takings",
        "takings",
        lambda w, view: w.get_historical_features(view, spine=SPINE).rows(),
    ),
    "online": (
        "takings",
        "takings",
        lambda w, view: w.get_online_features([view], keys=KEYS).columns,
    ),
    "show": ("takings", "takings", lambda w, view: w.feature_views.show(view).explanation),
    "stream": ("takings", "takings", lambda w, view: w.streams.once([view]).shards),
    "predict": ("late", "endpoint", lambda w, it: w.predict(it, {"shop": "a"})[0].score),
    "run": ("lateness", "lateness", lambda w, model: w.plan_run(model).work),
    "ingest": ("sales", "sales", lambda w, source: w.ingest(source, []).counts),
    "writer": ("sales", "sales", lambda w, source: w.writer(source).compiled.source.name),
    "source": ("sales", "sales", lambda w, source: w.source(source).name),
    "monitor": ("lateness-monitor", "monitor", lambda w, it: w.monitors.run(it).start),
}


@pytest.mark.parametrize("use", NAMED)
def test_a_declaration_is_as_good_as_its_name(
    use: str, workspace: ms.Workspace, declared: Mapping[str, object]
) -> None:
    name, variable, asked = NAMED[use]
    assert asked(workspace, declared[variable]) == asked(workspace, name)


@pytest.mark.parametrize("use", NAMED)
def test_what_is_neither_is_refused_in_a_line(use: str, workspace: ms.Workspace) -> None:
    for given in (3, object()):
        with pytest.raises((NotAName, WrongArgument)) as refused:
            NAMED[use][2](workspace, given)
        assert len(str(refused.value)) < 300


@pytest.mark.parametrize("use", NAMED)
def test_a_declaration_of_another_kind_is_refused_in_a_line(
    use: str, workspace: ms.Workspace, declared: Mapping[str, object]
) -> None:
    other = declared["takings"] if NAMED[use][0] != "takings" else declared["sales"]
    with pytest.raises(MainspringError) as refused:
        NAMED[use][2](workspace, other)
    assert len(str(refused.value)) < 300


def test_lineage_takes_the_asset_that_a_declaration_is(
    workspace: ms.Workspace, declared: Mapping[str, object]
) -> None:
    training_set = declared["late"]
    assert isinstance(training_set, ms.TrainingSet)
    assert workspace.lineage(training_set).asset == "training_set.late"


@pytest.mark.parametrize(
    "rows", [{"shop": "b"}, [{"shop": "b"}], pl.DataFrame({"shop": ["b"]})], ids=type
)
def test_a_prediction_is_asked_for_in_rows_of_any_form(
    rows: pl.DataFrame, workspace: ms.Workspace
) -> None:
    (prediction,) = workspace.predict("late", rows)
    (replayed,) = workspace.replay(prediction)
    assert replayed.outcome == "identical"
    assert workspace.trace(prediction).replay == replayed


def test_a_frame_of_pandas_is_taken_at_every_method(workspace: ms.Workspace) -> None:
    pandas = pytest.importorskip("pandas")
    keys = pandas.DataFrame({"shop": ["b", "a"]})
    assert len(workspace.predict("late", keys)) == 2
    spine = keys.assign(prediction_time="2024-05-02")
    asked = workspace.get_historical_features(["takings"], spine=spine)
    assert asked["shop"].to_list() == ["b", "a"]
    assert workspace.get_online_features(["takings"], keys=keys).columns
    sale = {"sale": "pandas", "shop": "a", "at": "2024-05-04T00:00:00Z", "amount": 1.0}
    assert workspace.ingest("sales", pandas.DataFrame([sale])).accepted == 1


def test_a_workspace_in_memory_says_that_it_has_no_server(tmp_path: Path) -> None:
    contract = ms.Contract(n=ms.Int64(), at=ms.Timestamp())
    workspace = ms.Workspace.in_memory(
        [ms.Source("events", id="n", event_time="at", contract=contract)]
    )
    for act in (workspace.token, workspace.serve):
        with pytest.raises(NowhereOnDisk, match="ACC-020"):
            act()


def test_a_source_without_path_and_contract_says_what_it_needs() -> None:
    with pytest.raises(MainspringError) as refused:
        ms.Workspace.in_memory(ms.Source("events", id="n", event_time="at"))
    assert "neither a path nor a contract" in str(refused.value)
