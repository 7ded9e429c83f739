"""Online reads: the features of a request, why they are null, and whether a backfill would have
given the same.

`read` is the entry point; `point` answers from the rows of one shard.  `parity` and `recompute`
compare reads with backfills of the log at the same position, byte for byte; `measure` says how
large and how fresh state is.
"""

__all__: list[str] = []
