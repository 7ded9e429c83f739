"""Every error that Mainspring raises on purpose, in one tree.

    MainspringError
    ├── DeclarationError   PRJ  a declaration in a project is wrong
    ├── SourceError        SRC  data broke its contract, or a file cannot be read
    ├── FeatureError       FEA  a feature cannot be computed or read
    ├── DatasetError       DAT  a training set cannot be built
    ├── TrainingError      TRA  a fit failed, or its model cannot be exported
    ├── RegistryError      REG  a version, artifact or pointer is missing or was changed
    ├── GateError          GAT  a model did not pass its gates, or a gate cannot be judged
    ├── ServingError       SRV  a request cannot be answered
    ├── MonitoringError    MON  a monitor has nothing to compare with
    ├── FlowError          FLO  a run, plan, lease or backup cannot go on
    ├── EngineError        ENG  a product behind a port failed
    └── AccessError        ACC  the caller may not do this, or names something that does not exist

A concrete class lives in the `errors` module of its package, is a dataclass, and sets three things:
`code`, `template` (what is wrong, with its fields) and `remedy` (what to do next).  Its docstring
is the page that `mainspring explain CODE` prints.  Callers catch a branch; machines read `code`.
"""

from dataclasses import dataclass, fields
from typing import ClassVar

__all__ = [
    "AccessError",
    "DatasetError",
    "DeclarationError",
    "EngineError",
    "FeatureError",
    "FlowError",
    "FrameUnreadable",
    "GateError",
    "Location",
    "MainspringError",
    "MonitoringError",
    "NewerFormat",
    "NotAName",
    "NotAnActor",
    "PandasMissing",
    "RecordUnreadable",
    "RegistryError",
    "ServingError",
    "SourceError",
    "TrainingError",
    "UnreadableDuration",
    "UnreadableInstant",
    "WrongArgument",
    "iter_error_classes",
]


