"""A number's function has the same bits alone and among any number of neighbours, wherever the
column begins in memory.
"""

import math
import random
import struct

import numpy as np
import polars as pl
import pytest

from mainspring.elements.expression import col
from mainspring.elements.expression.columns import to_polars
from mainspring.elements.expression.row import compile_row
from mainspring.elements.schema import DType, Schema

SCHEMA = Schema.of(x=DType.FLOAT64, y=DType.FLOAT64)
x, y = col("x"), col("y")
FUNCTIONS = {
    "abs": x.abs(),
    "ceil": x.ceil(),
    "cos": x.cos(),
    "divided": x / y,
    "divided by a constant": x / 3,
    "exp": x.exp(),
    "floor": x.floor(),
    "hash": x.hash(),
    "log": x.log(),
    "log10": x.log10(),
    "log1p": x.log1p(),
    "power": x**y,
    "power of a constant": 1.5**x,
    "rounded": x.round(),
    "rounded to 2": x.round(2),
    "rounded to 15": x.round(15),
    "sin": x.sin(),
    "sqrt": x.sqrt(),
    "times": x * y + 0.1,
}
SIGNALLING_NAN = struct.unpack("<d", bytes.fromhex("010000000000f07f"))[0]
EDGES = [
    SIGNALLING_NAN,
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1.5,
    2.5,
    -0.5,
    5e-324,
    1e308,
    -1e308,
    2.0**52,
    2.0**52 - 0.5,
    709.782712893384,
    709.79,
    math.inf,
    -math.inf,
    math.nan,
]


def numbers(count: int, seed: int) -> list[float]:
    """Edges first, then every exponent, then sizes that features have."""
    chance = random.Random(seed)
    wild = [
        struct.unpack("<d", struct.pack("<Q", chance.getrandbits(64)))[0] for _ in range(count // 3)
    ]
    tame = [round(chance.gauss(0, 100), chance.randint(0, 6)) for _ in range(count - len(wild))]
    values = EDGES + wild + tame
    chance.shuffle(values)
    return values[:count]


FRAME = pl.DataFrame({"x": numbers(3_000, 1), "y": numbers(3_000, 2)})


def bits(values: pl.Series) -> list[object]:
    """The bits of every value; all NaNs are one."""
    return (
        values
        if values.dtype == pl.Int64
        else pl.Series(np.where(values.is_nan(), np.nan, values).view(np.int64))
    ).to_list()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_columns_have_the_bits_of_the_row(function: str) -> None:
    columns = FRAME.select(value=to_polars(FUNCTIONS[function].node, SCHEMA))["value"]
    one_row = compile_row({"value": FUNCTIONS[function].node}, SCHEMA)
    rows = pl.Series(
        [one_row(row)["value"] for row in FRAME.iter_rows(named=True)], dtype=columns.dtype
    )
    assert bits(columns) == bits(rows)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_bits_do_not_depend_on_length_and_offset(function: str) -> None:
    expression = to_polars(FUNCTIONS[function].node, SCHEMA)
    whole = bits(FRAME.select(value=expression)["value"])
    for length in range(1, 101):
        part = FRAME.slice(7 * length, length).select(value=expression)["value"]
        assert bits(part) == whole[7 * length : 8 * length]


def test_nulls_stay_in_their_places() -> None:
    holed = FRAME.with_columns(pl.when(pl.int_range(pl.len()) % 3 > 0).then(pl.all()))
    for expression in FUNCTIONS.values():
        values = to_polars(expression.node, SCHEMA)
        expected = FRAME.select(value=values).with_columns(
            pl.when(holed["x"].is_not_null()).then(pl.col("value"))
        )
        assert holed.select(value=values).equals(expected)


def test_chunks_and_engines_change_nothing() -> None:
    chunked = pl.concat(
        [FRAME.slice(0, 7), FRAME.slice(7, 1), FRAME.slice(8)], rechunk=False
    ).lazy()
    expressions = {
        name: to_polars(expression.node, SCHEMA) for name, expression in FUNCTIONS.items()
    }
    assert (
        chunked.select(**expressions)
        .collect(engine="streaming")
        .equals(FRAME.select(**expressions))
    )


def test_every_function_of_nothing_is_nothing() -> None:
    assert (
        FRAME.clear()
        .select(
            **{name: to_polars(expression.node, SCHEMA) for name, expression in FUNCTIONS.items()}
        )
        .is_empty()
    )
