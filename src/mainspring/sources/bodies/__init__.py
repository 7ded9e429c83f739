"""Bodies of pushes: rows as JSON, JSON lines, Arrow or Parquet, whoever wrote them.

Each is read within bounds that are checked before a library decodes anything: a body of a kilobyte
can ask for gigabytes.  What becomes of the rows is decided by the contract, as for all others.
"""

from mainspring.sources.bodies.errors import BodyBeyondBounds, BodyUnreadable, UnknownBodyForm

__all__ = ["BodyBeyondBounds", "BodyUnreadable", "UnknownBodyForm"]
