"""Maintenance of a workspace: garbage collection, backup and restore, one at a time.

Owns what may go, what a backup is made of and in which order, and the lease under which both
happen.  How an engine copies its own part is left to that engine (`ports.backup`).
"""

from mainspring.maintenance.errors import ArchiveDamaged, ArchiveForeign, NotEmbedded, PlaceTaken

__all__ = ["ArchiveDamaged", "ArchiveForeign", "NotEmbedded", "PlaceTaken"]
