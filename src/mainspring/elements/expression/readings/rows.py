"""The reading that makes an operation a step of a program for one row.

A program is a list of closures over numbered registers: no source text is written, so nothing that
a stored expression says can become code.  Equal steps are kept once, so equal parts of an
expression are computed once.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Never, cast

from mainspring.elements.expression.readings.types import Operand
from mainspring.elements.schema import DType

__all__ = ["OfOne", "OfTwo", "Register", "RowOperand", "RowProgram", "RowReading", "Scalar"]

Scalar = bool | int | float | str

Register = int
"""The place of a value in the registers of a program."""

OfOne = Callable[[Never], Scalar | None]
"""A function of a value, which has the type that was inferred for its register."""

OfTwo = Callable[[Never, Never], Scalar | None]
OfThree = Callable[[Never, Never, Never], Scalar | None]

_Value = Scalar | None
_Registers = list[_Value]
_Step = Callable[[_Registers], None]


@dataclass(frozen=True, kw_only=True)
class RowOperand(Operand):
    """An operand as the register that holds it; instants and durations are int64 microseconds."""

    register: Register


class RowProgram:
    """The steps so far, and what the registers hold before the first of them."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Register] = {}
        self._start: _Registers = []
        self._columns: list[tuple[Register, str]] = []
        self._steps: list[_Step] = []

    def column(self, name: str) -> Register:
        """The register of a column of the row."""
        key = ("column", name)
        if key not in self._known:
            self._columns.append((self._new(key), name))
        return self._known[key]

    def constant(self, value: _Value, dtype: DType) -> Register:
        """The register of a constant."""
        given = float(value) if dtype is DType.FLOAT64 and value is not None else value
        # For Python, 1 equals true, and the two zeros each other.
        key = ("constant", dtype, repr(given))
        return self._known[key] if key in self._known else self._new(key, given)

    def step(self, key: Hashable, make: Callable[[Register], _Step]) -> Register:
        """The register that a step writes.

        Args:
            key: equal where the step does the same to the same registers.
            make: the step, from the register that it is to write.
        """
        if key not in self._known:
            self._steps.append(make(self._new(key)))
        return self._known[key]

    def function(
        self, names: Sequence[str], results: Sequence[Register]
    ) -> Callable[[Mapping[str, _Value]], dict[str, _Value]]:
        """The function of a row that takes all steps, and gives these registers by name."""
        start, columns, steps = self._start, tuple(self._columns), tuple(self._steps)
        named = tuple(zip(names, results, strict=True))

        def evaluate(row: Mapping[str, _Value]) -> dict[str, _Value]:
            registers = start.copy()
            for register, column in columns:
                registers[register] = row[column]
            for step in steps:
                step(registers)
            values = {}
            for name, register in named:
                values[name] = registers[register]
            return values

        return evaluate

    def _new(self, key: Hashable, value: _Value = None) -> Register:
        self._known[key] = len(self._start)
        self._start.append(value)
        return self._known[key]


@dataclass(frozen=True)
class RowReading:
    """One operation becoming steps: the program so far, its operands and its type.

    Args:
        operation: what it does, but for its operands: equal where the functions are the same.
    """

    program: RowProgram
    operands: tuple[RowOperand, ...]
    dtype: DType
    operation: Hashable
    _number: "count[int]" = field(default_factory=count)

    def of_present(self, function: OfOne | OfTwo, *inputs: Register) -> Register:
        """What a function makes of values, null where one of them is."""
        return self.program.step(self._key(inputs), partial(_present, function, inputs))

    def of_any(self, function: OfOne | OfTwo | OfThree, *inputs: Register) -> Register:
        """What a function makes of values, which may be None."""
        return self.program.step(self._key(inputs), partial(_any, function, inputs))

    def brought(self, operand: RowOperand, dtype: DType) -> Register:
        """The operand as another type: None takes it, a whole number becomes a float."""
        if operand.is_absent or operand.dtype == dtype:
            return operand.register
        inputs = (operand.register,)
        return self.program.step(("float", inputs), partial(_present, float, inputs))

    def _key(self, inputs: tuple[Register, ...]) -> Hashable:
        types = tuple(operand.dtype for operand in self.operands)
        return (self.operation, self.dtype, types, next(self._number), inputs)


def _present(function: OfOne | OfTwo, inputs: tuple[Register, ...], target: Register) -> _Step:
    if len(inputs) == 1:
        [only], of_one = inputs, cast("Callable[[Scalar], _Value]", function)

        def step(registers: _Registers) -> None:
            value = registers[only]
            registers[target] = None if value is None else of_one(value)

    else:
        [first, second], of_two = inputs, cast("Callable[[Scalar, Scalar], _Value]", function)

        def step(registers: _Registers) -> None:
            left, right = registers[first], registers[second]
            registers[target] = None if left is None or right is None else of_two(left, right)

    return step


def _any(
    function: OfOne | OfTwo | OfThree, inputs: tuple[Register, ...], target: Register
) -> _Step:
    of_any = cast("Callable[[*tuple[_Value, ...]], _Value]", function)
    match inputs:
        case [only]:

            def step(registers: _Registers) -> None:
                registers[target] = of_any(registers[only])

        case [first, second]:

            def step(registers: _Registers) -> None:
                registers[target] = of_any(registers[first], registers[second])

        case _:
            [first, second, third] = inputs

            def step(registers: _Registers) -> None:
                registers[target] = of_any(registers[first], registers[second], registers[third])

    return step
