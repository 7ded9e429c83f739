"""Facts and keys in order: codes for keys, rows grouped by key, and lookups that need no grouping.

Everything here runs on all processors, in shares that never write to the same place.
"""

__all__: list[str] = []
