"""The datatypes of the Open Inference Protocol, as NumPy and `struct` know them."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

__all__ = ["DATATYPES", "EXACT_TO", "FLOATS", "NUMERIC", "WHOLE", "Datatype"]


class Datatype(NamedTuple):
    """One datatype.

    Args:
        dtype: of its arrays, little-endian; object for texts.
        code: of `struct` for one value; empty where JSON does not say it or values are no numbers.
        item_bytes: of one value in binary data; 0 where each has a length of its own.
    """

    name: str
    dtype: DTypeLike
    code: str
    item_bytes: int


_TABLE: Final = (
    Datatype("BOOL", np.dtype(np.bool_), "?", 1),
    Datatype("UINT8", np.dtype("<u1"), "B", 1),
    Datatype("UINT16", np.dtype("<u2"), "H", 2),
    Datatype("UINT32", np.dtype("<u4"), "I", 4),
    Datatype("UINT64", np.dtype("<u8"), "Q", 8),
    Datatype("INT8", np.dtype("<i1"), "b", 1),
    Datatype("INT16", np.dtype("<i2"), "h", 2),
    Datatype("INT32", np.dtype("<i4"), "i", 4),
    Datatype("INT64", np.dtype("<i8"), "q", 8),
    Datatype("FP16", np.dtype("<f2"), "", 2),
    Datatype("FP32", np.dtype("<f4"), "f", 4),
    Datatype("FP64", np.dtype("<f8"), "d", 8),
    Datatype("BYTES", np.dtype(object), "", 0),
)
DATATYPES: Final[Mapping[str, Datatype]] = {each.name: each for each in _TABLE}
"""Every datatype, by name."""

WHOLE: Final[Mapping[str, range]] = {
    "BOOL": range(2),
    **{f"INT{bits}": range(-(2 ** (bits - 1)), 2 ** (bits - 1)) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": range(2**bits) for bits in (8, 16, 32, 64)},
}
"""The values of the datatypes of whole numbers."""

FLOATS: Final = ("FP32", "FP64")
"""The datatypes of fractions that JSON can say."""

EXACT_TO: Final = {"FP32": 2**24, "FP64": 2**53}
"""Up to where every whole number is one of a datatype of floats."""

NUMERIC: Final = frozenset({*WHOLE, *FLOATS})
"""What a matrix of numbers can be sent as."""
