"""The values that everything else uses: identity, time, schema, expressions, events and errors.

Pure values and functions on them; nothing here reads a clock, a disk or a network.  Interfaces to
those are in `ports`.
"""

from mainspring.elements.errors import Location, MainspringError
from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.identity import Digest, digest_of
from mainspring.elements.time import Micros

__all__ = [
    "Actor",
    "Digest",
    "Event",
    "Location",
    "MainspringError",
    "Micros",
    "ProjectName",
    "digest_of",
]
