"""A small shop whose model predicts, and files of requests about it."""

from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl

import mainspring as ms
from mainspring import col

SALES = ms.Source(
    "sales",
    id="sale",
    event_time="at",
    contract=ms.Contract(
        sale=ms.String(),
        shop=ms.String(),
        at=ms.Timestamp(),
        amount=ms.Float64(),
        bags=ms.Int64(nullable=True),
    ),
)
TAKINGS = ms.FeatureView(
    "takings",
    source=SALES,
    entities=[ms.Entity("shop")],
    windows=["2h", "1d"],
    features={"sales": ms.count(), "amount": col("amount").mean()},
)
FORM = ms.OnDemandFeatureView("form", features={"bags": col("bags"), "hour": col("at").dt.hour()})
ASKED = ms.TrainingSet(
    "asked",
    spine=SALES,
    prediction_time=col("at"),
    request=["shop", "bags", "at"],
    label=ms.Label(SALES, col("amount") > 50, join_on="sale"),
    features=[FORM, TAKINGS],
    split=ms.split_by_time(
        train_from="2024-05-01", test_from="2024-05-09", test_until="2024-05-12"
    ),
)


@ms.model(ASKED)
def dear(train, run):
    shape = {"objective": "binary", "num_leaves": 7, "min_data_in_leaf": 5, "seed": run.seed}
    shape |= {"num_threads": 1, "deterministic": True, "verbose": -1}
    return lgb.train(shape, lgb.Dataset(train.X, train.y), num_boost_round=8)


DECLARED = [SALES, TAKINGS, FORM, ASKED, dear, ms.Endpoint("dear", model=dear)]


def sales(rows: int = 600) -> pl.DataFrame:
    """Sales of ten days."""
    draw = np.random.default_rng(3)
    start = 1_714_521_600_000_000
    return pl.DataFrame(
        {
            "sale": [f"s{row}" for row in range(rows)],
            "shop": draw.choice(["a", "b", "c"], rows),
            "at": pl.Series(start + np.sort(draw.integers(0, 10 * 86_400, rows)) * 1_000_000).cast(
                pl.Datetime("us", "UTC")
            ),
            "amount": draw.uniform(0, 100, rows).round(2),
            "bags": draw.integers(0, 9, rows),
        }
    )


def opened() -> ms.Workspace:
    """The shop in memory, with its model deployed."""
    workspace = ms.Workspace.in_memory(DECLARED)
    workspace.ingest("sales", sales(), history=True)
    workspace.apply()
    return workspace


def requests(rows: int = 100) -> pl.DataFrame:
    """Rows to be answered, each at a time of its own, of which some shops are not known."""
    frame = sales(rows).select("shop", "bags", "at").with_row_index("n").cast({"n": pl.Int64})
    shop = pl.when(pl.col("n") % 17 == 0).then(pl.lit("new")).otherwise("shop").alias("shop")
    return frame.with_columns(shop, pl.col("at").alias("prediction_time"))


def written(frame: pl.DataFrame, path: Path) -> Path:
    """The rows in a file by its suffix."""
    texts = frame.with_columns(pl.selectors.datetime().dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
    match path.suffix:
        case ".csv":
            texts.write_csv(path)
        case ".parquet":
            frame.write_parquet(path)
        case _:
            texts.write_ndjson(path)
    return path
