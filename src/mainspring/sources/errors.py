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
    """The file or folder that a source names is not there.  Paths are relative to the project's
    folder.
    """

    code: ClassVar[str] = "SRC-001"
    template: ClassVar[str] = "source {source!r}: there is no file {path}"
    remedy: ClassVar[str] = "put the file there, or mend the path in the declaration"
    source: str
    path: str


@dataclass(eq=False, kw_only=True)
class FileUnreadable(SourceError):
    """A file is there but is not what its suffix says: `.parquet`, `.csv`, `.jsonl` and `.ndjson`
    are read.
    """

    code: ClassVar[str] = "SRC-002"
    template: ClassVar[str] = "source {source!r}: {path} cannot be read: {reason}"
    remedy: ClassVar[str] = "write it again as Parquet, CSV with a header, or JSON lines"
    source: str
    path: str
    reason: str


@dataclass(eq=False, kw_only=True)
class EmptyFolder(SourceError):
    """A source names a folder that holds no data file, or files of several kinds."""

    code: ClassVar[str] = "SRC-003"
    template: ClassVar[str] = "source {source!r}: the folder {path} holds {found}"
    remedy: ClassVar[str] = "keep files of one kind in it: .parquet, .csv, .jsonl or .ndjson"
    source: str
    path: str
    found: str


@dataclass(eq=False, kw_only=True)
class SourceNotReadable(SourceError):
    """A source without a path gets its rows pushed; there is no file to read, so its contract has
    to name every column.
    """

    code: ClassVar[str] = "SRC-004"
    template: ClassVar[str] = "source {source!r} has no path"
    remedy: ClassVar[str] = "give it a path, or push rows to it with `ingest`"
    source: str


@dataclass(eq=False, kw_only=True)
class UnknownOperation(SourceError):
    """A row comes with an operation; `insert`, `replace` and `delete` exist, one for each row."""

    code: ClassVar[str] = "SRC-005"
    template: ClassVar[str] = "source {source!r}: {found} cannot be done"
    remedy: ClassVar[str] = (
        "give one of insert, replace, delete for each row, or leave the operations out"
    )
    source: str
    found: str


@dataclass(eq=False, kw_only=True)
class UnreadableRows(SourceError):
    """What was handed in are no rows: no list, a row that is no mapping, a value that is a list or
    bytes, text that cannot be written down, a frame without any column of the source.  Nothing of
    the call was taken.
    """

    code: ClassVar[str] = "SRC-006"
    template: ClassVar[str] = "source {source!r}: {problem}"
    remedy: ClassVar[str] = (
        "give a frame, or a list of mappings such as "
        "{{'id': 1, 'at': '2024-05-01T12:00:00Z'}}; nothing was taken"
    )
    source: str
    problem: str


@dataclass(eq=False, kw_only=True)
class BrokenContract(SourceError):
    """A row does not keep what its source promises; it lies in quarantine and nothing reads it.

    The reason names each broken promise and its column: `type:x` (the value is not of the type),
    `null:x`, `nan:x`, `between:x`, `one_of:x`, `max_length:x`, `id_missing`, `event_time_missing`,
    `known_at_missing`.
    """

    code: ClassVar[str] = "SRC-010"
    template: ClassVar[str] = "source {source!r}: a row breaks its contract: {reason}"
    remedy: ClassVar[str] = "mend the producer, or widen the contract; then ingest the row again"
    source: str
    reason: str


@dataclass(eq=False, kw_only=True)
class LateFact(SourceError):
    """A fact became visible later after it happened than its source allows; it lies in
    quarantine.
    """

    code: ClassVar[str] = "SRC-011"
    template: ClassVar[str] = "source {source!r}: a fact came later than its lateness allows"
    remedy: ClassVar[str] = "declare a longer `lateness`, or import the rows as history"
    source: str


@dataclass(eq=False, kw_only=True)
class ConflictingFact(SourceError):
    """A fact has the id of another that says something else, and does not say that it replaces it;
    it lies in quarantine.
    """

    code: ClassVar[str] = "SRC-012"
    template: ClassVar[str] = "source {source!r}: a fact contradicts an accepted one of the same id"
    remedy: ClassVar[str] = (
        "ingest it with the operation `replace` if it is a correction, or mend the id"
    )
    source: str


@dataclass(eq=False, kw_only=True)
class FutureFact(SourceError):
    """A fact claims to become known later than the clock and its source's clock skew allow; it lies
    in quarantine.

    A delay that the declaration adds (`col("hour") + ms.minutes(60)`, an assumed delay) is no claim
    and does not count.
    """

    code: ClassVar[str] = "SRC-013"
    template: ClassVar[str] = (
        "source {source!r}: a fact claims to be known in the future, beyond the clock skew"
    )
    remedy: ClassVar[str] = (
        "set the producer's clock right and ingest it again; declare a longer "
        "`clock_skew` where facts are announced ahead"
    )
    source: str


@dataclass(eq=False, kw_only=True)
class PromisedColumnMissing(DeclarationError):
    """A contract names a column that the data does not have."""

    code: ClassVar[str] = "PRJ-015"
    template: ClassVar[str] = (
        "source {source!r}: its contract names {column!r}, which the data does not have"
    )
    remedy: ClassVar[str] = "the data has: {known}"
    source: str
    column: str
    known: str


@dataclass(eq=False, kw_only=True)
class TypeConflict(DeclarationError):
    """A contract gives a column a type that the data's type cannot be read as.  Text becomes a
    timestamp, a whole number a float; nothing else is guessed.
    """

    code: ClassVar[str] = "PRJ-016"
    template: ClassVar[str] = (
        "source {source!r}: column {column!r} is {found} in the data and {promised} in the contract"
    )
    remedy: ClassVar[str] = "promise {found}, or convert the data"
    source: str
    column: str
    found: str
    promised: str


@dataclass(eq=False, kw_only=True)
class UnusableTime(DeclarationError):
    """`event_time` and `known_at` have to be timestamps; a day or a text becomes one by promising
    it in the contract.
    """

    code: ClassVar[str] = "PRJ-017"
    template: ClassVar[str] = "source {source!r}: its {role} is {found}, not a timestamp"
    remedy: ClassVar[str] = "name a timestamp column, or promise one: Contract(name=Timestamp())"
    source: str
    role: str
    found: str


@dataclass(eq=False, kw_only=True)
class UnusableId(DeclarationError):
    """An id names facts: it needs at least one column, each once, and none of floats, which have no
    one text.
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
    """A column has a type that a source cannot hold (a list, a struct), or a name that the log or
    its tables keep for themselves.

    Those begin with an underscore, such as `_offset`, or end with a type, such as `delay~float64`.
    """

    code: ClassVar[str] = "PRJ-019"
    template: ClassVar[str] = "source {source!r}: column {column!r} ({found}) cannot be kept"
    remedy: ClassVar[str] = "rename, flatten or leave it out when the file is written"
    source: str
    column: str
    found: str
