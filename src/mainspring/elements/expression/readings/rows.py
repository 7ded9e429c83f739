"""The reading that compiles an operation for one row: statements over local variables.

Equal statements are written once, so equal parts of an expression are computed once.  Only text
that Python's `repr` made of a column name or constant, and numbered variables, reach the source.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass

from mainspring.elements.expression.readings.types import Operand
from mainspring.elements.schema import DType

__all__ = ["RowCode", "RowOperand", "RowReading", "constant_text", "wrapped"]

_BUILTINS = {"float": float, "int": int, "bool": bool, "str": str, "abs": abs, "len": len}


@dataclass(frozen=True, kw_only=True)
class RowOperand(Operand):
    """An operand as the variable or constant that holds it; instants and durations are int64
    microseconds.
    """

    text: str


class RowCode:
    """The statements of the function so far, and the names that they use."""

    def __init__(self) -> None:
        self._variables: dict[str, str] = {}
        self._bound: dict[Hashable, str] = {}
        self.lines: list[str] = []
        # `repr` writes these two floats as names.
        self.names: dict[str, object] = {
            "nan": math.nan,
            "inf": math.inf,
            "__builtins__": _BUILTINS,
        }

    def let(self, expression: str) -> str:
        """The variable that holds the value of a Python expression."""
        if expression not in self._variables:
            self._variables[expression] = f"v{len(self._variables)}"
            self.lines.append(f"{self._variables[expression]} = {expression}")
        return self._variables[expression]

    def variable(self, value: str) -> str:
        """A value that may be asked whether it `is None`; Python warns of asking a constant."""
        return value if value.startswith("v") else self.let(value)

    def bind(self, value: Hashable) -> str:
        """The name under which the function can use an object."""
        if value not in self._bound:
            self._bound[value] = f"bound{len(self._bound)}"
            self.names[self._bound[value]] = value
        return self._bound[value]

    def call(self, function: Hashable, *arguments: str) -> str:
        """The expression that calls a function of ours."""
        return f"{self.bind(function)}({', '.join(arguments)})"

    def when_present(self, operands: tuple[str, ...], expression: str) -> str:
        """The variable that holds an expression, or None where one of its operands is None."""
        absent = " or ".join(
            f"{operand} is None"
            for operand in operands
            if operand.startswith("v") or operand == "None"
        )
        return self.let(f"None if {absent} else {expression}" if absent else expression)

    def brought(self, operand: RowOperand, dtype: DType) -> str:
        """The operand as another type: None takes it, a whole number becomes a float."""
        if operand.is_absent or operand.dtype == dtype:
            return operand.text
        return self.when_present((operand.text,), f"float({operand.text})")


@dataclass(frozen=True)
class RowReading:
    """One operation being compiled: the statements so far, its operands and its type."""

    code: RowCode
    operands: tuple[RowOperand, ...]
    dtype: DType


def constant_text(value: bool | int | float | str | None, dtype: DType) -> str:
    """A constant as Python reads it, negative ones in brackets.

    >>> constant_text(-1, DType.FLOAT64)
    '(-1.0)'
    """
    text = repr(float(value) if dtype is DType.FLOAT64 and value is not None else value)
    return f"({text})" if text.startswith("-") else text


def wrapped(expression: str) -> str:
    """Two's complement of 64 bits, as Polars' integers wrap."""
    return f"({expression} + {2**63} & {2**64 - 1}) - {2**63}"
