"""What can be wrong with a source and its data."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import DeclarationError, EngineError, SourceError

__all__ = [
    "BrokenContract",
    "ConflictingFact",
    "CopyAhead",
    "EmptyFolder",
    "FileGaveNothing",
    "FileMissing",
    "FileMoved",
    "FileNotAccepted",
    "FileNotRead",
    "FileUnreadable",
    "FileUnset",
    "FutureFact",
    "LateFact",
    "LogReplaced",
    "LogShorter",
    "NotInQuarantine",
    "NotReleasable",
    "PromisedColumnMissing",
    "RawRowsTrimmed",
    "SourceNotReadable",
    "StateForgotten",
    "TooManyPushedRows",
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
    template: ClassVar[str] = "source {source!r} has neither a path nor a contract"
    remedy: ClassVar[str] = (
        'give it path="rows.csv"; or, to push rows to it, contract=ms.Contract(...) with the type '
        "of every column"
    )
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


@dataclass(eq=False, kw_only=True)
class FileNotAccepted(SourceError):
    """All rows of a file break the contract of its source, or more than the source allows
    (`max_quarantined`), so nothing of it was stored.  Most often a column is written in another way
    than the declaration says, such as a date as day/month/year.
    """

    code: ClassVar[str] = "SRC-030"
    template: ClassVar[str] = (
        "source {source!r}: {broken:,} of the {rows:,} rows of {path} break the contract "
        "({reasons}); for example {examples}"
    )
    remedy: ClassVar[str] = (
        "correct the file, or declare the column as it is written; nothing was stored"
    )
    source: str
    path: str
    broken: int
    rows: int
    reasons: str
    examples: str


@dataclass(eq=False, kw_only=True)
class FileGaveNothing(SourceError):
    """No row of a source's file is a fact as the source is declared, so an environment does not
    move onto it: its features and training sets would be empty.
    """

    code: ClassVar[str] = "SRC-031"
    template: ClassVar[str] = (
        "source {source!r}: no row of {path} is accepted as it is declared now ({reasons})"
    )
    remedy: ClassVar[str] = (
        "correct the declaration or the file; `mainspring quarantine list {source}` shows the rows"
    )
    source: str
    path: str
    reasons: str


@dataclass(eq=False, kw_only=True)
class RawRowsTrimmed(SourceError):
    """An edit of a source decides anew on all of its rows, and some of them are gone by its
    retention.
    """

    code: ClassVar[str] = "SRC-032"
    template: ClassVar[str] = (
        "source {source!r}: the edit needs rows that retention has removed; the oldest that is "
        "left was appended at {since}"
    )
    remedy: ClassVar[str] = (
        "undo the edit of its id, clocks, contract or columns, or declare the source anew under "
        "another name"
    )
    source: str
    since: str


@dataclass(eq=False, kw_only=True)
class FileMoved(SourceError):
    """A file was written to after a plan was made, so that what would be read is not what the plan
    says.
    """

    code: ClassVar[str] = "SRC-033"
    template: ClassVar[str] = "source {source!r}: {path} was changed since the plan was made"
    remedy: ClassVar[str] = "make a new plan, once nobody writes to the file"
    source: str
    path: str


@dataclass(eq=False, kw_only=True)
class FileUnset(SourceError):
    """A refresh reads the file of a source anew, and this source has none: its rows are pushed."""

    code: ClassVar[str] = "SRC-034"
    template: ClassVar[str] = "source {source!r} has no file to read anew"
    remedy: ClassVar[str] = "push corrections of its rows, with `mainspring ingest --op replace`"
    source: str


@dataclass(eq=False, kw_only=True)
class NotInQuarantine(SourceError):
    """A row that is to be released or dropped is not in quarantine: it never was, or it has been
    accepted, released or dropped since.
    """

    code: ClassVar[str] = "SRC-035"
    template: ClassVar[str] = "source {source!r}: row {row} is not in quarantine"
    remedy: ClassVar[str] = "`mainspring quarantine list {source}` shows the rows that are"
    source: str
    row: int


@dataclass(eq=False, kw_only=True)
class NotReleasable(SourceError):
    """A row that breaks its contract cannot be released: whatever reads it relies on the contract.
    Rows can be released that came late, were ahead of the clock, or contradict an accepted fact.
    """

    code: ClassVar[str] = "SRC-036"
    template: ClassVar[str] = "source {source!r}: row {row} breaks the contract: {reason}"
    remedy: ClassVar[str] = (
        "push the row again as it should be, or change the contract and apply: all rows in "
        "quarantine are then judged anew"
    )
    source: str
    row: int
    reason: str


@dataclass(eq=False, kw_only=True)
class FileNotRead(SourceError):
    """Features were asked of a source whose file was never read as it is declared now, because
    nothing was applied yet, or the apply was stopped.  Counts would all be zero.
    """

    code: ClassVar[str] = "SRC-037"
    template: ClassVar[str] = "source {source!r}: {path} was not read yet as it is declared"
    remedy: ClassVar[str] = "run `mainspring apply`, and mend what it says"
    source: str
    path: str


@dataclass(eq=False, kw_only=True)
class TooManyPushedRows(SourceError):
    """A push has more rows than one push may bring.  The limit keeps one caller from taking all
    memory and from delaying the others; files are read whole, however large.
    """

    code: ClassVar[str] = "SRC-048"
    template: ClassVar[str] = "the push has {rows:,} rows; the limit is {limit:,}"
    remedy: ClassVar[str] = "split it into several pushes, or ingest a file"
    rows: int
    limit: int


@dataclass(eq=False, kw_only=True)
class LogReplaced(EngineError):
    """The log is another one than the one that the state database knows: its file or stream was
    lost and made anew, or exchanged.  Each log has a random identity from its creation on, so one
    of equal length is told from it, too.

    Nothing is read from it or written to it: whatever is folded from it would begin from nothing.
    """

    code: ClassVar[str] = "ENG-040"
    template: ClassVar[str] = "{store} is another one than this state knows: {found}, not {known}"
    remedy: ClassVar[str] = (
        "put the log back, or restore a backup; `mainspring doctor --accept` takes what is there "
        "for the whole, and what is missing for lost"
    )

    store: str
    known: str
    found: str


@dataclass(eq=False, kw_only=True)
class LogShorter(EngineError):
    """A topic of the log ends before a record that the journal has seen: the log was cut, or an
    older copy of it was put in place.

    Nothing is read from it or written to it until it is whole.
    """

    code: ClassVar[str] = "ENG-041"
    template: ClassVar[str] = "topic {topic} ends at offset {head}; the journal has seen {seen}"
    remedy: ClassVar[str] = (
        "put the log back, or restore a backup; `mainspring doctor --accept` takes what is there "
        "for the whole, and what is missing for lost"
    )

    topic: str
    head: int
    seen: int


@dataclass(eq=False, kw_only=True)
class StateForgotten(EngineError):
    """The state database is empty beside a log that has records: it was lost, for whoever writes
    the first record has written to the state before.
    """

    code: ClassVar[str] = "ENG-042"
    template: ClassVar[str] = (
        "the state database is empty, and the log has {records} records in {topics} topics"
    )
    remedy: ClassVar[str] = (
        "put state.db back, or restore a backup; `mainspring doctor --accept` begins with an empty "
        "state beside this log"
    )

    records: int
    topics: int


@dataclass(eq=False, kw_only=True)
class CopyAhead(EngineError):
    """A table or online state has folded more records than the log holds: it was made from another
    log, or this one has lost its end.
    """

    code: ClassVar[str] = "ENG-043"
    template: ClassVar[str] = "{store} is at offset {position} of {topic}, which ends at {head}"
    remedy: ClassVar[str] = (
        "put the log back if records are missing from it; else `mainspring doctor --accept` "
        "removes what is ahead of it, which is folded again"
    )

    store: str
    topic: str
    position: int
    head: int
