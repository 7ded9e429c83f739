"""A file of rows is answered row by row, in its order, as the endpoint would have at each time."""

import io
import json
import math

import msgspec
import polars as pl
import pytest
from click.testing import CliRunner

import mainspring as ms
from mainspring.app.cli.commands.answers import contribution_lines
from mainspring.app.cli.commands.batch import batch_lines
from mainspring.app.cli.output import colours_of
from mainspring.elements.time import parse_instant
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.s3.files import S3Files
from mainspring.serving.batch import (
    BatchInputUnusable,
    BatchOutputUnusable,
    BatchRowsRefused,
)
from mainspring.testing.servers import LocalServer
from tests.buckets import make_bucket
from tests.journeys.shop_batch import DECLARED, opened, requests, sales, written

FORMATS = ("csv", "parquet", "jsonl")
NOW = "2024-05-12T00:00:00Z"


@pytest.fixture(scope="module")
def shop() -> ms.Workspace:
    return opened()


def read(path) -> pl.DataFrame:
    match path.suffix:
        case ".csv":
            return pl.read_csv(path)
        case ".parquet":
            return pl.read_parquet(path)
        case _:
            return pl.read_ndjson(path, infer_schema_length=None)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("out", FORMATS)
def test_every_format_gives_the_same_scores_in_order(shop, tmp_path, suffix, out) -> None:
    source = written(requests(), tmp_path / f"in.{suffix}")
    report = shop.batch_predict("dear", source, tmp_path / f"out.{out}", rows_at_once=30)
    found, whole = read(tmp_path / f"out.{out}"), tmp_path / "whole.parquet"
    shop.batch_predict("dear", written(requests(), tmp_path / "w.parquet"), whole)
    assert report.rows == found.height == 100
    assert found["n"].cast(pl.Int64).to_list() == list(range(100))
    assert found["score"].to_list() == pl.read_parquet(whole)["score"].to_list()


def test_rows_are_answered_as_of_their_own_time(shop, tmp_path) -> None:
    frame = requests()
    features = shop.get_historical_features(["form", "takings"], spine=frame)
    wanted = shop.load_model("dear").predict(features)
    shop.batch_predict("dear", written(frame, tmp_path / "in.parquet"), tmp_path / "out.parquet")
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert found["score"].to_list() == wanted.tolist()
    assert found["predicted_at"].to_list() == frame["prediction_time"].to_list()
    unknown = found.filter(pl.col("shop") == "new")["missing_features"].unique().to_list()
    assert unknown == ["shop__amount__2h, shop__amount__24h"]


def test_without_a_time_rows_are_answered_as_a_request_is_now(tmp_path) -> None:
    clock = FrozenClock(parse_instant("2024-05-20T00:00:00Z"))
    workspace = ms.Workspace.in_memory(DECLARED, clock=clock)
    workspace.ingest("sales", sales(), history=True)
    workspace.apply()
    frame = requests().drop("prediction_time")
    answers = workspace.predict("dear", frame)
    written(frame, tmp_path / "in.parquet")
    report = workspace.batch_predict("dear", tmp_path / "in.parquet", tmp_path / "out.parquet")
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert found["score"].to_list() == [each.score for each in answers]
    said = "".join(batch_lines(report, colours_of(io.StringIO())))
    assert "all with what was known at 2024-05-20T00:00:00Z" in said


def test_bad_rows_keep_their_place_and_say_what_is_wrong(shop, tmp_path) -> None:
    frame = requests(6).with_columns(pl.col("bags").cast(pl.String))
    frame = frame.with_columns(
        bags=pl.when(pl.col("n") == 2).then(pl.lit("many")).otherwise("bags"),
        prediction_time=pl.when(pl.col("n") != 4).then("prediction_time"),
    )
    source = written(frame, tmp_path / "in.csv")
    report = shop.batch_predict("dear", source, tmp_path / "out.csv")
    found = pl.read_csv(tmp_path / "out.csv")
    assert report.bad == 2
    assert report.first_bad == (
        (2, "FEA-004 field 'bags': 'many' is not of type int64"),
        (4, "FEA-010 'prediction_time' is null"),
    )
    assert found["score"].is_null().to_list() == [False, False, True, False, True, False]
    assert found["error"].is_null().to_list() == [True, True, False, True, False, True]


def test_a_file_with_bad_rows_is_refused_where_that_was_chosen(shop, tmp_path) -> None:
    frame = requests(3).with_columns(pl.lit("many").alias("bags"))
    with pytest.raises(BatchRowsRefused, match=r"3 rows .* row 0: FEA-004"):
        shop.batch_predict(
            "dear", written(frame, tmp_path / "in.csv"), tmp_path / "out.csv", bad_rows="refuse"
        )
    assert not (tmp_path / "out.csv").exists()


