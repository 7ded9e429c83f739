"""Feature sets: named features, as plans, maps, training sets and reads have them."""

from pathlib import Path

import polars as pl
import pytest

import mainspring as ms
from mainspring import col
from mainspring.app.workspace import Workspace
from mainspring.features.errors import FeatureNamedTwice, FeatureUnknown
from mainspring.project.errors import ProjectErrors
from mainspring.registry.errors import UnknownAsset
from tests.unit.project.desk import DECLARATIONS, edited, write_desk

SETS = """\
basics = ms.FeatureSet("basics", features=["ticket", load], owner="grace", tags=["desk"])
narrow = ms.FeatureSet("narrow", features=["load:team__n__unbounded", "ticket"])


def rows_of(name, features):
    return ms.TrainingSet(
        name,
        spine=tickets,
        prediction_time=col("opened_at"),
        request=["team", "words", "opened_at"],
        label=ms.Label(solved, col("minutes") > 30, join_on="n"),
        features=features,
        split=ms.split_by_time(
            train_from="2024-01-01", test_from="2024-01-12", test_until="2024-01-18"
        ),
    )


by_set, by_parts = rows_of("by_set", [basics]), rows_of("by_parts", [ticket, load])
by_some = rows_of("by_some", [narrow])
"""
AT = "2024-01-17T09:00:00Z"
KEYS = [{"team": f"team{n}", "words": n, "opened_at": AT} for n in range(3)]


def declared_with_sets() -> str:
    head = DECLARATIONS[: DECLARATIONS.index("history = ms.TrainingSet(")]
    wide = head.replace('features={"n": ms.count()}', 'features={"n": ms.count(), "most": MOST}')
    wide = wide.replace('windows=["1d"]', 'windows=["unbounded"]')
    return wide.replace("team = ms", 'MOST = col("words").max()\nteam = ms') + SETS


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_desk(tmp_path_factory.mktemp("sets"))
    (folder / "desk.py").write_text(declared_with_sets())
    ms.Workspace.open(folder).apply()
    return folder


@pytest.fixture
def workspace(desk: Path) -> Workspace:
    return ms.Workspace.open(desk)


def faults_of(*declared: object) -> list[str]:
    with pytest.raises(ProjectErrors) as refused:
        ms.Workspace.in_memory(declared)
    assert all("test_feature_sets.py" in str(fault.at) for fault in refused.value.faults)
    return [f"{fault.code} {fault.message}" for fault in refused.value.faults]


SHOP = ms.Entity("shop")
SALES = ms.Source(
    "sales",
    id="sale",
    event_time="at",
    contract=ms.Contract(sale=ms.Int64(), shop=ms.Int64(), at=ms.Timestamp(), amount=ms.Float64()),
)


def view(name: str, *features: str) -> ms.FeatureView:
    return ms.FeatureView(
        name,
        source=SALES,
        entities=[SHOP],
        windows=["1h"],
        features={feature: col("amount").sum() for feature in features},
    )


def test_a_training_set_on_a_set_has_the_rows_of_one_on_its_parts(workspace: Workspace):
    by_set, by_parts = (workspace.training_set(name) for name in ("by_set", "by_parts"))
    assert by_set.feature_names == ("words", "team__n__unbounded", "team__most__unbounded")
    assert by_set.digest == by_parts.digest
    assert by_set.to_polars().equals(by_parts.to_polars(), null_equal=True)


def test_a_set_may_have_some_features_of_a_view_in_its_own_order(workspace: Workspace):
    some = workspace.training_set("by_some")
    assert some.feature_names == ("team__n__unbounded", "words")
    whole = workspace.training_set("by_set").to_polars()
    names = [*some.feature_names]
    assert some.to_polars().select(names).equals(whole.select(names), null_equal=True)
    assert some.card.sets == ("narrow",)


def test_a_set_is_read_by_its_name_and_by_its_declaration(workspace: Workspace):
    parts = workspace.get_online_features(["ticket", "load"], keys=KEYS, at=AT)
    [basics, narrow] = workspace.project.declarations.feature_sets
    for asked in ("basics", ["basics"], basics):
        assert workspace.get_online_features(asked, keys=KEYS, at=AT).columns == parts.columns
    some = workspace.get_online_features(narrow, keys=KEYS, at=AT).columns
    assert some == {name: parts.columns[name] for name in ("team__n__unbounded", "words")}
    spine = pl.DataFrame(KEYS).with_columns(prediction_time=pl.lit(AT))
    wanted = workspace.get_historical_features(["ticket", "load"], spine=spine)
    assert workspace.get_historical_features("basics", spine=spine).equals(wanted)
    one = workspace.get_historical_features("basics:team__n__unbounded", spine=spine)
    assert one.columns == [*spine.columns, "team__n__unbounded"]


def test_a_set_is_read_where_the_projects_code_does_not_load_any_more(desk: Path):
    wanted = ms.Workspace.open(desk).get_online_features("basics", keys=KEYS, at=AT).columns
    text = (desk / "desk.py").read_text()
    try:
        (desk / "desk.py").write_text("import no_such_module\n")
        broken = ms.Workspace.open(desk)
        assert broken.get_online_features("basics", keys=KEYS, at=AT).columns == wanted
    finally:
        (desk / "desk.py").write_text(text)


