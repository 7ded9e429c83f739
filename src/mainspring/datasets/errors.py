"""What can be wrong with rows to learn from."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import DatasetError

__all__ = ["InexactFeature", "UnencodableFeature", "UnencodableValue"]


@dataclass(eq=False, kw_only=True)
class UnencodableFeature(DatasetError):
    """A model is fed numbers: a feature must be a number, a boolean, text, an instant, a length of
    time, or a list of numbers, booleans or instants whose most elements are declared.  Lists of
    text and records have no place in a matrix.
    """

    code: ClassVar[str] = "DAT-020"
    template: ClassVar[str] = (
        "feature {feature!r} is of type {dtype}, which cannot become a column of numbers"
    )
    remedy: ClassVar[str] = "derive a number, a boolean or a text from it"
    feature: str
    dtype: str


@dataclass(eq=False, kw_only=True)
class InexactFeature(DatasetError):
    """Models compute in float64, which holds whole numbers exactly only up to 2^53.  Beyond it two
    ids could silently become one.
    """

    code: ClassVar[str] = "DAT-021"
    template: ClassVar[str] = "feature {feature!r} holds {value}, which float64 cannot hold exactly"
    remedy: ClassVar[str] = "cast an id to text, or scale the number down"
    feature: str
    value: int


@dataclass(eq=False, kw_only=True)
class UnencodableValue(DatasetError):
    """A row to predict carries a value of another type than the rows that it
    learned from.
    """

    code: ClassVar[str] = "DAT-022"
    template: ClassVar[str] = (
        "feature {feature!r} is {value!r}, where the model learned from {dtype}"
    )
    remedy: ClassVar[str] = "send a value of that type, or null"
    feature: str
    dtype: str
    value: str
