"""Bodies of pushes: rows as JSON, JSON lines, Arrow or Parquet, whoever wrote them.

JSON is read here, within bounds that are checked before it is decoded.  The binary forms are read
by whoever is given for it, outside of this process: a body of a kilobyte can ask for gigabytes, or
end the process that reads it.  What becomes of the rows is decided by the contract.
"""

from mainspring.sources.bodies.errors import UnknownBodyForm

__all__ = ["UnknownBodyForm"]
