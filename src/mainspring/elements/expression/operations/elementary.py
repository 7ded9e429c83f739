"""Elementary functions of a number: exponential, logarithms, root, sine and cosine.

They go through `math`, value by value, in both evaluators, and so do powers.  NumPy's vectorised
ones were rejected: on a processor with AVX-512 they differ from the C library's in the last bit on
up to 4 % of values (exp, log10, log1p), and on another processor they are other functions again.
Polars calls the C library today, but nothing holds it to that.  One implementation costs 0.1 µs a
value and cannot disagree with itself.

Python's functions raise where IEEE 754 has an answer (the logarithm of nothing, an exponential
beyond the range); these answer.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from mainspring.elements.expression.readings.notation import Written
from mainspring.elements.expression.readings.rows import Register, RowReading
from mainspring.elements.expression.readings.types import NUMBERS, TypeReading
from mainspring.elements.expression.tree import Node
from mainspring.elements.schema import DType

if TYPE_CHECKING:
    import polars as pl

    from mainspring.elements.expression.readings.columns import ColumnReading

__all__ = ["ELEMENTARY", "Elementary", "ElementaryName"]

ElementaryName = OneOf["exp", "log", "log10", "log1p", "sqrt", "sin", "cos"]


@dataclass(frozen=True)
class Elementary(Node):
    """An elementary function of a number: a float, NaN outside of its domain, infinity at a pole or
    above the range of floats.
    """

    operand: Node
    function: ElementaryName

    def typing(self, reading: TypeReading) -> DType | None:
        [operand] = reading.operands
        return reading.only(self.function, operand, NUMBERS) and DType.FLOAT64

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        [operand] = reading.operands
        value = reading.brought(operand, DType.FLOAT64)
        # The root is exact by IEEE 754 wherever it is computed; the others need one implementation.
        if self.function == "sqrt":
            return value.sqrt()
        return reading.each(ELEMENTARY[self.function], value)

    def row(self, reading: RowReading) -> Register:
        [operand] = reading.operands
        value = reading.brought(operand, DType.FLOAT64)
        return reading.of_present(ELEMENTARY[self.function], value)

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        return operands[0].method(self.function)


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