def test_a_prediction_time_to_come_is_a_bad_row(shop, tmp_path) -> None:
    frame = requests(2).with_columns(prediction_time=pl.lit("2100-01-01T00:00:00Z"))
    report = shop.batch_predict("dear", written(frame, tmp_path / "in.csv"), tmp_path / "out.csv")
    assert [reason[:7] for _, reason in report.first_bad] == ["FEA-011", "FEA-011"]


def test_an_input_without_a_field_is_refused(shop, tmp_path) -> None:
    source = written(requests(3).drop("bags"), tmp_path / "in.csv")
    with pytest.raises(BatchInputUnusable, match=r"lacks bags; it has n, shop, at"):
        shop.batch_predict("dear", source, tmp_path / "out.csv")
    # Nothing was begun, so nothing is left.
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("in.csv", "shop,bags,at\na,1,2024-05-02\nb,1,2024-05-02,9\n", "line 3 has 4 fields"),
        ("in.jsonl", '{"shop": "a", "bags": 1, "at": "2024-05-02"}\n{"shop": \n', "line 2: "),
    ],
)
def test_a_broken_file_is_refused_by_its_line(shop, tmp_path, name, text, line) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BatchInputUnusable, match=line):
        shop.batch_predict("dear", tmp_path / name, tmp_path / "out.csv")


def test_an_output_is_replaced_only_if_asked(shop, tmp_path) -> None:
    source, out = written(requests(3), tmp_path / "in.csv"), tmp_path / "out.csv"
    out.write_text("mine")
    with pytest.raises(BatchOutputUnusable, match="exists already"):
        shop.batch_predict("dear", source, out)
    assert out.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]
    shop.batch_predict("dear", source, out, overwrite=True)
    assert pl.read_csv(out).height == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]
    assert out.stat().st_mode & 0o777 == 0o600


def test_an_input_of_no_rows_gives_an_output_of_no_rows(shop, tmp_path) -> None:
    source = written(requests(3).clear(), tmp_path / "in.parquet")
    report = shop.batch_predict("dear", source, tmp_path / "out.csv")
    assert report.rows == 0
    assert pl.read_csv(tmp_path / "out.csv").columns[:2] == ["n", "shop"]


def test_logged_predictions_replay_to_the_same_bytes_and_are_logged_once(tmp_path) -> None:
    shop = opened()
    source = written(requests(20), tmp_path / "in.parquet")
    for out in ("one.parquet", "two.parquet"):
        report = shop.batch_predict("dear", source, tmp_path / out, log=True, at=NOW)
        assert report.logged == 20
    ids = pl.read_parquet(tmp_path / "one.parquet")["prediction_id"].to_list()
    assert shop.latest_predictions(100) == ids
    assert {str(each.outcome) for each in shop.replay(ids)} == {"identical"}


def test_a_delta_table_is_read_and_written_as_files_are(shop, tmp_path) -> None:
    requests().write_delta(tmp_path / "asked")
    shop.batch_predict("dear", tmp_path / "asked", tmp_path / "answered", rows_at_once=30)
    shop.batch_predict("dear", tmp_path / "asked", tmp_path / "out.parquet")
    found = pl.read_delta(str(tmp_path / "answered")).sort("row")
    wanted = pl.read_parquet(tmp_path / "out.parquet")
    assert found.drop("row", "prediction_id").equals(wanted.drop("prediction_id"))
    with pytest.raises(BatchOutputUnusable, match="exists already"):
        shop.batch_predict("dear", tmp_path / "asked", tmp_path / "answered")
    again = shop.batch_predict("dear", tmp_path / "asked", tmp_path / "answered", overwrite=True)
    assert pl.read_delta(str(tmp_path / "answered")).height == again.rows == 100


def test_the_command_prints_a_report(tmp_path, monkeypatch) -> None:
    from mainspring.app.cli import command_line
    from mainspring.app.cli.create import create_project

    create_project(tmp_path / "shop", "deliveries")
    monkeypatch.chdir(tmp_path / "shop")
    ms.Workspace.open(".").apply()
    orders = pl.read_csv("data/orders.csv").head(50).with_columns(prediction_time="ordered_at")
    orders.write_csv(tmp_path / "in.csv")
    words = ["batch-predict", "late-delivery", str(tmp_path / "in.csv")]
    said = CliRunner().invoke(command_line, [*words, str(tmp_path / "out.jsonl"), "--json"])
    assert said.exit_code == 0, said.output
    assert json.loads(said.stdout)["rows"] == 50
    assert json.loads(said.stdout)["time_column"] == "prediction_time"
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 50


