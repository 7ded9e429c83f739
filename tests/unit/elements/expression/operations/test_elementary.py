"""Elementary functions where Python raises, IEEE 754 answers and users wonder."""

import math

import pytest

from mainspring.elements.expression.operations.elementary import ELEMENTARY
from tests.unit.elements.expression.floats import same


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
