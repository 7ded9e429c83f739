"""Ports: protocols of few methods for everything outside, such as stores, clocks and signers.

Each has one embedded implementation in `engines.local` and is held by a contract suite in
`testing`, which ships for those who write engines.
"""

from mainspring.ports.backup import BackupSource, FolderReader, FolderWriter
from mainspring.ports.clock import Clock, Ids
from mainspring.ports.compute import Compute, Task
from mainspring.ports.http import Call, HttpServer, HttpService, Reply, Route
from mainspring.ports.log import IdentifiedLog, Identity, LogReader, LogWriter
from mainspring.ports.models import ExportedModel, Scorer, ScorerLoader
from mainspring.ports.objects import ObjectReader, ObjectWriter
from mainspring.ports.online import OnlineReader, OnlineWriter, Position
from mainspring.ports.signer import PublicKey, Signature, Signer, Verifier
from mainspring.ports.state import (
    Change,
    Document,
    Lease,
    Leases,
    StateReader,
    StateStore,
    StateWriter,
)
from mainspring.ports.tables import TableReader, TableWriter

__all__ = [
    "BackupSource",
    "Call",
    "Change",
    "Clock",
    "Compute",
    "Document",
    "ExportedModel",
    "FolderReader",
    "FolderWriter",
    "HttpServer",
    "HttpService",
    "IdentifiedLog",
    "Identity",
    "Ids",
    "Lease",
    "Leases",
    "LogReader",
    "LogWriter",
    "ObjectReader",
    "ObjectWriter",
    "OnlineReader",
    "OnlineWriter",
    "Position",
    "PublicKey",
    "Reply",
    "Route",
    "Scorer",
    "ScorerLoader",
    "Signature",
    "Signer",
    "StateReader",
    "StateStore",
    "StateWriter",
    "TableReader",
    "TableWriter",
    "Task",
    "Verifier",
]
