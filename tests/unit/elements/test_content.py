"""The same row is the same row however it was spelled."""

import math

import polars as pl

from mainspring.elements.content import content_of_rows, legacy_content_of_rows, with_content
from mainspring.elements.schema import DType, Schema

SCHEMA = Schema.of(n=DType.INT64, name=DType.STRING, x=DType.FLOAT64, at=DType.TIMESTAMP)
ROW = {"n": 1, "name": "a", "x": 1.5, "at": 0}
STORED = {"n": pl.Int64, "name": pl.String, "x": pl.Float64, "at": pl.Datetime("us", "UTC")}


def content(schema: Schema = SCHEMA, **changes: object) -> bytes:
    rows = pl.DataFrame([ROW | changes], schema_overrides=STORED)
    digest: bytes = content_of_rows(rows, schema)[0]
    return digest


def test_the_order_of_columns_and_a_null_column_do_not_count() -> None:
    turned = Schema(tuple(reversed(SCHEMA.fields)))
    wider = Schema((*SCHEMA.fields, *Schema.of(more=DType.STRING)))
    assert content() == content(turned)
    with_null = pl.DataFrame([ROW | {"more": None}], schema_overrides=STORED | {"more": pl.String})
    assert content_of_rows(with_null, wider)[0] == content()


def test_every_value_counts_and_stays_in_its_column() -> None:
    rows = [
        content(),
        content(n=2),
        content(name="b"),
        content(name=None),
        content(x=-1.5),
        content(at=1),
        content(name="a;1:x=0"),
    ]
    assert len(set(rows)) == len(rows)


def test_there_is_one_zero_and_one_nan() -> None:
    assert content(x=0.0) == content(x=-0.0)
    assert content(x=math.nan) == content(x=-math.nan) != content(x=None)


def test_the_types_that_are_only_stored_count_too() -> None:
    schema = Schema.of(v=DType.LIST_FLOAT64, b=DType.BYTES, u=DType.UINT64, d=DType.DECIMAL)
    rows = pl.DataFrame(
        {
            "v": [[1.0, 2.0], [12.0], [1.0, 2.0]],
            "b": [b"a", b"a", b"b"],
            "u": pl.Series([2**64 - 1] * 3, dtype=pl.UInt64),
            "d": pl.Series(["1.5"] * 3).cast(pl.Decimal(38, 18)),
        }
    )
    assert content_of_rows(rows, schema).n_unique() == 3


def test_the_digest_of_release_0_1_is_that_of_its_json() -> None:
    rows = pl.DataFrame([ROW, ROW | {"x": math.inf}, ROW | {"x": None}], schema_overrides=STORED)
    digests = legacy_content_of_rows(rows, list(SCHEMA.names))
    assert [digest.hex() for digest in digests] == [
        "abe08f0bf4a89cf9f98f1c5dfb5bb22d",
        "7746802a1f792c26969088ea6ba74f52",
        "28c1ae6ce335331fcc509c40a07f6a4f",
    ]


def test_a_content_is_filled_in_where_it_is_null_and_asked_for() -> None:
    rows = pl.DataFrame([ROW, ROW | {"n": 2}, ROW | {"n": 3}], schema_overrides=STORED)
    records = rows.with_columns(_id=pl.lit("a"), _content=pl.Series([None, b"kept", None]))
    own = content_of_rows(rows, SCHEMA).to_list()
    assert with_content(records)["_content"].to_list() == [own[0], b"kept", own[2]]
    chosen = with_content(records, pl.Series([False, True, True]))
    assert chosen["_content"].to_list() == [None, b"kept", own[2]]
    assert with_content(records.head(0)).is_empty()
