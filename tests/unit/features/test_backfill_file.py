"""A file of questions is answered in pieces as it would be at once, and the answer appears whole or
not at all.
"""

import json
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from click.testing import CliRunner

import mainspring as ms
from mainspring import col
from mainspring.app.cli import command_line
from mainspring.features.errors import FormatCannotHold, SpineUnusable
from mainspring.features.history.answer_file import write_answer_file
from mainspring.features.history.file import backfill_file
from mainspring.features.requested import parse_requested

SALES = ms.Source(
    "sales",
    id="sale",
    event_time="at",
    contract=ms.Contract(sale=ms.Int64(), shop=ms.String(), at=ms.Timestamp(), amount=ms.Float64()),
)
SHOP = ms.Entity("shop")
TAKINGS = ms.FeatureView(
    "takings",
    source=SALES,
    entities=[SHOP],
    windows=["1h"],
    features={"amount": col("amount").sum()},
)
NEWEST = ms.FeatureView("newest", source=SALES, entities=[SHOP], features=ms.latest("amount"))
AMOUNTS = ms.FeatureView(
    "amounts",
    source=SALES,
    entities=[SHOP],
    windows=["2h"],
    features={
        "listed": col("amount").last_k(2),
        "since": col("amount").time_since_last(),
        "odds": (1.0 / col("amount")).last(),
        "all_odds": (1.0 / col("amount")).last_k(2),
    },
)
VIEWS = ["takings", "newest"]
SPINE = pl.DataFrame(
    {
        "shop": ["ab"[row % 2] for row in range(10)],
        "prediction_time": [f"2024-05-01T{row + 9:02}:15:00Z" for row in range(10)],
        "note": [f"row {row}" for row in range(10)],
    }
)


@pytest.fixture
def workspace():
    workspace = ms.Workspace.in_memory([TAKINGS, NEWEST, AMOUNTS])
    at = [f"2024-05-01T{hour:02}:00:00Z" for hour in range(8, 20)]
    workspace.ingest(
        "sales",
        [
            {"sale": place, "shop": "ab"[place % 2], "at": moment, "amount": place / 8}
            for place, moment in enumerate(at)
        ],
        history=True,
    )
    return workspace


@pytest.fixture
def answered(workspace, tmp_path: Path):
    """Answers this spine in pieces of so many rows; the file, and what was told meanwhile."""

    def answered(spine: Path, out: str, rows: int = 4, names: list[str] = VIEWS):
        told: list[tuple[str, int, int]] = []
        requested = parse_requested(names, workspace.reader.views_of)
        report = backfill_file(
            requested,
            spine,
            tmp_path / out,
            reader=workspace.history,
            progress=lambda *more: told.append(more),
            rows_at_once=rows,
        )
        return report, told

    return answered


@pytest.mark.parametrize(
    ("suffix", "write"),
    [("parquet", "write_parquet"), ("csv", "write_csv"), ("jsonl", "write_ndjson")],
)
def test_pieces_give_what_the_whole_gives_in_every_format(
    workspace, answered, tmp_path: Path, suffix, write
):
    getattr(SPINE, write)(tmp_path / f"spine.{suffix}")
    report, told = answered(tmp_path / f"spine.{suffix}", "out.parquet")
    whole = workspace.get_historical_features(VIEWS, spine=SPINE)
    assert pl.read_parquet(tmp_path / "out.parquet").equals(whole)
    assert (report.rows, list(report.columns)) == (10, whole.columns)
    for view in VIEWS:
        done = [rows for name, rows, of in told if (name, of) == (view, 10)]
        assert done == sorted(done)
        assert done[-1] == 10


@pytest.mark.parametrize(
    ("out", "read"), [("out.csv", pl.read_csv), ("out.ndjson", pl.read_ndjson)]
)
def test_the_answer_is_written_in_the_format_of_its_suffix(
    workspace, answered, tmp_path: Path, out, read
):
    SPINE.write_parquet(tmp_path / "spine.parquet")
    answered(tmp_path / "spine.parquet", out)
    assert read(tmp_path / out).equals(workspace.get_historical_features(VIEWS, spine=SPINE))


