"""Hashes that never change: a model trained on buckets is served the same ones years later."""

from collections import Counter

import polars as pl
import pytest

from mainspring.elements.expression import col
from mainspring.elements.expression.columns import to_polars
from mainspring.elements.expression.operations.hashing import hash_of_int, hash_value
from mainspring.elements.expression.tree import Scalar
from mainspring.elements.schema import DType, Schema

KNOWN: list[tuple[Scalar, DType, int]] = [
    ("", DType.STRING, -5426141060434712860),
    ("LGA", DType.STRING, -6570138879727618864),
    ("Straße", DType.STRING, 1340604739583340350),
    (0, DType.INT64, 7682649345463337124),
    (1, DType.INT64, 7853632369848234827),
    (-(2**63), DType.INT64, -2612233680478122437),
    (False, DType.BOOLEAN, 4858430373736537523),
    (True, DType.BOOLEAN, -7450037851770264145),
    (0.0, DType.FLOAT64, -6964739056380443612),
    (1.0, DType.FLOAT64, -797656386001830117),
    (float("nan"), DType.FLOAT64, 8453466734716576686),
    (float("-inf"), DType.FLOAT64, 6373082348731708743),
    (1, DType.TIMESTAMP, -5510759488259641015),
    (1, DType.DURATION, -2731880474209688228),
]


@pytest.mark.parametrize(("value", "dtype", "expected"), KNOWN)
def test_the_hash_of_a_value_is_what_it_always_was(
    value: Scalar, dtype: DType, expected: int
) -> None:
    assert hash_value(value, dtype) == expected


def test_numbers_are_mixed_as_splitmix64_has_it_published() -> None:
    assert hash_of_int(0, 0x9E3779B97F4A7C15) % 2**64 == 0xE220A8397B1DCDAF


def test_both_zeros_have_one_hash() -> None:
    assert hash_value(-0.0, DType.FLOAT64) == hash_value(0.0, DType.FLOAT64)


def test_a_value_of_another_type_has_another_hash() -> None:
    hashes = [
        hash_value(value, dtype)
        for value, dtype in [
            (1, DType.INT64),
            (1.0, DType.FLOAT64),
            (True, DType.BOOLEAN),
            ("1", DType.STRING),
        ]
    ]
    assert len(set(hashes)) == 4


@pytest.mark.parametrize("dtype", [DType.INT64, DType.FLOAT64, DType.STRING])
def test_buckets_fill_evenly(dtype: DType) -> None:
    frame = pl.DataFrame({"k": range(64_000)}).select(
        pl.col("k").cast(
            {DType.INT64: pl.Int64, DType.FLOAT64: pl.Float64, DType.STRING: pl.String}[dtype]
        )
    )
    filled = Counter(
        frame.select(to_polars(col("k").bucket(64).node, Schema.of(k=dtype)))["k"].to_list()
    )
    assert sorted(filled) == list(range(64))
    assert 850 < min(filled.values()) < max(filled.values()) < 1150
