"""Simulate months of production on a virtual clock: the scenario, the faults injected, the run.

Owns the virtual world.  Everything that is simulated is the code that runs in production.
"""

from mainspring.simulation.errors import UnreadableFault

__all__ = ["UnreadableFault"]
