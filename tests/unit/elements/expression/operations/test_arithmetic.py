"""Powers and whole division on the numbers where Python raises."""

import math

import pytest

from mainspring.elements.expression.operations.arithmetic import floor_divide, modulo, power
from tests.unit.elements.expression.floats import same


@pytest.mark.parametrize(
    ("number", "exponent", "expected"),
    [
        (0.0, -1.0, math.inf),
        (-0.0, -3.0, -math.inf),
        (-0.0, -2.0, math.inf),
        (-2.0, 0.5, math.nan),
        (-1e308, 3.0, -math.inf),
        (-1e308, 2.0, math.inf),
        (math.nan, 0.0, 1.0),
        (-math.inf, -3.0, -0.0),
        (0.0, -math.inf, math.inf),
    ],
)
def test_a_power_is_what_c_says(number: float, exponent: float, expected: float) -> None:
    assert same(power(number, exponent), expected)


def test_whole_division_rounds_down_and_leaves_what_has_the_divisors_sign() -> None:
    assert [
        (floor_divide(a, b), modulo(a, b)) for a, b in [(7, 3), (-7, 3), (7, -3), (-7, -3), (7, 0)]
    ] == [(2, 1), (-3, 2), (-3, -2), (2, -1), (None, None)]
