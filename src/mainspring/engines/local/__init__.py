"""Every port on one machine and without a server: SQLite for state, log and online rows, files for objects and keys, Delta tables, child processes.

Each has a variant that keeps everything in memory, for tests, notebooks and simulations.  What scales out is another engine's business; both are held by
the same contracts in `testing`.  Import the engines from their modules: some load Polars or deltalake.
"""

from mainspring.engines.local.clock import FrozenClock, RandomIds, SeededIds, SystemClock

__all__ = ["FrozenClock", "RandomIds", "SeededIds", "SystemClock"]
