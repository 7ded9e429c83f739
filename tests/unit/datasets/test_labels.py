"""Which values are labels."""

import polars as pl

from mainspring.datasets.labels import join_outcomes, revisions_of
from mainspring.datasets.spec import Label
from mainspring.elements.expression import col
from mainspring.elements.schema import DType, Schema
from mainspring.sources.spec import Source

TRUTH = Source("truth", id="n", event_time="at")
SCHEMA = Schema.of(n=DType.INT64, at=DType.TIMESTAMP, y=DType.FLOAT64)
VALUES = [0.5, -1.0, 0.0, None, 4.0]


def test_a_label_that_is_no_finite_number_is_none() -> None:
    facts = pl.DataFrame(
        {"n": range(5), "y": VALUES, "_id": map(str, range(5)), "_event_time": 0, "_at": 1}
    )
    rows = pl.DataFrame({"n": range(5), "_prediction_time": 0})
    for value, expected in (
        (col("y").log(), [True, False, False, False, True]),
        (1.0 / col("y"), [True, True, False, False, True]),
    ):
        label = Label(TRUTH, value, join_on="n")
        revisions = revisions_of(
            label, facts, SCHEMA, visible_from="_at", stands=pl.lit(value=True)
        )
        joined = join_outcomes(rows, revisions, on=["n"], horizon=None, now=2)
        assert joined["_label"].is_not_null().to_list() == expected
        assert joined["_label_known_at"].is_not_null().to_list() == expected