def test_a_file_of_questions_is_answered_by_a_set(workspace: Workspace, tmp_path: Path):
    spine = pl.DataFrame(KEYS).with_columns(prediction_time=pl.lit(AT))
    spine.write_csv(tmp_path / "spine.csv")
    asked = {"spine": tmp_path / "spine.csv", "out": tmp_path / "out.parquet"}
    workspace.feature_views.backfill("narrow", **asked)
    wanted = workspace.get_historical_features("narrow", spine=spine)
    names = ["team__n__unbounded", "words"]
    assert pl.read_parquet(tmp_path / "out.parquet").select(names).equals(wanted.select(names))


def test_a_feature_that_a_set_does_not_have_and_one_asked_twice_are_refused(workspace: Workspace):
    with pytest.raises(
        FeatureUnknown, match="narrow:team__most__unbounded; there is: team__n__unbounded"
    ):
        workspace.get_online_features("narrow:team__most__unbounded", keys=KEYS)
    with pytest.raises(FeatureNamedTwice, match="team__n__unbounded"):
        workspace.get_online_features(["basics", "load:team__n__unbounded"], keys=KEYS)
    with pytest.raises(UnknownAsset, match="basics, load, narrow, ticket"):
        workspace.get_online_features("basic", keys=KEYS)


def test_a_set_stands_in_lineage_and_status(workspace: Workspace):
    lines = workspace.lineage("by_set").lines()
    assert any("feature_set.basics" in line and "owner grace" in line for line in lines)
    assert any("view.load" in line for line in lines)
    shown = {each.name: each for each in workspace.status().feature_sets}
    assert (shown["basics"].features, shown["basics"].notes.owner) == (3, "grace")
    assert shown["narrow"].views == ("load", "ticket")


def test_an_edited_set_is_built_with_what_is_made_of_it_and_no_view(tmp_path: Path):
    write_desk(tmp_path)
    (tmp_path / "desk.py").write_text(declared_with_sets())
    workspace = ms.Workspace.open(tmp_path)
    workspace.apply()
    edited(tmp_path, 'owner="grace"', 'owner="ada"')
    assert ms.Workspace.open(tmp_path).plan().is_empty
    some, whole = '["load:team__n__unbounded", "ticket"]', "[load]"
    edited(tmp_path, f"features={some}", f"features={whole}")
    plan = ms.Workspace.open(tmp_path).plan()
    changes = {each.asset: each.change for each in plan.changes}
    assert changes == {
        "feature_set.narrow": "changed",
        "training_set.by_some": "changed_indirectly",
    }
    told = workspace.explain(plan)
    assert "load:team__n__unbounded, ticket → load" in told
    edited(tmp_path, '"narrow", features', '"slim", renamed_from="narrow", features')
    edited(tmp_path, f"features={whole})", f"features={some})")
    renamed = ms.Workspace.open(tmp_path)
    assert {each.asset: each.change for each in renamed.plan().changes} == {
        "feature_set.slim": "renamed"
    }
    renamed.apply()
    assert renamed.get_online_features("slim", keys=KEYS, at=AT).columns
    with pytest.raises(UnknownAsset):
        renamed.get_online_features("narrow", keys=KEYS, at=AT)


def test_mistakes_are_told_at_the_line_of_the_set():
    load = view("load", "n", "m")
    assert faults_of(load, ms.FeatureSet("s", features=["lod"])) == [
        "PRJ-120 feature set s names view 'lod', which is not declared; there is load"
    ]
    assert faults_of(load, ms.FeatureSet("s", features=["load:shop__x__1h"])) == [
        "PRJ-121 feature set s: there is no feature load:shop__x__1h"
    ]
    [twice] = faults_of(load, ms.FeatureSet("s", features=[load, "load:shop__n__1h"]))
    assert twice.startswith("PRJ-122 feature set s: feature shop__n__1h comes from both load and")
    assert faults_of(load, ms.FeatureSet("load", features=[load])) == [
        "PRJ-124 feature set load has the name of a view"
    ]
    [empty] = faults_of(ms.FeatureSet("s", features=[]))
    assert "feature set s" in empty
    assert "it has no features" in empty


def test_two_views_with_one_column_cannot_be_in_one_set_nor_beside_it():
    first, second = view("first", "n", "m"), view("second", "n")
    [fault] = faults_of(ms.FeatureSet("s", features=["first:shop__m__1h", second]), first)
    assert "shop__n__1h comes from both first and second" in fault
    alone = ms.FeatureSet("s", features=[first])
    with pytest.raises(ProjectErrors) as refused:
        ms.Workspace.in_memory(
            [
                ms.TrainingSet(
                    "t",
                    spine=SALES,
                    prediction_time=col("at"),
                    request=["shop"],
                    label=ms.Label(SALES, col("amount") > 1, join_on="sale"),
                    features=[alone, second],
                    split=ms.split_by_time(
                        train_from="2024-05-01", test_from="2024-05-03", test_until="2024-05-05"
                    ),
                )
            ]
        )
    assert [fault.code for fault in refused.value.faults] == ["PRJ-041"]


def test_a_set_cannot_hold_a_set_so_none_goes_round_in_a_circle():
    load = view("load", "n")
    for name in ("b", "a"):
        sets = [ms.FeatureSet("a", features=[name]), ms.FeatureSet("b", features=[load])]
        assert faults_of(*sets) == [f"PRJ-123 feature set a names feature set {name}"]
    with pytest.raises(TypeError, match="cannot be part of another"):
        ms.FeatureSet("c", features=[sets[1]])
    with pytest.raises(TypeError, match="is no view"):
        ms.FeatureSet("c", features=[3])
