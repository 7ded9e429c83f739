"""Functions of one or two numbers as expressions mean them: total, and the same wherever they are
called.

Python's arithmetic raises where IEEE 754 has an answer (a division by zero, the logarithm of
nothing, an exponential beyond the range); these answer.

Elementary functions and powers go through `math`, value by value, in both evaluators.  NumPy's
vectorised ones were rejected: on a processor with AVX-512 they differ from the C library's in the
last bit on up to 4 % of values (exp, log10, log1p), and on another processor they are other
functions again. Polars calls the C library today, but nothing holds it to that.  One implementation
costs 0.1 µs a value and cannot disagree with itself.
"""

import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from mainspring.elements.expression.infer import INT64_MAX, INT64_MIN
from mainspring.elements.expression.tree import ElementaryName

__all__ = [
    "ELEMENTARY",
    "WHOLE_FROM",
    "ceil",
    "divide",
    "float_of_text",
    "floor",
    "floor_divide",
    "int_of_float",
    "int_of_text",
    "modulo",
    "power",
    "round_to",
]

WHOLE_FROM = 2.0**52
"""From here on every float is a whole number."""

_WHOLE = re.compile(r"([+-]?)0*([0-9]+)")
_DIGITS_OF_64_BITS = 19
_REAL = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity|nan)", re.IGNORECASE
)


def divide(left: float, right: float) -> float:
    """The quotient as IEEE 754 has it: infinite over zero, NaN of zero over zero."""
    if right != 0.0:
        return left / right
    if left == 0.0 or left != left:
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def floor_divide(left: int, right: int) -> int | None:
    """The quotient rounded down, not yet wrapped to 64 bits; null over zero."""
    return left // right if right else None


def modulo(left: int, right: int) -> int | None:
    """What `floor_divide` leaves, with the sign of the divisor; null over zero."""
    return left % right if right else None


def power(number: float, exponent: float) -> float:
    """C's `pow`, infinite where it overflows or has a pole, NaN for a fractional power of a
    negative number.
    """
    try:
        return math.pow(number, exponent)
    except OverflowError:
        return _infinity_of(number, exponent)
    except ValueError:
        return _infinity_of(number, exponent) if number == 0.0 else math.nan


def floor(number: float) -> float:
    """The greatest whole number not above; NaN and infinities stay, and so does the sign of a
    zero.
    """
    return math.copysign(math.floor(number), number) if math.isfinite(number) else number


def ceil(number: float) -> float:
    """The least whole number not below; what is rounded up to zero from below is negative zero."""
    return math.copysign(math.ceil(number), number) if math.isfinite(number) else number


def round_to(number: float, scale: float) -> float:
    """The nearest multiple of 1 / scale, a power of ten: scaled, rounded with ties to even,
    divided.

    Unlike Python's `round` it does not look at the decimal digits of the number, because no
    vectorised rounding does.

    >>> round_to(2.5, 1.0), round_to(1234.5678, 100.0)
    (2.0, 1234.57)
    """
    scaled = number * scale
    return (
        math.copysign(round(scaled) / scale, number)
        if -WHOLE_FROM < scaled < WHOLE_FROM
        else number
    )


def int_of_float(number: float) -> int | None:
    """The whole part, if it has 64 bits."""
    return int(number) if -9223372036854775808.0 <= number < 9223372036854775808.0 else None


def int_of_text(text: str) -> int | None:
    """The whole number that a text of ASCII digits writes, if it has 64 bits."""
    written = _WHOLE.fullmatch(text)
    # Python refuses to read thousands of digits, so length is judged first.
    if written is None or len(written[2]) > _DIGITS_OF_64_BITS:
        return None
    value = int(written[1] + written[2])
    return value if INT64_MIN <= value <= INT64_MAX else None


def float_of_text(text: str) -> float | None:
    """The number that a text writes in ASCII digits, correctly rounded."""
    return float(text) if _REAL.fullmatch(text) else None


def _infinity_of(number: float, exponent: float) -> float:
    """The infinity that a power tends to: of the number's sign if the exponent is odd."""
    return math.copysign(math.inf, number) if math.fmod(exponent, 2.0) in (1.0, -1.0) else math.inf


def _exp(number: float) -> float:
    try:
        return math.exp(number)
    except OverflowError:
        return math.inf


def _log(number: float) -> float:
    if number > 0.0:
        return math.log(number)
    return -math.inf if number == 0.0 else math.nan


def _log10(number: float) -> float:
    if number > 0.0:
        return math.log10(number)
    return -math.inf if number == 0.0 else math.nan


def _log1p(number: float) -> float:
    if number > -1.0:
        return math.log1p(number)
    return -math.inf if number == -1.0 else math.nan


def _sqrt(number: float) -> float:
    return math.sqrt(number) if number >= 0.0 else math.nan


def _sin(number: float) -> float:
    return math.sin(number) if math.isfinite(number) else math.nan


def _cos(number: float) -> float:
    return math.cos(number) if math.isfinite(number) else math.nan


ELEMENTARY: Mapping[ElementaryName, Callable[[float], float]] = MappingProxyType(
    {
        "exp": _exp,
        "log": _log,
        "log10": _log10,
        "log1p": _log1p,
        "sqrt": _sqrt,
        "sin": _sin,
        "cos": _cos,
    }
)
"""Each elementary function, defined on every float."""