def test_a_format_that_cannot_hold_a_column_is_refused_before_anything_is_computed(
    answered, tmp_path: Path
):
    SPINE.write_parquet(tmp_path / "spine.parquet")
    SPINE.with_columns(raw=pl.lit(b"x")).write_parquet(tmp_path / "bytes.parquet")
    for spine, names, out, column in (
        ("spine", ["amounts"], "out.csv", "shop__listed__2h"),
        ("bytes", VIEWS, "out.csv", "raw"),
        ("bytes", VIEWS, "out.jsonl", "raw"),
    ):
        with pytest.raises(FormatCannotHold, match=rf"FEA-060 {out} cannot hold {column}"):
            answered(tmp_path / f"{spine}.parquet", out, names=names)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bytes.parquet", "spine.parquet"]


@pytest.mark.parametrize("nested", [[b"x"], {"inner": b"x"}, {"inner": [b"x"]}])
def test_bytes_inside_another_type_are_refused_before_anything_is_computed(
    answered, tmp_path: Path, nested
):
    frame = SPINE.with_columns(pl.Series("raw", [nested] * SPINE.height))
    frame.write_parquet(tmp_path / "spine.parquet")
    for out in ("out.jsonl", "out.csv"):
        with pytest.raises(FormatCannotHold, match=rf"FEA-060 {out} cannot hold raw"):
            answered(tmp_path / "spine.parquet", out)
    answered(tmp_path / "spine.parquet", "out.parquet")


def test_lengths_of_time_are_iso_8601_in_text_formats(workspace, tmp_path: Path):
    parts = tmp_path / "0.parquet"
    lengths = [timedelta(hours=1, minutes=30), timedelta(microseconds=-1), None]
    pl.DataFrame({"since": lengths}).write_parquet(parts)
    told = {}
    for suffix in ("csv", "jsonl"):
        write_answer_file([parts], tmp_path / f"out.{suffix}", folder=tmp_path)
        told[suffix] = (tmp_path / f"out.{suffix}").read_text().splitlines()
    assert told["csv"] == ["since", "PT1H30M", "-PT0.000001S", ""]
    assert told["jsonl"] == [
        '{"since":"PT1H30M"}',
        '{"since":"-PT0.000001S"}',
        '{"since":null}',
    ]


def test_json_lines_say_which_numbers_are_infinite(answered, tmp_path: Path):
    asked = SPINE.filter(pl.col("prediction_time") < "2024-05-01T12")
    asked.write_parquet(tmp_path / "spine.parquet")
    answered(tmp_path / "spine.parquet", "out.jsonl", rows=2, names=["amounts"])
    first, second, third = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert (first["shop__odds__2h"], first["shop__all_odds__2h"]) == ("Infinity", ["Infinity"])
    assert (second["note"], second["shop__odds__2h"]) == ("row 1", 8.0)
    assert (third["shop__odds__2h"], third["shop__all_odds__2h"]) == (4.0, [4.0])


def test_what_is_no_finite_number_is_text_in_json_lines_beside_all_else(tmp_path: Path):
    part, text = tmp_path / "0.parquet", "ä\n\u2028\x85"
    numbers = [1.5, float("inf"), float("nan"), None]
    rows = {"n": [1, 2, 3, 4], "x": numbers, "xs": [numbers, [], None, [2.0]], "t": [text] * 4}
    pl.DataFrame(rows).write_parquet(part)
    write_answer_file([part, part], tmp_path / "out.jsonl", folder=tmp_path)
    *lines, last = (tmp_path / "out.jsonl").read_text().split("\n")
    told = list(map(json.loads, lines))
    assert (told[:4], last) == (told[4:], "")
    assert [line["x"] for line in told[:4]] == [1.5, "Infinity", "NaN", None]
    assert [line["xs"] for line in told[:2]] == [[1.5, "Infinity", "NaN", None], []]
    assert [(line["n"], line["t"]) for line in told[:4]] == [(n, text) for n in (1, 2, 3, 4)]


