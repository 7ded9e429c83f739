"""The operations of expressions: a module a family, a class an operation with its four readings.

`FAMILIES` is the closed list of what a stored expression can be made of.  A new operation is a
class in its family (typing, columns, row and notation stand in it), its name in the list here, and
the method of `Expr` that builds it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from mainspring.elements.expression.operations.arithmetic import Abs, Arithmetic, Negate
from mainspring.elements.expression.operations.casting import Cast
from mainspring.elements.expression.operations.comparison import Comparison, IsIn
from mainspring.elements.expression.operations.conditional import When
from mainspring.elements.expression.operations.dates import DatePart, LocalTime
from mainspring.elements.expression.operations.elementary import Elementary
from mainspring.elements.expression.operations.hashing import Bucket, Hash
from mainspring.elements.expression.operations.logic import Logical, Not
from mainspring.elements.expression.operations.nulls import FillNull, IsNull
from mainspring.elements.expression.operations.rounding import Ceil, Clip, Floor, Round
from mainspring.elements.expression.operations.text import (
    TextCase,
    TextLength,
    TextMatch,
    TextSlice,
    TextStrip,
)
from mainspring.elements.expression.tree import Column, Literal, Node

__all__ = ["FAMILIES", "NODES"]

FAMILIES: Mapping[str, tuple[type[Node], ...]] = MappingProxyType(
    {
        "leaves": (Column, Literal),
        "arithmetic": (Abs, Arithmetic, Negate),
        "casting": (Cast,),
        "comparison": (Comparison, IsIn),
        "conditional": (When,),
        "dates": (DatePart, LocalTime),
        "elementary": (Elementary,),
        "hashing": (Bucket, Hash),
        "logic": (Logical, Not),
        "nulls": (FillNull, IsNull),
        "rounding": (Ceil, Clip, Floor, Round),
        "text": (TextCase, TextLength, TextMatch, TextSlice, TextStrip),
    }
)
"""Every class of node by its family."""

NODES: tuple[type[Node], ...] = tuple(node for family in FAMILIES.values() for node in family)
"""Every class of node."""
