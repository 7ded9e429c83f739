"""Columns of any name and type: what uses them works or is refused by name, and nothing else
stops.
"""

from pathlib import Path

import polars as pl
import pytest

import mainspring as ms
from mainspring import col
from mainspring.project.errors import ProjectErrors

AT = pl.Series("at", ["2024-05-01T10:00:00Z"] * 2)


def project(folder: Path, frame: pl.DataFrame, declared: str, contract: str = "") -> Path:
    frame.write_parquet(folder / "rows.parquet")
    (folder / "p.py").write_text(
        "import mainspring as ms\nfrom mainspring import col\n"
        'rows = ms.Source("rows", "rows.parquet", id="n", event_time="at",\n'
        f'    contract=ms.Contract(**{{"at": ms.Timestamp(), {contract}}}))\n'
        'shop = ms.Entity("shop")\n'
        f"{declared}\n"
    )
    return folder


def view(features: str) -> str:
    return (
        'v = ms.FeatureView("v", source=rows, entities=[shop], windows=["7d"], '
        f"features={{{features}}})"
    )


def test_names_that_differ_by_case_or_hold_anything_are_columns(tmp_path: Path) -> None:
    names = ["Amount", "amount", "unit price", "a.b", 'it\'s "quoted"', "Größe", "金額", "-x~", ""]
    frame = pl.DataFrame({"n": [1, 2], "at": AT, "shop": ["a", "b"]}).with_columns(
        pl.lit(place).alias(name) for place, name in enumerate(names)
    )
    sums = ", ".join(f'"f{place}": col({name!r}).sum()' for place, name in enumerate(names))
    latest = (
        'l = ms.FeatureView("l", source=rows, entities=[ms.Entity("last", join_keys=["shop"])], '
        f"features=ms.latest(*{names!r}))"
    )
    ws = ms.Workspace.open(project(tmp_path, frame, f"{view(sums)}\n{latest}"))
    ws.apply()
    spine = pl.DataFrame({"shop": ["a"], "prediction_time": ["2024-05-02"]})
    [found] = ws.get_historical_features(["v", "l"], spine=spine).to_dicts()
    for place, name in enumerate(names):
        assert (found[f"shop__f{place}__7d"], found[f"last__{name}"]) == (place, place)


OTHERS = pl.DataFrame(
    [
        pl.Series("n", [1, 2]),
        AT,
        pl.Series("shop", ["a", "b"]),
        pl.Series("x", [1.0, 2.0]),
        pl.Series("price", ["1.10", "2.20"]).cast(pl.Decimal(10, 2)),
        pl.Series("blob", [b"a", b"b"]),
        pl.Series("opens", ["09:30:00", "10:00:00"]).str.to_time(),
        pl.Series("big", [2**64 - 1, 7], dtype=pl.UInt64),
        pl.Series("vector", [[1.0, 2.0], [3.0, 4.0]]),
        pl.Series("tags", [["a"], ["b"]]),
        pl.Series("_hidden", [1, 2]),
    ]
)


def test_columns_of_other_types_stop_nothing_and_can_be_cast(tmp_path: Path) -> None:
    features = (
        '"price": col("price").cast(ms.Float64).sum(), "opens": col("opens").cast(ms.Int64).max(), '
        '"big": col("big").cast(ms.Float64).max(), "none": col("blob").is_null().any()'
    )
    ws = ms.Workspace.open(project(tmp_path, OTHERS, view(features), '"vector": ms.Vector(2)'))
    ws.apply()
    spine = pl.DataFrame({"shop": ["a"], "prediction_time": ["2024-05-02"]})
    assert ws.get_historical_features(["v"], spine=spine).drop(spine.columns).row(0) == (
        1.1,
        34_200_000_000,
        2.0**64,
        False,
    )
    assert ws.status().sources[0].rows == 2


@pytest.mark.parametrize(
    ("declared", "contract", "problem"),
    [
        (view('"s": col("price").sum()'), "", "is of type decimal"),
        (view('"s": col("vector").last()'), "", "the column 'vector' in an expression"),
        (view('"s": col("tags").last()'), "", "'tags' cannot be used: it is List(String)"),
        (view('"s": col("_hidden").sum()'), "", "'_hidden' cannot be used: its name is reserved"),
        (view('"s": (col("price") > col("price")).any()'), "", "decimal and decimal"),
        (
            'l = ms.FeatureView("l", source=rows, entities=[shop], features=ms.latest("blob"))',
            "",
            "column blob, latest of view l (source rows), is of type bytes",
        ),
        ("", '"tags": ms.String()', "'tags' (it is List(String), which no source stores)"),
        ("", '"x": ms.Timestamp("%H:%M")', "does not say the year, the month and the day"),
        ("", '"x": ms.Timestamp(zone="Wien")', "is not a time zone"),
        ("", '"x": ms.Float64(decimal=",", thousands=",")', "the same mark ','"),
        ("", '"price": ms.Decimal(30, 19)', "at most 18 decimals"),
        ("", '"x": ms.Timestamp("%d/%m/%Y %H:%M %Z")', "has %Z, of which nothing is read"),
        ("", '"x": ms.Float64(nulls=-999)', "nulls=-999 is no text; write '-999'"),
        ("", '"x": ms.Float64(nulls=("-", 0))', "nulls=0 is no text; write '0'"),
    ],
)
def test_what_a_column_cannot_be_used_for_is_refused_by_name(
    tmp_path: Path, declared: str, contract: str, problem: str
) -> None:
    with pytest.raises(ProjectErrors) as refused:
        ms.Workspace.open(project(tmp_path, OTHERS, declared, contract))
    assert problem in str(refused.value)


def test_a_row_that_breaks_a_decimal_or_a_vector_is_in_quarantine() -> None:
    contract = ms.Contract(
        n=ms.Int64(), at=ms.Timestamp(), price=ms.Decimal(5, 2), vector=ms.Vector(2)
    )
    source = ms.Source("rows", id="n", event_time="at", contract=contract)
    views = ms.FeatureView(
        "v",
        source=source,
        entities=[ms.Entity("n")],
        windows=["7d"],
        features={"price": col("price").cast(ms.Float64).sum()},
    )
    ws = ms.Workspace.in_memory([views])
    rows = [
        {"n": 1, "at": "2024-05-01", "price": "1.10", "vector": [1, 2]},
        {"n": 2, "at": "2024-05-01", "price": "1.101", "vector": [1, 2]},
        {"n": 3, "at": "2024-05-01", "price": 1234.5, "vector": [1, 2]},
        {"n": 4, "at": "2024-05-01", "price": 1, "vector": [1, 2, 3]},
        {"n": 5, "at": "2024-05-01", "price": "much", "vector": ["a"]},
    ]
    report = ws.ingest("rows", rows, history=True)
    assert (report.accepted, report.quarantined) == (
        1,
        {"digits:price": 2, "size:vector": 1, "type:price,type:vector": 1},
    )
