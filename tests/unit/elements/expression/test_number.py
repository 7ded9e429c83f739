"""Numbers where Python raises, IEEE 754 answers and users wonder."""

import math

import pytest

from mainspring.elements.expression.number import (
    ELEMENTARY,
    ceil,
    floor,
    floor_divide,
    int_of_text,
    modulo,
    power,
    round_to,
)


def same(left: float, right: float) -> bool:
    """Equal with the sign of a zero; NaN is NaN."""
    return (
        math.isnan(left)
        if math.isnan(right)
        else left == right and math.copysign(1, left) == math.copysign(1, right)
    )


@pytest.mark.parametrize(
    ("function", "number", "expected"),
    [
        ("exp", 710.0, math.inf),
        ("exp", -math.inf, 0.0),
        ("log", 0.0, -math.inf),
        ("log", -1.0, math.nan),
        ("log", math.nan, math.nan),
        ("log10", 1000.0, 3.0),
        ("log10", -0.0, -math.inf),
        ("log1p", -1.0, -math.inf),
        ("log1p", -1.5, math.nan),
        ("log1p", 1e-20, 1e-20),
        ("sqrt", -0.0, -0.0),
        ("sqrt", -1.0, math.nan),
        ("sin", math.inf, math.nan),
        ("cos", 0.0, 1.0),
        ("cos", -math.inf, math.nan),
    ],
)
def test_an_elementary_function_is_defined_on_every_float(
    function: str, number: float, expected: float
) -> None:
    assert same(ELEMENTARY[function](number), expected)


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


def test_whole_division_rounds_down_and_leaves_what_has_the_divisors_sign() -> None:
    assert [
        (floor_divide(a, b), modulo(a, b)) for a, b in [(7, 3), (-7, 3), (7, -3), (-7, -3), (7, 0)]
    ] == [(2, 1), (-3, 2), (-3, -2), (2, -1), (None, None)]


def test_a_number_written_with_thousands_of_digits_is_read_or_refused_like_any_other() -> None:
    assert int_of_text("-" + "0" * 9_000 + "7") == -7
    assert int_of_text("9" * 9_000) is None
