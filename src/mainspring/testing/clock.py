"""A clock and ids for tests: the clock moves only when it is set, and ids repeat with the seed.
Simulations use the same ones.
"""

from mainspring.engines.local.clock import FrozenClock, SeededIds

__all__ = ["FrozenClock", "SeededIds"]