def test_replay_prints_what_each_feature_has_added() -> None:
    shop = opened()
    [answer] = shop.predict("dear", [{"shop": "a", "bags": 2, "at": NOW}])
    [found] = shop.explain_predictions(answer)
    lines = list(contribution_lines(found, colours_of(io.StringIO())))
    assert answer.id in lines[1]
    assert [line.split()[1] for line in lines[2:]] == list(found.contributions)
    assert [float(line.split()[0]) for line in lines[2:]] == pytest.approx(
        list(found.contributions.values()), abs=1e-4
    )


def test_contributions_add_up_to_the_raw_score_of_each_row(shop, tmp_path) -> None:
    source = written(requests(30), tmp_path / "in.parquet")
    shop.batch_predict("dear", source, tmp_path / "out.parquet", explain=True, rows_at_once=8)
    found = pl.read_parquet(tmp_path / "out.parquet")
    shares = found.select(pl.sum_horizontal("base_value", "^contribution_.*$").alias("sum"))["sum"]
    odds = 1 / (1 + (-found["raw_score"]).exp())
    assert (shares - found["raw_score"]).abs().max() < 1e-9
    assert (odds - found["score"]).abs().max() < 1e-9
    assert found["contribution_shop__amount__24h"].abs().max() > 0


def test_a_logged_prediction_is_explained_from_what_is_on_record(tmp_path) -> None:
    shop = opened()
    [answer] = shop.predict("dear", [{"shop": "a", "bags": 2, "at": NOW}])
    [found] = shop.explain_predictions(answer)
    assert found.score == answer.score
    assert list(found.values) == list(shop.load_model("dear").feature_names)
    assert found.base + sum(found.contributions.values()) == pytest.approx(found.raw, abs=1e-9)
    assert shop.explain_predictions([answer.id]) == [found]


@pytest.mark.parametrize("name", ["asked.csv", "asked.jsonl", "asked.parquet", "asked"])
def test_a_bucket_is_read_and_written_as_a_folder_is(
    shop, tmp_path, monkeypatch, moto_server: LocalServer, name: str
) -> None:
    bucket = make_bucket(moto_server)
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.endpoint)
    for setting in ("region", "access_key_id", "secret_access_key"):
        monkeypatch.setenv(f"AWS_{setting.upper()}", getattr(bucket, setting))
    if "." in name:
        path = written(requests(), tmp_path / name)
        S3Files(bucket).upload(path, f"{bucket.url}/{name}")
    else:
        requests().write_delta(f"{bucket.url}/{name}", storage_options=bucket.delta_options)
    out = f"{bucket.url}/answered{name.removeprefix('asked')}"
    report = shop.batch_predict("dear", f"{bucket.url}/{name}", out)
    assert report.rows == 100
    shop.batch_predict("dear", f"{bucket.url}/{name}", tmp_path / "here.parquet")
    shop.batch_predict("dear", out, tmp_path / "again.parquet", columns=["n"])
    names = [tmp_path / f"{each}.parquet" for each in ("here", "again")]
    # A table has no order.
    here, again = (pl.read_parquet(each).sort(pl.col("n").cast(pl.Int64)) for each in names)
    assert again["score"].to_list() == here["score"].to_list()


def test_an_answer_says_what_each_feature_has_added_where_that_is_asked_for(shop) -> None:
    rows = [{"shop": "a", "bags": 2, "at": NOW}, {"shop": "b", "bags": 9, "at": NOW}]
    for answer in shop.predict("dear", rows, explain=True):
        said = answer.explanation
        assert (said.method, said.exact, said.scale) == ("tree_shap", True, "log_odds")
        assert said.base + sum(said.contributions.values()) == pytest.approx(said.raw, abs=1e-9)
        assert 1 / (1 + math.exp(-said.raw)) == pytest.approx(answer.score, abs=1e-9)
        [on_record] = shop.explain_predictions(answer)
        assert on_record.contributions == said.contributions
    [plain] = shop.predict("dear", rows[0])
    assert plain.explanation is msgspec.UNSET


def test_a_batch_names_the_revision_that_requests_are_answered_by(shop, tmp_path) -> None:
    source = written(requests(3), tmp_path / "in.parquet")
    shop.batch_predict("dear", source, tmp_path / "out.parquet")
    [live] = shop.predict("dear", {"shop": "a", "bags": 2, "at": NOW})
    assert pl.read_parquet(tmp_path / "out.parquet")["revision"].unique().to_list() == [
        live.revision
    ]
    assert live.revision
