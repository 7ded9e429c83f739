"""What needs no product but Python on one machine: SQLite for state, log and online rows, files for
objects and keys, child processes.

What holds data has a variant that keeps everything in memory, for tests, notebooks and simulations.
What scales out is another engine's business; both are held by the same contracts in `testing`.
Import the engines from their modules: some load Polars.
"""

from mainspring.engines.local.clock import FrozenClock, RandomIds, SeededIds, SystemClock

__all__ = ["FrozenClock", "RandomIds", "SeededIds", "SystemClock"]
