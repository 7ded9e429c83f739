"""What can be wrong with a source and its data."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import DeclarationError, SourceError

__all__ = [
    "BrokenContract",
    "ConflictingFact",
    "EmptyFolder",
    "FileMissing",
    "FileUnreadable",
    "FutureFact",
    "LateFact",
    "PromisedColumnMissing",
    "SourceNotReadable",
    "TypeConflict",
    "UnknownOperation",
    "UnreadableRows",
    "UnusableColumn",
    "UnusableId",
    "UnusableTime",
]


@dataclass(eq=False, kw_only=True)
class FileMissing(SourceError):
    """The file or folder of a source does not exist.  Paths are relative to the project."""

    code: ClassVar[str] = "SRC-001"
    template: ClassVar[str] = "source {source!r}: there is no file {path}"
    remedy: ClassVar[str] = "put the file there, or correct the path in the declaration"
    source: str
    path: str


@dataclass(eq=False, kw_only=True)
class FileUnreadable(SourceError):
    """The file of a source cannot be read in the format that its suffix names.  The formats are
    `.parquet`, `.csv`, `.jsonl` and `.ndjson`.
    """

    code: ClassVar[str] = "SRC-002"
    template: ClassVar[str] = "source {source!r}: {path} cannot be read: {reason}"
    remedy: ClassVar[str] = "write it again as Parquet, CSV with a header, or JSON lines"
    source: str
    path: str
    reason: str


@dataclass(eq=False, kw_only=True)
class EmptyFolder(SourceError):
    """The folder of a source has no data file in it, or files of several formats."""

    code: ClassVar[str] = "SRC-003"
    template: ClassVar[str] = "source {source!r}: the folder {path} has {found}"
    remedy: ClassVar[str] = "put files of one format in it: .parquet, .csv, .jsonl or .ndjson"
    source: str
    path: str
    found: str


@dataclass(eq=False, kw_only=True)
class SourceNotReadable(SourceError):
    """A source without a path has no file to read: its rows are pushed, so its contract has to name
    every column.
    """

    code: ClassVar[str] = "SRC-004"
    template: ClassVar[str] = "source {source!r} has no path"
    remedy: ClassVar[str] = "give it a path, or push rows to it with `mainspring ingest`"
    source: str


@dataclass(eq=False, kw_only=True)
class UnknownOperation(SourceError):
    """The operation of a row is unknown.  It is one of `insert`, `replace` and `delete`."""

    code: ClassVar[str] = "SRC-005"
    template: ClassVar[str] = "source {source!r}: {found} is not an operation"
    remedy: ClassVar[str] = (
        "give insert, replace or delete for each row, or leave the operations out"
    )
    source: str
    found: str


@dataclass(eq=False, kw_only=True)
class UnreadableRows(SourceError):
    """The rows of an ingestion cannot be read, so none of them was written.  They are not a list,
    or one of them is not a mapping, or has a list or bytes as a value, or text that is not valid
    Unicode, or the frame has no column of the source.
    """

    code: ClassVar[str] = "SRC-006"
    template: ClassVar[str] = "source {source!r}: {problem}"
    remedy: ClassVar[str] = (
        "give a frame, or a list of mappings such as {{'id': 1, 'at': "
        "'2024-05-01T12:00:00Z'}}; no row was written"
    )
    source: str
    problem: str


@dataclass(eq=False, kw_only=True)
class BrokenContract(SourceError):
    """A row breaks the contract of its source.  It is in quarantine and nothing reads it.

    The reason names each rule that it breaks, and the column: `type:x` (the value is not of the
    type), `null:x`, `nan:x`, `between:x`, `one_of:x`, `max_length:x`, `digits:x` (of a decimal),
    `size:x` (of a vector), `id_missing`, `event_time_missing`, `known_at_missing`.
    """

    code: ClassVar[str] = "SRC-010"
    template: ClassVar[str] = "source {source!r}: a row breaks its contract: {reason}"
    remedy: ClassVar[str] = "correct the producer or widen the contract, then ingest the row again"
    source: str
    reason: str


@dataclass(eq=False, kw_only=True)
class LateFact(SourceError):
    """A fact became visible (when it arrived, or at its `known_at` if that is later) longer after
    its event time than the lateness of its source allows.  It is in quarantine.
    """

    code: ClassVar[str] = "SRC-011"
    template: ClassVar[str] = (
        "source {source!r}: a fact became visible later than the lateness of its source allows"
    )
    remedy: ClassVar[str] = "declare a longer `lateness`, or import the rows as history"
    source: str


@dataclass(eq=False, kw_only=True)
class ConflictingFact(SourceError):
    """A fact has the id of an accepted fact and other values, and does not say that it replaces it.
    It is in quarantine.
    """

    code: ClassVar[str] = "SRC-012"
    template: ClassVar[str] = (
        "source {source!r}: a fact has the id of an accepted fact and other values"
    )
    remedy: ClassVar[str] = (
        "if it is a correction, ingest it with the operation `replace`; otherwise correct its id"
    )
    source: str


@dataclass(eq=False, kw_only=True)
class FutureFact(SourceError):
    """A fact has a `known_at` in the future, further ahead than the clock skew of its source
    allows.  It is in quarantine.

    A delay that the declaration adds (`col("hour") + ms.minutes(60)`, or an assumed delay) does not
    count.
    """

    code: ClassVar[str] = "SRC-013"
    template: ClassVar[str] = (
        "source {source!r}: a fact has a known_at in the future, beyond the clock skew"
    )
    remedy: ClassVar[str] = (
        "correct the producer's clock and ingest the fact again; declare a longer "
        "`clock_skew` if facts are announced ahead"
    )
    source: str


@dataclass(eq=False, kw_only=True)
class PromisedColumnMissing(DeclarationError):
    """A contract names a column that the data does not have."""

    code: ClassVar[str] = "PRJ-015"
    template: ClassVar[str] = (
        "source {source!r}: its contract names {column!r}, which the data does not have"
    )
    remedy: ClassVar[str] = "the columns of the data are: {known}"
    source: str
    column: str
    known: str


@dataclass(eq=False, kw_only=True)
class TypeConflict(DeclarationError):
    """A contract gives a column a type that its values cannot be read as, in a file that says its
    own types.  Numbers can be read as other numbers that hold them, and as text; text as a time, as
    a decimal, and as whatever the contract says the spelling of.  Whole numbers are no instants:
    convert their unit with an expression.
    """

    code: ClassVar[str] = "PRJ-016"
    template: ClassVar[str] = (
        "source {source!r}: column {column!r} is {found} in the data and {promised} in the contract"
    )
    remedy: ClassVar[str] = "declare {found} in the contract, or convert the data"
    source: str
    column: str
    found: str
    promised: str


@dataclass(eq=False, kw_only=True)
class UnusableTime(DeclarationError):
    """`event_time` or `known_at` is not a timestamp.  A date or a text is read as one if the
    contract declares the column as `Timestamp()`.
    """

    code: ClassVar[str] = "PRJ-017"
    template: ClassVar[str] = "source {source!r}: its {role} is {found}, not a timestamp"
    remedy: ClassVar[str] = "name a timestamp column, or declare one: Contract(name=Timestamp())"
    source: str
    role: str
    found: str


@dataclass(eq=False, kw_only=True)
class UnusableId(DeclarationError):
    """The columns cannot be the id of a source.  An id needs at least one column, each named once,
    and no floats, because the same number can be written in several ways.
    """

    code: ClassVar[str] = "PRJ-018"
    template: ClassVar[str] = "source {source!r}: {columns} cannot be its id: {reason}"
    remedy: ClassVar[str] = (
        "name whole numbers, text, booleans or timestamps that together are unique"
    )
    source: str
    columns: str
    reason: str


@dataclass(eq=False, kw_only=True)
class UnusableColumn(DeclarationError):
    """A column has a type that a source cannot store (a list, a struct), or a name that is reserved
    for the log and its tables.

    Reserved names begin with an underscore, such as `_offset`, or end with a type, such as
    `delay~float64`.
    """

    code: ClassVar[str] = "PRJ-019"
    template: ClassVar[str] = "source {source!r}: column {column!r} ({found}) cannot be stored"
    remedy: ClassVar[str] = "rename, flatten or drop the column when you write the file"
    source: str
    column: str
    found: str
