"""Months of production on a virtual clock: what a simulation starts from, the faults planted in it,
and the run.

Owns the virtual world.  Everything that is simulated is the code that runs in production.
"""

__all__: list[str] = []
