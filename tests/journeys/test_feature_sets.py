"""A feature set by name on the command line, wherever a view can be named."""

from pathlib import Path

import polars as pl
import pytest

from tests.journeys.lateness import call

PROJECT = """
import mainspring as ms
from mainspring import col

sales = ms.Source("sales", "sales.csv", id="sale", event_time="at",
    contract=ms.Contract(sale=ms.String(), shop=ms.String(), at=ms.Timestamp(),
                         amount=ms.Float64()))
shop = ms.Entity("shop")
takings = ms.FeatureView("takings", source=sales, entities=[shop], windows=["2h"],
    features={"n": ms.count(), "sum": col("amount").sum()})
newest = ms.FeatureView("newest", source=sales, entities=[shop], features=ms.latest("amount"))
money = ms.FeatureSet("money", features=["takings:shop__sum__2h", newest])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.py").write_text(PROJECT)
    (folder / "sales.csv").write_text(
        "sale,shop,at,amount\n1,a,2024-05-01T00:00:00Z,2.5\n2,a,2024-05-01T01:00:00Z,4.0\n"
    )
    (folder / "spine.csv").write_text("shop,prediction_time\na,2024-05-01T01:30:00Z\n")
    assert call(folder, ["apply"]).code == 0
    return folder


@pytest.mark.parametrize(
    ("words", "columns"),
    [
        (["money"], {"shop__sum__2h": 6.5, "shop__amount": 4.0}),
        (["takings:shop__n__2h"], {"shop__n__2h": 2}),
        (
            ["takings:shop__n__2h", "money"],
            {"shop__n__2h": 2, "shop__sum__2h": 6.5, "shop__amount": 4.0},
        ),
    ],
    ids=" ".join,
)
def test_a_backfill_computes_what_is_named(
    folder: Path, words: list[str], columns: dict[str, float]
) -> None:
    answer = call(folder, ["backfill", *words, "--spine", "spine.csv", "--out", "out.csv"])
    assert (answer.code, answer.err) == (0, "")
    [row] = pl.read_csv(folder / "out.csv").drop("shop", "prediction_time").to_dicts()
    assert row == columns
