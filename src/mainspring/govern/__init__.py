"""What is on record, read: what an environment holds, where a thing comes from, and whether the
journal is whole.

No stage calls this package, so none can forget to; it reads what everybody writes anyway, and never
the project's files.
"""

from mainspring.govern.audit import AuditReport, audit_journal
from mainspring.govern.lineage import LineageNode, asset_lineage, trace_lineage
from mainspring.govern.status import StatusReport, status_of_environment

__all__ = [
    "AuditReport",
    "LineageNode",
    "StatusReport",
    "asset_lineage",
    "audit_journal",
    "status_of_environment",
    "trace_lineage",
]