@dataclass(frozen=True, order=True)
class Location:
    """A place in the user's files: `path:line`; line 0 is the file as a whole."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(eq=False, kw_only=True)
class MainspringError(Exception):
    """The root of all errors raised on purpose: catch it to catch all that have a code."""

    code: ClassVar[str] = "MSP-000"
    template: ClassVar[str] = "something went wrong"
    remedy: ClassVar[str] = ""

    at: Location | None = None

    @property
    def message(self) -> str:
        """What is wrong, with names and values, without code, place or remedy."""
        return self.template.format(**self.details())

    @property
    def title(self) -> str:
        """What went wrong in general: the first sentence of the class's page."""
        page = " ".join((type(self).__doc__ or "").partition("\n\n")[0].split())
        return page.partition(".  ")[0].partition(". ")[0]

    def details(self) -> dict[str, object]:
        """The typed fields of this error by name, without its place."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "at"}

    def __str__(self) -> str:
        where = f"{self.at}: " if self.at else ""
        remedy = f"\n  → {self.remedy.format(**self.details())}" if self.remedy else ""
        return f"{where}{self.code} {self.message}{remedy}"


class DeclarationError(MainspringError):
    """A declaration in a project is wrong."""


class SourceError(MainspringError):
    """Data broke its contract, or a file cannot be read."""


class FeatureError(MainspringError):
    """A feature cannot be computed or read."""


class DatasetError(MainspringError):
    """A training set cannot be built."""


class TrainingError(MainspringError):
    """A fit failed, or its model cannot be exported."""


class RegistryError(MainspringError):
    """A version, artifact or pointer is missing or was changed."""


class GateError(MainspringError):
    """A model did not pass its gates, or a gate cannot be judged."""


class ServingError(MainspringError):
    """A request cannot be answered."""


class MonitoringError(MainspringError):
    """A monitor has nothing to compare with."""


class FlowError(MainspringError):
    """A run, plan, lease or backup cannot go on."""


class EngineError(MainspringError):
    """A product behind a port failed."""

    transient: ClassVar[bool] = False
    """Whether the same call may succeed a little later."""


class AccessError(MainspringError):
    """The caller may not do this, or names something that does not exist."""


def iter_error_classes(
    root: type[MainspringError] = MainspringError,
) -> list[type[MainspringError]]:
    """All concrete error classes imported so far, sorted by code."""
    found = [c for child in root.__subclasses__() for c in [child, *iter_error_classes(child)]]
    return sorted((c for c in found if "code" in vars(c)), key=lambda c: c.code)


@dataclass(eq=False, kw_only=True)
class UnreadableDuration(DeclarationError):
    """A duration cannot be read.  It is text: a positive whole number and one unit, `us`, `ms`,
    `s`, `m`, `h`, `d` or `w`; at most 2**62 microseconds.  `1d` is 24 hours.
    """

    code: ClassVar[str] = "PRJ-001"
    template: ClassVar[str] = "{text!r} is not a duration"
    remedy: ClassVar[str] = "write a positive whole number and a unit, such as 90s, 3h or 7d"
    text: str


@dataclass(eq=False, kw_only=True)
class UnreadableInstant(DeclarationError):
    """A date or time cannot be read.  It is written in ISO 8601; without a time zone it is taken as
    UTC.
    """

    code: ClassVar[str] = "PRJ-002"
    template: ClassVar[str] = "{text!r} is not a date or time"
    remedy: ClassVar[str] = "write it as 2013-10-01 or 2013-10-01T06:30:00Z"
    text: str


@dataclass(eq=False, kw_only=True)
class NotAName(DeclarationError):
    """Something is neither a name nor a declaration, which stands for its name."""

    code: ClassVar[str] = "PRJ-080"
    template: ClassVar[str] = "{found} is not the name of a {kind}"
    remedy: ClassVar[str] = 'give the name as text, such as "late_arrival", or the declaration'
    kind: str
    found: str


@dataclass(eq=False, kw_only=True)
class WrongArgument(DeclarationError):
    """A method of the library was called with a value of another type than it takes, or with a text
    that can be no name and no path.
    """

    code: ClassVar[str] = "PRJ-082"
    template: ClassVar[str] = "{method}: {argument} is {found}, and not {wanted}"
    remedy: ClassVar[str] = "call it as its docstring says, which help(...) prints"
    method: str
    argument: str
    found: str
    wanted: str


@dataclass(eq=False, kw_only=True)
class NotAnActor(AccessError):
    """Somebody is to act under what is no name of an actor.

    A name says what kind of actor it is and who, such as `person:ada`, `service:till` or
    `schedule:nightly`.  The kind is of small letters, digits and dashes, up to 30; the rest of
    letters, digits and `. _ @ + -`, up to 100, and begins with a letter or a digit.  All of them
    are ASCII.
    """

    code: ClassVar[str] = "ACC-030"
    template: ClassVar[str] = "{given} is no name of an actor"
    remedy: ClassVar[str] = "write the kind and the name, such as person:ada or service:till"

    given: str


@dataclass(eq=False, kw_only=True)
class NewerFormat(RegistryError):
    """A record was stored by a later release, in a format that this one does not know.

    Reading it as if it were of an older format could overlook what it says, so it is not read at
    all.  Records of every older format are read.
    """

    code: ClassVar[str] = "REG-005"
    template: ClassVar[str] = (
        "{record} is stored in format {found}; this release reads up to format {known}"
    )
    remedy: ClassVar[str] = (
        "upgrade Mainspring to the release that stored it, or a later one; "
        "`mainspring --version` says which this is"
    )
    record: str
    found: int
    known: int


@dataclass(eq=False, kw_only=True)
class RecordUnreadable(RegistryError):
    """A stored record is not as it was written: it was cut, overwritten, changed by hand, or lies
    under the name of another.

    What stands in the state lies in `.mainspring/state.db`.  Nothing is guessed in place of such a
    record, and what does not need it goes on working.
    """

    code: ClassVar[str] = "REG-020"
    template: ClassVar[str] = "{record} cannot be read: {reason}"
    remedy: ClassVar[str] = (
        "restore a backup; what an environment holds can also be built again with "
        "`mainspring apply`"
    )
    record: str
    reason: str


@dataclass(eq=False, kw_only=True)
class FrameUnreadable(FeatureError):
    """Rows were given as something that is no frame, or a column of a frame has no one type.

    A frame of Polars is taken as it is.  Of a frame of pandas, each column must hold values of one
    type: a column of objects may hold text, whole numbers, dates or booleans, but no mixture.
    """

    code: ClassVar[str] = "FEA-070"
    template: ClassVar[str] = "{what} {problem}"
    remedy: ClassVar[str] = (
        "give a polars.DataFrame or a pandas.DataFrame whose columns are named by text and hold "
        "values of one type each"
    )
    what: str
    problem: str


@dataclass(eq=False, kw_only=True)
class PandasMissing(FeatureError):
    """A frame of pandas was asked for, and pandas is not installed; nothing else needs it."""

    code: ClassVar[str] = "FEA-071"
    template: ClassVar[str] = "pandas is not installed"
    remedy: ClassVar[str] = "pip install pandas, or use the frame of Polars"
