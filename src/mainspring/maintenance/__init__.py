"""Keeps a workspace in order: garbage collection, backup and restore, one at a time.

Owns what may go, what a backup is made of, and the lease under which both happen.  How an engine
copies, lists and restores its own part is left to that engine.
"""

from mainspring.maintenance.errors import ArchiveDamaged, ArchiveForeign, NotEmbedded, PlaceTaken

__all__ = ["ArchiveDamaged", "ArchiveForeign", "NotEmbedded", "PlaceTaken"]
