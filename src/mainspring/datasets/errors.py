"""What can go wrong with training sets."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import DatasetError

__all__ = [
    "DefinitionBroken",
    "InexactFeature",
    "NoPredictionTime",
    "UnencodableFeature",
    "UnencodableValue",
]


@dataclass(eq=False, kw_only=True)
class UnencodableFeature(DatasetError):
    """A feature has a type that cannot become numbers for a model.  It must be a number, a boolean,
    text, a timestamp, a duration, or a list of numbers, booleans or timestamps with a declared
    maximum length.  Lists of text and structs cannot be columns of a matrix.
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
    """A whole number is too large for float64, in which models compute: it is exact only up to
    2^53, and beyond that two ids could become the same number.
    """

    code: ClassVar[str] = "DAT-021"
    template: ClassVar[str] = (
        "feature {feature!r} has the value {value}, which float64 cannot represent exactly"
    )
    remedy: ClassVar[str] = "cast an id to text, or scale the number down"
    feature: str
    value: int


@dataclass(eq=False, kw_only=True)
class UnencodableValue(DatasetError):
    """A row to predict has a value of another type than the training rows."""

    code: ClassVar[str] = "DAT-022"
    template: ClassVar[str] = (
        "feature {feature!r} is {value!r}, but the model was trained on {dtype}"
    )
    remedy: ClassVar[str] = "send a value of that type, or null"
    feature: str
    dtype: str
    value: str


@dataclass(eq=False, kw_only=True)
class NoPredictionTime(DatasetError):
    """What was asked for follows the prediction times of a training set, and its spine has no event
    times, so that there are none: nothing says on which day a row would be requested.
    """

    code: ClassVar[str] = "DAT-023"
    template: ClassVar[str] = (
        "training set {training_set!r} has no prediction times, so its days cannot be simulated"
    )
    remedy: ClassVar[str] = "simulate a model whose spine has an event time"
    training_set: str


@dataclass(eq=False, kw_only=True)
class DefinitionBroken(DatasetError):
    """A stored definition of a source, a view or a training set is not one: it names a record that
    there is none of, or a field has a value of another type than it can have.

    Objects are named by the digest of their content, so this is what somebody wrote, and no damage
    to a file.  Nothing of it is used.
    """

    code: ClassVar[str] = "DAT-024"
    template: ClassVar[str] = "a stored definition cannot be read: {problem}"
    remedy: ClassVar[str] = (
        "restore the state and the objects from a backup, or apply again; find out who could write "
        "to them"
    )
    problem: str
