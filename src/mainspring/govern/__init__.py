"""Lineage and audit, computed from the journal.

No stage calls this package, so none can forget to: it reads the events that are written anyway.
"""

from mainspring.govern.audit import AuditReport, audit_journal
from mainspring.govern.lineage import LineageNode, trace_lineage

__all__ = ["AuditReport", "LineageNode", "audit_journal", "trace_lineage"]