def test_what_is_no_finite_number_is_text_however_deep_it_lies(tmp_path: Path):
    part, strange = tmp_path / "0.parquet", float("-inf")
    frame = pl.DataFrame(
        {
            "struct": [{"a": 1.0, "t": "x"}, {"a": strange, "t": "y"}, None],
            "lists": [[[1.0], None], [[2.0, strange], []], [None]],
            "structs": [[{"a": 1.0}], [{"a": 2.0}, {"a": strange}], []],
            "array": pl.Series([[1.0, 2.0], [3.0, strange], None], dtype=pl.Array(pl.Float64, 2)),
        }
    )
    for name in frame.columns:
        frame.select(name).write_parquet(part)
        write_answer_file([part], tmp_path / "out.jsonl", folder=tmp_path)
        told = [
            json.loads(line)[name] for line in (tmp_path / "out.jsonl").read_text().splitlines()
        ]
        expected = json.loads(
            str(frame[name].to_list())
            .translate(str.maketrans("'", '"'))
            .replace("-inf", '"-Infinity"')
            .replace("None", "null")
        )
        assert told == expected


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path):
    part, out = tmp_path / "0.parquet", tmp_path / "out.csv"
    pl.DataFrame({"xs": [[1]]}).write_parquet(part)
    out.write_text("before")
    with TemporaryDirectory(dir=tmp_path) as folder, pytest.raises(pl.exceptions.ComputeError):
        write_answer_file([part], out, folder=Path(folder))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.parquet", "out.csv"]
    assert out.read_text() == "before"


def test_a_spine_without_rows_gives_an_answer_with_columns_and_none(answered, tmp_path: Path):
    SPINE.head(0).write_parquet(tmp_path / "spine.parquet")
    report, _ = answered(tmp_path / "spine.parquet", "out.parquet")
    assert (report.rows, pl.read_parquet(tmp_path / "out.parquet").columns) == (
        0,
        [*SPINE.columns, "shop__amount__1h", "shop__amount"],
    )


@pytest.mark.parametrize(
    "spine",
    [
        SPINE.drop("prediction_time"),
        SPINE.with_columns(prediction_time=pl.lit("noon")),
        SPINE.with_columns(shop=pl.lit(b"A")),
    ],
)
def test_a_spine_that_cannot_be_asked_leaves_nothing_behind(answered, tmp_path: Path, spine):
    spine.write_parquet(tmp_path / "spine.parquet")
    with pytest.raises(SpineUnusable):
        answered(tmp_path / "spine.parquet", "out.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["spine.parquet"]


@pytest.mark.parametrize(
    "write",
    [lambda path: None, lambda path: path.write_bytes(b"PAR1, not really"), partial(Path.mkdir)],
    ids=["absent", "damaged", "folder"],
)
def test_a_file_that_cannot_be_read_is_named(answered, tmp_path: Path, write):
    write(tmp_path / "spine.parquet")
    with pytest.raises(SpineUnusable, match=r"cannot be read from .*spine\.parquet"):
        answered(tmp_path / "spine.parquet", "out.parquet")


def test_keys_of_text_stay_text_in_a_csv_file(answered, tmp_path: Path):
    SPINE.with_columns(shop=pl.lit("007")).write_csv(tmp_path / "spine.csv")
    report, _ = answered(tmp_path / "spine.csv", "out.csv")
    assert report.rows == SPINE.height


def test_a_folder_that_is_not_there_is_named(answered, tmp_path: Path):
    SPINE.write_csv(tmp_path / "spine.csv")
    with pytest.raises(SpineUnusable, match=r"there is no folder .*nowhere for the answer"):
        answered(tmp_path / "spine.csv", "nowhere/out.csv")


def test_an_unknown_format_is_misuse(tmp_path: Path):
    answer = CliRunner().invoke(
        command_line, ["backfill", "takings", "--spine", "spine.txt", "--out", "out.csv"]
    )
    assert answer.exit_code == 2
    assert "has none of the suffixes" in answer.output


def test_what_a_spine_carries_along_comes_out_as_it_was_written(answered, tmp_path: Path):
    (tmp_path / "spine.csv").write_text(
        "shop,prediction_time,voucher,when\nA,2024-05-01T12:30Z,0042,1.50\n"
    )
    answered(tmp_path / "spine.csv", "out.csv")
    first = (tmp_path / "out.csv").read_text().splitlines()[1]
    assert first.split(",")[:4] == ["A", "2024-05-01T12:30Z", "0042", "1.50"]
