"""Floats told apart by their bits, as far as a user sees them."""

import math


def same(left: float, right: float) -> bool:
    """Equal with the sign of a zero; NaN is NaN."""
    return (
        math.isnan(left)
        if math.isnan(right)
        else left == right and math.copysign(1, left) == math.copysign(1, right)
    )
