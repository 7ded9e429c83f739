"""Numbers in texts: the number that a text writes under a contract, and which texts are plainly a
number where nobody promised one.
"""

import math
import re
from decimal import Decimal, localcontext
from fractions import Fraction

from mainspring.elements.values.spelling import PLAIN, Spelling

__all__ = [
    "DECIMALS",
    "DECIMAL_DIGITS",
    "Number",
    "exact_decimal",
    "is_plain_real",
    "is_plain_whole",
    "real_of_text",
    "render_real",
    "whole_of",
    "whole_of_text",
]

Number = int | float | Decimal | Fraction

DECIMALS, DECIMAL_DIGITS = 18, 38
"""How many decimals a decimal number has, and how many digits in all."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SPECIAL = re.compile(r"[+-]?(?:inf|infinity|nan)", re.IGNORECASE)
_PLAIN_WHOLE = re.compile(r"0|-?[1-9][0-9]*")
# An exponent without a sign or a point before it is how people write codes, 12E5; programs write
# 1e+05 or 1.2E6.
_PLAIN_REAL = re.compile(
    r"-?(?:(?:0|[1-9][0-9]*)?\.[0-9]+(?:[eE][+-]?[0-9]+)?|(?:0|[1-9][0-9]*)(?:[eE][+-][0-9]+)?)"
)
_LONGEST_WHOLE = 40
_ALWAYS_EXACT = 15
_INT64 = range(-(2**63), 2**63)


def whole_of_text(text: str, spelling: Spelling = PLAIN) -> int | None:
    """The whole number that a text writes, also as 18.0 or 1.8e1; None for any other text.

    >>> whole_of_text("18.0"), whole_of_text("007"), whole_of_text("18.5")
    (18, 7, None)
    """
    written = _number_in(text, spelling)
    return None if written is None else whole_of(Decimal(written))


def real_of_text(text: str, spelling: Spelling = PLAIN) -> float | None:
    """The number of 64 bits that is nearest to what a text writes; None for a text that writes
    none, or one beyond all numbers of 64 bits.

    >>> real_of_text("1.234,5", Spelling(decimal=",", thousands="."))
    1234.5
    """
    if _SPECIAL.fullmatch(text.strip()):
        return float(text)
    written = _number_in(text, spelling)
    if written is None:
        return None
    value = float(written)
    return value if math.isfinite(value) else None


def exact_decimal(number: Number | str, spelling: Spelling = PLAIN) -> Decimal | None:
    """The number as a decimal of 38 digits, 18 of them decimals; None where it has none.

    >>> exact_decimal("0.10"), exact_decimal(0.1), exact_decimal("1e-19")
    (Decimal('0.100000000000000000'), Decimal('0.100000000000000000'), None)
    """
    if isinstance(number, str):
        written = _number_in(number, spelling)
        if written is None:
            return None
        value = Decimal(written)
    elif isinstance(number, Fraction):
        scaled = whole_of(number * 10**DECIMALS)
        if scaled is None:
            return None
        value = Decimal(f"{scaled}e-{DECIMALS}")
    else:
        # The shortest text of a float: whoever writes 0.1 means a tenth.
        value = Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
    if not value.is_finite() or value.adjusted() >= DECIMAL_DIGITS - DECIMALS:
        return None
    with localcontext() as context:
        context.prec = _LONGEST_WHOLE * 2
        fitted = value.quantize(Decimal(1).scaleb(-DECIMALS))
    if fitted != value:
        return None
    return fitted or abs(fitted)


def whole_of(number: Number) -> int | None:
    """The number, if it is whole; None for a decimal of more than forty digits.

    >>> whole_of(18.0), whole_of(18.5)
    (18, None)
    """
    match number:
        case int():
            return number
        case float():
            return int(number) if number.is_integer() else None
        case Fraction():
            return number.numerator if number.denominator == 1 else None
        case Decimal():
            if not number.is_finite() or number.adjusted() >= _LONGEST_WHOLE:
                return None
            return int(number) if number == number.to_integral_value() else None


def render_real(number: Number, spelling: Spelling = PLAIN) -> str:
    """The shortest text of a number, whole ones without decimals; `real_of_text` is the inverse.

    >>> render_real(18.0), render_real(0.5), render_real(1e300)
    ('18', '0.5', '1e+300')
    """
    whole = whole_of(number) if not isinstance(number, float) or abs(number) < 1e16 else None
    if whole is not None:
        return str(whole)
    text = _shortest_decimal(number) if isinstance(number, Decimal) else str(float(number))
    return text.replace(".", spelling.decimal)


def _shortest_decimal(number: Decimal) -> str:
    """As the float that is the same number writes it, if one is, and without zeros at the end."""
    as_float = str(float(number))
    if Decimal(as_float) == number:
        return as_float
    text = str(number)
    return text.rstrip("0").rstrip(".") if "." in text and "E" not in text else text


def is_plain_whole(text: str) -> bool:
    """Whether nobody would take the text for anything but a whole number of 64 bits.

    >>> [is_plain_whole(text) for text in ("501", "00501", "+5", "12345678901234567890")]
    [True, False, False, False]
    """
    return (
        _PLAIN_WHOLE.fullmatch(text) is not None
        and len(text) < _LONGEST_WHOLE
        and int(text) in _INT64
    )


def is_plain_real(text: str) -> bool:
    """Whether nobody would take the text for anything but a number, and a number of 64 bits holds
    every digit that it writes.

    >>> [is_plain_real(text) for text in ("0.5", "1e-05", "12E5", "1.123456789012345678901")]
    [True, True, False, False]
    """
    if _PLAIN_REAL.fullmatch(text) is None:
        return False
    written = Decimal(text)
    digits = len(written.as_tuple().digits)
    value = float(text)
    if digits <= _ALWAYS_EXACT and (value != 0 or not written):
        return math.isfinite(value)
    with localcontext() as context:
        # What is printed of a number with so many digits is that number again.
        context.prec = digits
        return math.isfinite(value) and +Decimal(value) == written


def _number_in(text: str, spelling: Spelling) -> str | None:
    """The text of a number as Python reads it."""
    text = text.strip()
    if spelling.thousands and spelling.thousands in text:
        head, mark, tail = text.partition(spelling.decimal)
        first, *groups = head.split(spelling.thousands)
        digits = first.lstrip("+-")
        if not 1 <= len(digits) <= 3 or any(len(g) != 3 or not g.isdigit() for g in groups):
            return None
        text = "".join([first, *groups, mark, tail])
    if spelling.decimal != ".":
        if "." in text:
            return None
        text = text.replace(spelling.decimal, ".", 1)
    return text if _NUMBER.fullmatch(text) else None
