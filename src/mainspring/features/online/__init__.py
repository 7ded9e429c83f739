"""Answers from online state: what a request is told, why, and whether a backfill would have said
the same.

`read` is the door; `point` answers from the rows of one shard.  `parity` and `recompute` compare
reads with backfills of the log at the same position, byte for byte; `measure` says how large and
how fresh state is.
"""

__all__: list[str] = []
