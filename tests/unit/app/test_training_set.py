"""A training set and a model in a program of their user: the rows that were trained on, the bytes
that serve, and on-demand features of a spine as training computed them.
"""

from pathlib import Path

import polars as pl
import pytest

import mainspring as ms
from mainspring.app.workspace import Workspace
from mainspring.datasets.predictions import parse_predictions
from mainspring.elements.errors import WrongArgument
from mainspring.features.errors import (
    FeatureNamedTwice,
    FeatureUnknown,
    MissingRequestField,
    SpineUnusable,
    WrongRequestType,
)
from mainspring.registry.errors import (
    ArtifactChanged,
    TrainingSetNotBuilt,
    UnknownAsset,
    UnknownVersion,
)
from mainspring.registry.read import read_object
from mainspring.serving.errors import FeaturesMissing
from tests.unit.project.desk import edited, write_desk

DERIVED = (
    'features={"words": col("words"), "many": col("words") > 50, '
    '"hour": col("opened_at").dt.hour()}'
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_desk(tmp_path_factory.mktemp("desk"))
    edited(folder, 'features={"words": col("words")}', DERIVED)
    ms.Workspace.open(folder).apply()
    return folder


@pytest.fixture
def workspace(desk: Path) -> Workspace:
    return ms.Workspace.open(desk)


def test_a_training_set_is_a_frame_of_rows_with_label_split_and_features(workspace: Workspace):
    found = workspace.training_set("history")
    rows = found.to_polars()
    assert rows.columns == [
        *("id", "prediction_time", "label", "label_known_at", "split"),
        *("team", "words", "opened_at", "many", "hour", "team__n__24h"),
    ]
    assert rows["prediction_time"].equals(rows["opened_at"], null_equal=True)
    assert found.feature_names == ("words", "many", "hour", "team__n__24h")
    assert (rows.height, found.card.rows) == (400, 400)
    parts = {part: found.to_polars(part).height for part in ("fit", "test")}
    assert parts == {"fit": found.card.fitted, "test": found.card.tested}


def test_it_is_the_build_that_the_environment_holds_and_names_itself(workspace: Workspace):
    found = workspace.training_set("history")
    assert found.digest == workspace.load_model("slow").version.training_set
    assert repr(found).startswith("<training set history ")
    assert "400 rows" in repr(found)


def test_a_training_set_that_is_not_applied_is_told_apart_from_one_that_is_not_there(
    tmp_path: Path,
):
    workspace = ms.Workspace.open(write_desk(tmp_path))
    with pytest.raises(TrainingSetNotBuilt, match="not built in dev"):
        workspace.training_set("history")
    with pytest.raises(UnknownAsset, match="history"):
        workspace.training_set("histories")


def test_it_is_read_where_the_projects_code_does_not_load_any_more(desk: Path, tmp_path: Path):
    workspace = ms.Workspace.open(desk)
    wanted = workspace.training_set("history").to_polars()
    text = (desk / "desk.py").read_text()
    try:
        (desk / "desk.py").write_text("import no_such_module\n")
        broken = ms.Workspace.open(desk)
        assert broken.training_set("history").to_polars().equals(wanted)
        assert broken.load_model("slow").feature_names == ("words", "many", "hour", "team__n__24h")
    finally:
        (desk / "desk.py").write_text(text)


def test_rows_that_were_changed_on_disk_are_refused(tmp_path: Path):
    workspace = ms.Workspace.open(write_desk(tmp_path))
    workspace.apply()
    digest = workspace.training_set("history").digest
    [stored] = (tmp_path / ".mainspring" / "objects").rglob(f"*{digest.removeprefix('sha256:')}*")
    stored.chmod(0o600)
    stored.write_bytes(stored.read_bytes()[:-1] + b"x")
    with pytest.raises(ArtifactChanged, match=r"training_set\.history"):
        workspace.training_set("history")


def test_a_loaded_model_scores_the_test_rows_as_when_it_was_tested(workspace: Workspace):
    model = workspace.load_model("slow")
    tested = workspace.training_set("history").to_polars("test")
    recorded = parse_predictions(
        read_object(workspace.runtime.objects, model.version, "predictions")
    )
    assert model.predict(tested).tobytes() == recorded.scores.tobytes()
    assert model.predict(tested.select(model.feature_names)).tobytes() == recorded.scores.tobytes()


def test_a_loaded_model_scores_as_the_endpoint_does(workspace: Workspace):
    row = {"team": "team1", "words": 7, "opened_at": "2024-01-17T09:00:00Z"}
    [served] = workspace.predict("slow", row)
    features = workspace.get_online_features(["ticket", "load"], keys=[row], at=served.at).columns
    frame = pl.DataFrame(features)
    assert workspace.load_model("slow").predict(frame).tolist() == [served.score]


def test_a_model_is_loaded_by_its_version_too(workspace: Workspace):
    held = workspace.load_model("slow")
    assert workspace.load_model("slow@v1").version == held.version
    assert workspace.load_model(held.version.digest[7:25]).version == held.version
    assert repr(held) == "<slow v1: probability from 4 features>"
    with pytest.raises(UnknownVersion):
        workspace.load_model("quick")


def test_features_that_a_frame_lacks_are_named(workspace: Workspace):
    with pytest.raises(FeaturesMissing, match="many, hour"):
        workspace.load_model("slow").predict(pl.DataFrame({"words": [1], "team__n__24h": [2]}))


def spine_of(workspace: Workspace) -> pl.DataFrame:
    rows = workspace.training_set("history").to_polars()
    return rows.select("prediction_time", "team", "words", "opened_at")


def test_on_demand_features_of_a_spine_are_those_of_the_training_set_bit_for_bit(
    workspace: Workspace,
):
    rows, spine = workspace.training_set("history").to_polars(), spine_of(workspace)
    found = workspace.get_historical_features(["ticket", "load"], spine=spine)
    names = ["words", "many", "hour", "team__n__24h"]
    assert found.select(names).equals(rows.select(names), null_equal=True)
    assert found.columns == ["prediction_time", "team", "opened_at", *names]


@pytest.mark.parametrize(
    "change",
    [
        pl.col("words").cast(pl.Int16),
        pl.col("opened_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        pl.col("opened_at").cast(pl.Datetime("ms", "Europe/Vienna")),
        pl.col("opened_at").dt.replace_time_zone(None),
    ],
)
def test_a_request_column_in_another_form_is_the_same_value(workspace: Workspace, change: pl.Expr):
    spine = spine_of(workspace)
    wanted = workspace.get_historical_features(["ticket"], spine=spine)
    found = workspace.get_historical_features(["ticket"], spine=spine.with_columns(change))
    assert found.select("words", "many", "hour").equals(wanted.select("words", "many", "hour"))


def test_a_request_column_that_is_missing_or_of_another_type_is_refused(workspace: Workspace):
    spine = spine_of(workspace)
    with pytest.raises(SpineUnusable, match="'words' is missing, which ticket reads"):
        workspace.get_historical_features(["ticket"], spine=spine.drop("words"))
    texts = spine.with_columns(words=pl.lit("few"))
    with pytest.raises(WrongRequestType, match="'few' is not of type int64"):
        workspace.get_historical_features(["ticket"], spine=texts)
    with pytest.raises(MissingRequestField, match="'words'"):
        workspace.get_online_features(["ticket"], keys=[{"opened_at": "2024-01-17T09:00:00Z"}])


def test_one_feature_is_asked_for_by_view_and_name_and_a_declaration_stands_for_its_name(
    workspace: Workspace,
):
    spine = spine_of(workspace)
    one = workspace.get_historical_features(["ticket:hour", "load:team__n__24h"], spine=spine)
    assert one.columns == [*spine.columns, "hour", "team__n__24h"]
    [load] = workspace.project.declarations.views
    [ticket] = workspace.project.declarations.on_demand_views
    both = workspace.get_historical_features([ticket, load], spine=spine)
    assert both.equals(workspace.get_historical_features(["ticket", "load"], spine=spine))
    keys = [{"team": "team1", "words": 7, "opened_at": "2024-01-17T09:00:00Z"}]
    online = workspace.get_online_features(["load", "ticket:many"], keys=keys).columns
    assert list(online) == ["team__n__24h", "many"]


def test_what_is_no_feature_is_refused_in_a_line(workspace: Workspace):
    spine = spine_of(workspace)
    with pytest.raises(UnknownAsset, match="load, ticket"):
        workspace.get_historical_features(["tickets"], spine=spine)
    with pytest.raises(FeatureUnknown, match="ticket:minute; there is: words, many, hour"):
        workspace.get_historical_features(["ticket:minute"], spine=spine)
    with pytest.raises(WrongArgument, match=r"features is \[3\]"):
        workspace.get_historical_features([3], spine=spine)
    with pytest.raises(FeatureNamedTwice, match="hour"):
        workspace.get_historical_features(["ticket", "ticket:hour"], spine=spine)


def test_a_file_of_requests_is_answered_with_on_demand_features(
    workspace: Workspace, tmp_path: Path
):
    spine = spine_of(workspace)
    spine.write_csv(tmp_path / "spine.csv")
    workspace.feature_views.backfill(
        ["ticket", "load"], spine=tmp_path / "spine.csv", out=tmp_path / "out.parquet"
    )
    names = ["words", "many", "hour", "team__n__24h"]
    wanted = workspace.get_historical_features(["ticket", "load"], spine=spine)
    assert pl.read_parquet(tmp_path / "out.parquet").select(names).equals(wanted.select(names))
