"""Rounding: signs of zeros, ties and digits."""

import math

import pytest

from mainspring.elements.expression.operations.rounding import ceil, floor, round_to
from tests.unit.elements.expression.floats import same


@pytest.mark.parametrize(
    ("number", "down", "up"),
    [
        (-0.5, -1.0, -0.0),
        (0.5, 0.0, 1.0),
        (-0.0, -0.0, -0.0),
        (math.inf, math.inf, math.inf),
        (1e300, 1e300, 1e300),
    ],
)
def test_a_rounded_number_keeps_the_sign_of_its_zero(number: float, down: float, up: float) -> None:
    assert same(floor(number), down)
    assert same(ceil(number), up)


@pytest.mark.parametrize(
    ("number", "digits", "expected"),
    [
        (0.5, 0, 0.0),
        (1.5, 0, 2.0),
        (-0.5, 0, -0.0),
        (0.125, 2, 0.12),
        (2.675, 2, 2.68),
        (1e300, 15, 1e300),
        (math.nan, 2, math.nan),
        (-math.inf, 2, -math.inf),
    ],
)
def test_a_tie_goes_to_the_even_digit(number: float, digits: int, expected: float) -> None:
    assert same(round_to(number, 10.0**digits), expected)
