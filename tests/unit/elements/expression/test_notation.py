"""Expressions and aggregates are written as users write them, and read from what describes them."""

import math

import pytest

from mainspring.elements.expression import Aggregation, Expr, col, count, days, lit, timestamp, when
from mainspring.elements.expression.notation import (
    parse_expression,
    render_aggregation,
    render_node,
)
from mainspring.elements.schema import DType

x, s, t = col("x"), col("s"), col("t")


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        (x // 7 % 3 + x**0.5, '((col("x") // 7) % 3) + (col("x") ** 0.5)'),
        (x.abs().floor(), 'col("x").abs().floor()'),
        ((-x).ceil(), '(-col("x")).ceil()'),
        ((x + 1).round(2), '(col("x") + 1).round(2)'),
        (x.clip(-30, None), 'col("x").clip(-30, none)'),
        (x.log1p().sin(), 'col("x").log1p().sin()'),
        (x.is_not_null(), '~col("x").is_null()'),
        (x.fill_null(x - 1), 'col("x").fill_null(col("x") - 1)'),
        (x.cast(DType.STRING), 'col("x").cast(string)'),
        ((x > 1) & ~(s == "a"), '(col("x") > 1) & ~(col("s") == "a")'),
        (s.is_in(["a", "b"]), 'col("s").is_in([a, b])'),
        (when(x > 1).then(True).otherwise(None), 'when(col("x") > 1).then(true).otherwise(none)'),
        (x.clip(None, math.inf) == math.nan, 'col("x").clip(none, inf) == nan'),
        (s.hash(), 'col("s").hash()'),
        (s.bucket(64), 'col("s").bucket(64)'),
        (s.str.to_lowercase().str.len_chars(), 'col("s").str.to_lowercase().str.len_chars()'),
        (s.str.to_uppercase(), 'col("s").str.to_uppercase()'),
        (s.str.contains('"'), 'col("s").str.contains("\\"")'),
        (s.str.starts_with("é"), 'col("s").str.starts_with("é")'),
        (s.str.slice(-3), 'col("s").str.slice(-3)'),
        (s.str.slice(0, 2), 'col("s").str.slice(0, 2)'),
        (s.str.strip_chars(), 'col("s").str.strip_chars()'),
        (s.str.strip_chars_end("-"), 'col("s").str.strip_chars_end("-")'),
        (t - timestamp("2013-01-01") > days(1), '(col("t") - 2013-01-01T00:00:00Z) > 24h'),
        (
            t.dt.convert_time_zone("Europe/Berlin").dt.week(),
            'col("t").dt.convert_time_zone(Europe/Berlin).dt.week()',
        ),
        (lit("a"), '"a"'),
    ],
)
def test_an_operation_is_rendered_as_it_is_written(expression: Expr, written: str) -> None:
    assert render_node(expression.node) == written


@pytest.mark.parametrize(
    ("aggregation", "written"),
    [
        (count(), "count()"),
        (count(where=col("a") > 1), 'count(where=col("a") > 1)'),
        ((col("a") - 1).mean(), '(col("a") - 1).mean()'),
        (col("a").top_k(3), 'col("a").top_k(3)'),
        (col("a").quantiles([0.5, 0.9]), 'col("a").quantiles([0.5, 0.9])'),
        (
            col("a").histogram([1, 2.5], where=col("b")),
            'col("a").histogram([1, 2.5], where=col("b"))',
        ),
        (col("a").value_counts(["x", "y"]), 'col("a").value_counts(["x", "y"])'),
        (col("a").value_counts([True]), 'col("a").value_counts([True])'),
        (col("a").count_distinct(limit=9), 'col("a").count_distinct(limit=9, beyond="saturate")'),
        (col("a").ewma(half_life="90m"), 'col("a").ewma(half_life="90m")'),
    ],
)
def test_an_aggregate_is_rendered_as_it_is_written(aggregation: Aggregation, written: str) -> None:
    assert render_aggregation(aggregation) == written


@pytest.mark.parametrize(
    "described",
    [
        "Column",
        {"is": "Entity", "name": "plane"},
        {"is": "Column", "name": "x", "since": "2.0"},
        {"is": "Negate", "operand": {"is": "Cosh", "operand": {"is": "Column", "name": "x"}}},
    ],
)
def test_what_is_no_expression_of_this_version_is_not_parsed(described: object) -> None:
    assert parse_expression(described) is None
