"""Sources of data: contracts, ingestion, the sequencer, quarantine, and the facts in the log.

A row is accepted once, on append, and the decision is stored with it; everything after is a
function of accepted records.  What is computed from facts belongs to `features` and `datasets`;
storing the log and the tables belongs to the engines.
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
    Binary,
    Boolean,
    ColumnContract,
    Contract,
    Decimal,
    Float64,
    Int64,
    Source,
    String,
    Time,
    Timestamp,
    UInt64,
    Vector,
    assumed_delay,
)

__all__ = [
    "AssumedDelay",
    "Binary",
    "Boolean",
    "BrokenContract",
    "ColumnContract",
    "ConflictingFact",
    "Contract",
    "Decimal",
    "FileMissing",
    "FileUnreadable",
    "Float64",
    "Int64",
    "LateFact",
    "Source",
    "String",
    "Time",
    "Timestamp",
    "UInt64",
    "Vector",
    "assumed_delay",
]
