"""The values of facts are the same 64 bits whether they are computed by rows, as for a few facts,
or by columns, as for many.
"""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from mainspring.elements.expression import col
from mainspring.elements.schema import DType, Schema
from mainspring.features.physical import evaluate_values
from mainspring.features.spec import Entity, FeatureView
from mainspring.features.view import compile_view
from mainspring.sources.spec import Source

SCHEMA = Schema.of(
    id=DType.STRING,
    at=DType.TIMESTAMP,
    city=DType.STRING,
    x=DType.FLOAT64,
    n=DType.INT64,
    ok=DType.BOOLEAN,
)
SPOKEN = {
    "a": (col("x") / col("n")).sum(),
    "b": col("x").clip(-1, 1).last(),
    "c": (col("n") * 3 - 1).max(),
    "d": (col("x") > col("n")).mean(),
    "e": (col("ok") | (col("n") == 2)).sum(),
    "f": col("city").last(),
    "g": col("at").max(),
    "h": col("city").approx_count_distinct(),
    "i": col("city").value_counts(["é", "a"]),
    "j": col("city").min(where=col("ok")),
}
VIEW = compile_view(
    FeatureView(
        "v",
        source=Source("s", id="id", event_time="at"),
        entities=[Entity("city")],
        windows=["1h"],
        features=SPOKEN,
    ),
    SCHEMA,
    shard="v",
)
floats = st.sampled_from(
    [0.0, -0.0, 1.5, -2.25, 1e308, 5e-324, float("inf"), float("-inf"), float("nan"), None]
)
texts = st.none() | st.text(max_size=2) | st.sampled_from(["é", "a", "z", "\uffff", "\U0001f600"])
rows_of_source = st.tuples(
    st.integers(0, 2**52), texts, floats, st.none() | st.integers(-3, 3), st.none() | st.booleans()
)


@given(st.lists(rows_of_source, min_size=1, max_size=20))
def test_a_few_facts_evaluate_to_the_same_bits_as_many(rows):
    schema = {"at": pl.Int64, "city": pl.String, "x": pl.Float64, "n": pl.Int64, "ok": pl.Boolean}
    few = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.col("at").cast(pl.Datetime("us", "UTC"))
    )
    many = pl.concat([few] * 70)
    by_rows, by_columns = evaluate_values(VIEW, few), evaluate_values(VIEW, many)
    assert by_rows.bits.tolist() == by_columns.bits[:, : few.height].tolist()
    assert by_rows.valid.tolist() == by_columns.valid[:, : few.height].tolist()
    assert texts_of(by_rows) == {
        index: texts[: few.height] for index, texts in texts_of(by_columns).items()
    }


def texts_of(patterns):
    """The text of every fact, by column."""
    known = {index: texts.to_list() for index, texts in patterns.texts.items()}
    places = {
        index: zip(patterns.bits[index].tolist(), patterns.valid[index].tolist(), strict=True)
        for index in known
    }
    return {
        index: [texts[place] if present else None for place, present in places[index]]
        for index, texts in known.items()
    }
