"""Online rows in LMDB: a memory-mapped file on this machine, many processes reading, one writing at
a time; the default on disk.

`docs/decisions/0007-online-store.md` has the measurements.  Import the store from its module: this
package loads nothing.
"""

__all__: list[str] = []
