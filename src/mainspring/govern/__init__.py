"""Folds over the journal: where a thing comes from, and whether the record is whole.

No stage calls this package, so none can forget to; it reads what everybody writes anyway.
"""

from mainspring.govern.audit import AuditReport, audit_journal
from mainspring.govern.lineage import LineageNode, trace_lineage

__all__ = ["AuditReport", "LineageNode", "audit_journal", "trace_lineage"]
