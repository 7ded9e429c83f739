"""Where data comes from and what it promises: contract, ingest, sequencer, quarantine, and the
facts that the log holds.

A row is accepted once, on append, and what was decided is stored with it; everything after is a
function of accepted records.  What is computed from facts belongs to `features` and `datasets`;
where the log and the tables live is the engines' affair.
"""

from mainspring.sources.errors import (
    BrokenContract,
    ConflictingFact,
    FileMissing,
    FileUnreadable,
    LateFact,
)
from mainspring.sources.spec import (
    AssumedDelay,
    Boolean,
    ColumnContract,
    Contract,
    Float64,
    Int64,
    Source,
    String,
    Timestamp,
    assumed_delay,
)

__all__ = [
    "AssumedDelay",
    "Boolean",
    "BrokenContract",
    "ColumnContract",
    "ConflictingFact",
    "Contract",
    "FileMissing",
    "FileUnreadable",
    "Float64",
    "Int64",
    "LateFact",
    "Source",
    "String",
    "Timestamp",
    "assumed_delay",
]
