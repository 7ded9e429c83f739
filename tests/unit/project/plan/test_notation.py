"""Expressions are told in the notation in which users write them."""

import pytest

from mainspring.elements.expression import Expr, col
from mainspring.project.loader.fingerprint import canonical_value
from mainspring.project.plan.notation import render_value

x, s, t = col("x"), col("s"), col("t")


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (x // 7 % 3 + x**0.5, '((col("x") // 7) % 3) + (col("x") ** 0.5)'),
        (x.abs().floor(), 'col("x").abs().floor()'),
        ((-x).ceil(), '(-col("x")).ceil()'),
        ((x + 1).round(2), '(col("x") + 1).round(2)'),
        (x.log1p().sin(), 'col("x").log1p().sin()'),
        (x.is_not_null(), '~col("x").is_null()'),
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
        (
            t.dt.convert_time_zone("Europe/Berlin").dt.week(),
            'col("t").dt.convert_time_zone(Europe/Berlin).dt.week()',
        ),
    ],
)
def test_an_operation_is_told_as_it_is_written(expression: Expr, said: str) -> None:
    assert render_value(canonical_value(expression.node)) == said
