"""What a tensor of the Open Inference Protocol says, as a matrix of doubles.

A value that its datatype cannot hold is refused and never made into another: 3,000,000,000 is no
INT32, 2 no BOOL, 1.5 no INT64, and null is a missing value only where there are NaNs to stand for
it.  A whole number must also survive in the datatype that the model takes; fractions are rounded to
the nearest, as they are wherever decimal digits become binary ones.
"""

import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mainspring.serving.errors import WrongTensor

__all__ = ["DATATYPES", "matrix_of_values"]

_WHOLE: Final[Mapping[str, range]] = {
    "BOOL": range(2),
    **{f"INT{bits}": range(-(2 ** (bits - 1)), 2 ** (bits - 1)) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": range(2**bits) for bits in (8, 16, 32, 64)},
}
_FLOATS: Final[Mapping[str, type[np.float32 | np.float64]]] = {
    "FP32": np.float32,
    "FP64": np.float64,
}
# Half a step above the greatest FP32: its own digits, 3.4028235e38, are greater than it is.
_LARGEST: Final = {"FP32": float.fromhex("0x1.fffffefffffffp127"), "FP64": sys.float_info.max}
DATATYPES: Final = (*_WHOLE, *_FLOATS)
"""Every datatype that JSON can say and a matrix of numbers can hold."""


def matrix_of_values(
    name: str,
    data: Sequence[object],
    columns: Sequence[object],
    *,
    rows: int,
    datatype: str,
    takes: str,
) -> NDArray[np.float64]:
    """The matrix, (rows, columns), of flat data in row order or of one list a row.

    Args:
        name: of the tensor, for errors; `columns` name its columns.
        datatype: of the tensor; one of `DATATYPES`.
        takes: what the model computes with, FP32 or FP64.

    Raises: WrongTensor SRV-007 for data of another shape, or a value that is none of its datatype.
    """
    flat = _flat(name, data, rows=rows, width=len(columns))
    # Doubles for doubles need no look at each.
    if datatype != "FP64" or takes != "FP64" or not set(map(type, flat)) <= {float, type(None)}:
        for place, value in enumerate(flat):
            if fault := _fault(value, datatype, takes):
                row, column = divmod(place, len(columns))
                raise WrongTensor(
                    tensor=name, reason=f"row {row}, column {columns[column]!r}: {fault}"
                )
    matrix = np.array(flat, dtype=np.float64).reshape(rows, len(columns))
    return matrix.astype(np.float32).astype(np.float64) if datatype == "FP32" else matrix


def _flat(name: str, data: Sequence[object], *, rows: int, width: int) -> Sequence[object]:
    """The values in row order.  Nesting is all or nothing: reading half a nesting would guess."""
    nested = [item for item in data if isinstance(item, list)]
    if not nested:
        if len(data) != rows * width:
            raise WrongTensor(
                tensor=name, reason=f"{len(data)} values do not fill shape [{rows}, {width}]"
            )
        return data
    if len(data) != rows or len(nested) != rows:
        raise WrongTensor(
            tensor=name, reason=f"data is neither {rows * width} values nor {rows} lists of {width}"
        )
    for row, values in enumerate(nested):
        if len(values) != width:
            raise WrongTensor(
                tensor=name, reason=f"row {row} has {len(values)} values, and the shape {width}"
            )
    return [value for values in nested for value in values]


def _fault(value: object, datatype: str, takes: str) -> str:
    """What is wrong with a value; empty where nothing is."""
    if value is None:
        return "" if datatype in _FLOATS else f"null is no {datatype}; a missing value needs FP64"
    if isinstance(value, bool):
        return "" if datatype == "BOOL" else f"{str(value).lower()} is no {datatype}"
    if not isinstance(value, int | float):
        return "it is neither a number nor null"
    if datatype in _WHOLE:
        if value != int(value) or int(value) not in _WHOLE[datatype]:
            return f"{value} is no {datatype}"
        is_taken = int(_FLOATS[takes](value)) == value
    elif not _holds(datatype, value):
        return f"{value} is no {datatype}"
    else:
        is_taken = _holds(takes, value)
    return "" if is_taken else f"the model takes {takes}, and {value} is none"


def _holds(kind: str, value: float) -> bool:
    """Whether a datatype of floats has this number, or the nearest one to it for a fraction.

    A whole number may also be the shortest digits of one: programs write the double 2e22 / 3 as
    6666666666666667000000.
    """
    if abs(value) > _LARGEST[kind]:
        return False
    held = _FLOATS[kind](value)
    if isinstance(value, int):
        return int(held) == value or int(Decimal(str(held))) == value
    return value == 0.0 or bool(held != 0.0)
