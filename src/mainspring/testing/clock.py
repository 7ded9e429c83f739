"""Time and names for tests: they move when told, and repeat with the seed.  The same that
simulations run on.
"""

from mainspring.engines.local.clock import FrozenClock, SeededIds

__all__ = ["FrozenClock", "SeededIds"]
