"""The declaration of a source: where its data is, when its facts happen and become known, and its
contract.
"""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from typing import ClassVar, cast

from mainspring.elements.declaration import (
    ADDED,
    GivenTags,
    Tags,
    caller,
    freeze,
    parse_tags,
)
from mainspring.elements.errors import Location
from mainspring.elements.expression.build import Expr
from mainspring.elements.expression.calendar import CALENDAR_RANGE
from mainspring.elements.expression.operations.arithmetic import Arithmetic
from mainspring.elements.expression.tree import Column, Literal, Node
from mainspring.elements.schema import DType
from mainspring.elements.time import Micros, parse_duration
from mainspring.elements.values.spelling import PLAIN, Spelling

__all__ = [
    "NO_EVENT_TIME",
    "AssumedDelay",
    "Binary",
    "Boolean",
    "ColumnContract",
    "Contract",
    "Decimal",
    "Float64",
    "Int64",
    "Source",
    "String",
    "Time",
    "Timestamp",
    "UInt64",
    "Vector",
    "assumed_delay",
    "bind_source",
    "declared_delay",
]


NO_EVENT_TIME = Literal(CALENDAR_RANGE[0], DType.TIMESTAMP)
"""The event time of facts that have none: before every moment at which somebody could ask."""


@dataclass(frozen=True)
class ColumnContract:
    """The contract of one column: its type, whether it may be null, and bounds on its values.

    Args:
        spelling: how values are written where they arrive as text.
        digits: of decimals, how many they have in all and behind the point.
        size: of vectors, how many numbers each has.
    """

    dtype: DType
    nullable: bool = True
    between: tuple[float, float] | None = None
    one_of: tuple[str | int, ...] | None = None
    max_length: int | None = None
    allow_nan: bool = False
    spelling: Spelling = field(default=PLAIN, metadata=ADDED)
    digits: tuple[int, int] | None = field(default=None, metadata=ADDED)
    size: int | None = field(default=None, metadata=ADDED)


def Int64(
    *,
    between: tuple[int, int] | None = None,
    one_of: tuple[int, ...] | None = None,
    nullable: bool = True,
    thousands: str = "",
    nulls: str | Iterable[str] = (),
) -> ColumnContract:
    """Whole numbers of 64 bits; `between` is closed on both sides.

    Args:
        thousands: what stands between groups of three digits, e.g. `","`.
        nulls: texts that say that there is no value, e.g. `("N/A", "-")`; every type has them.
    """
    spelling = Spelling(thousands=thousands, nulls=_texts(nulls))
    return ColumnContract(DType.INT64, nullable, between, one_of, spelling=spelling)


def UInt64(*, nullable: bool = True, nulls: str | Iterable[str] = ()) -> ColumnContract:
    """Whole numbers from 0 to 2⁶⁴ − 1.  They are stored, can be an id, and have to be cast before
    they are computed with: `col("n").cast(ms.Float64)`.
    """
    return ColumnContract(DType.UINT64, nullable, spelling=Spelling(nulls=_texts(nulls)))


def Float64(
    *,
    between: tuple[float, float] | None = None,
    nullable: bool = True,
    allow_nan: bool = False,
    decimal: str = ".",
    thousands: str = "",
    nulls: str | Iterable[str] = (),
) -> ColumnContract:
    """Real numbers; `between` is closed on both sides.  NaN breaks the contract unless allowed.

    Args:
        decimal: what stands before the decimals in a text, e.g. `","`.
        thousands: what stands between groups of three digits, e.g. `"."`.
    """
    spelling = Spelling(decimal=decimal, thousands=thousands, nulls=_texts(nulls))
    return ColumnContract(DType.FLOAT64, nullable, between, allow_nan=allow_nan, spelling=spelling)


def Decimal(
    precision: int = 38,
    scale: int = 18,
    *,
    nullable: bool = True,
    decimal: str = ".",
    thousands: str = "",
    nulls: str | Iterable[str] = (),
) -> ColumnContract:
    """Decimal numbers, exact: `precision` digits in all, `scale` of them behind the point.  They
    are stored, and have to be cast before they are computed with: `col("price").cast(ms.Float64)`.
    """
    spelling = Spelling(decimal=decimal, thousands=thousands, nulls=_texts(nulls))
    return ColumnContract(DType.DECIMAL, nullable, spelling=spelling, digits=(precision, scale))


def String(
    *,
    max_length: int | None = None,
    one_of: tuple[str, ...] | None = None,
    nullable: bool = True,
    nulls: str | Iterable[str] = (),
) -> ColumnContract:
    """Text; `max_length` counts characters."""
    return ColumnContract(
        DType.STRING,
        nullable,
        one_of=one_of,
        max_length=max_length,
        spelling=Spelling(nulls=_texts(nulls)),
    )


def Binary(*, nullable: bool = True) -> ColumnContract:
    """Bytes; a text is their base64.  They are stored, and nothing is computed from them."""
    return ColumnContract(DType.BYTES, nullable)


def Boolean(*, nullable: bool = True, nulls: str | Iterable[str] = ()) -> ColumnContract:
    """True or false: `true` and `false` in capitals or not, 1 and 0."""
    return ColumnContract(DType.BOOLEAN, nullable, spelling=Spelling(nulls=_texts(nulls)))


def Timestamp(
    format: str = "", *, zone: str = "", nullable: bool = True, nulls: str | Iterable[str] = ()
) -> ColumnContract:
    """Instants, in ISO 8601 where they are text.

    Args:
        format: how texts are written, in the words of Python's `strptime`: `"%d/%m/%Y %H:%M"`.
        zone: the IANA time zone of times that do not say one, e.g. `"Europe/Vienna"`; default: UTC.
            A time that its clocks skip is no instant; of one that they show twice it is the first.
    """
    spelling = Spelling(format=format, zone=zone, nulls=_texts(nulls))
    return ColumnContract(DType.TIMESTAMP, nullable, spelling=spelling)


def Time(*, nullable: bool = True, nulls: str | Iterable[str] = ()) -> ColumnContract:
    """Times of day, stored as whole microseconds since midnight:
    `col("opens").cast(ms.Int64)` is how many.
    """
    return ColumnContract(DType.TIME, nullable, spelling=Spelling(nulls=_texts(nulls)))


def Vector(size: int, *, nullable: bool = True) -> ColumnContract:
    """Vectors of so many real numbers, none of them null; a text is a JSON array.  They are stored,
    and nothing is computed from them.
    """
    return ColumnContract(DType.LIST_FLOAT64, nullable, size=size)


@dataclass(frozen=True, init=False)
class Contract:
    """The contract of a source, by column: `Contract(x=Float64())`, and `Contract(**{"unit price":
    Float64()})` for a name that Python does not take.  A column that it does not name has the type
    of the file, and any value of that type.
    """

    columns: tuple[tuple[str, ColumnContract], ...]

    def __init__(self, /, **columns: ColumnContract) -> None:
        freeze(self, columns=tuple(sorted(columns.items())))


@dataclass(frozen=True)
class AssumedDelay:
    """An assumed delay between event time and `known_at`; marked *assumed* in every plan, card and
    training set.
    """

    delay: Micros


def assumed_delay(text: str) -> AssumedDelay:
    """Assume that facts become known so long after they happen, e.g. `assumed_delay("2h")`."""
    return AssumedDelay(parse_duration(text))


@dataclass(frozen=True, init=False)
class Source:
    """A stream of facts, each with an id, the time it happened and the time it became known.

    Args:
        name: unique in the project.
        path: a Parquet, CSV or JSON-lines file (or a folder of them) relative to the project; None
            for a source that is only pushed to.
        id: the column or columns that name a fact; a second fact of the same id is a duplicate, a
            revision, or quarantined.
        event_time: when it happened: a timestamp column or expression; None for a plain table,
            whose facts are always visible.  Such a source can be a spine, hold labels, or be read
            by `latest`, and leakage cannot be excluded.
        known_at: when it could first be known; default: when it happened.
        contract: of the columns.
        lateness: facts that become visible later than this after they happened go to quarantine;
            None accepts all.
        clock_skew: facts whose `known_at` is further in the future than this go to quarantine,
            because the producer's clock is wrong.  A delay that the declaration itself adds does
            not count.  None accepts all.
        retention: how long after the append the log stores records; after that `gc` may trim
            those that the table has.  None stores them for ever.
        owner: the person or team that is responsible for it.
        max_quarantined: the share of a file's rows that may break the contract; where more do, the
            file is not read.  None stops only where all rows do.
        renamed_from: what it was called before: it keeps its rows and its history.
    """

    POLICY: ClassVar[frozenset[str]] = frozenset({"owner", "description", "retention"})
    NOTES: ClassVar[frozenset[str]] = frozenset(
        {"path", "max_quarantined", "bound_stream", "refreshes"}
    )
    """Fields that are in no fingerprint: they decide nothing about a row."""

    name: str
    path: str | None
    id: tuple[str, ...]
    event_time: Node
    known_at: Node
    known_at_assumed: bool
    contract: Contract
    lateness: Micros | None
    clock_skew: Micros | None
    retention: Micros | None
    declared_at: Location = field(compare=False, repr=False)
    owner: str = ""
    description: str = ""
    tags: Tags = ()
    max_quarantined: float | None = None
    renamed_from: str = ""
    bound_stream: str = field(default="", compare=False, repr=False)
    refreshes: int = field(default=0, compare=False, repr=False)

    def __init__(
        self,
        name: str,
        path: str | None = None,
        *,
        id: str | list[str],
        event_time: str | Expr | None,
        known_at: str | Expr | AssumedDelay | None = None,
        contract: Contract | None = None,
        lateness: str | None = None,
        clock_skew: str | None = "5m",
        retention: str | None = None,
        owner: str = "",
        description: str = "",
        max_quarantined: float | None = None,
        renamed_from: str = "",
        tags: GivenTags = (),
    ) -> None:
        happened = NO_EVENT_TIME if event_time is None else _instant(event_time)
        freeze(
            self,
            name=name,
            path=path,
            id=(id,) if isinstance(id, str) else tuple(id),
            event_time=happened,
            known_at=_known(happened, known_at),
            known_at_assumed=isinstance(known_at, AssumedDelay),
            contract=contract or Contract(),
            lateness=parse_duration(lateness) if lateness else None,
            clock_skew=parse_duration(clock_skew) if clock_skew else None,
            retention=parse_duration(retention) if retention else None,
            owner=owner,
            description=description,
            max_quarantined=max_quarantined,
            renamed_from=renamed_from,
            tags=parse_tags(tags),
            declared_at=caller(),
            bound_stream="",
            refreshes=0,
        )

    @property
    def stream(self) -> str:
        """The name of the generation whose facts it stands for: of the log, an @ and a digest of
        id, clocks, contract and columns; the plain name while it is bound to none.
        """
        return self.bound_stream or self.name

    @property
    def is_timeless(self) -> bool:
        """Whether its facts have no event time."""
        return self.event_time == NO_EVENT_TIME


def bind_source(source: Source, stream: str, *, refreshes: int = 0) -> Source:
    """The source as it stands for one generation of its facts.

    Args:
        refreshes: how many refreshes of its file count for the generation.
    """
    bound = copy(source)
    object.__setattr__(bound, "bound_stream", stream)
    object.__setattr__(bound, "refreshes", refreshes)
    return bound


def declared_delay(known_at: Node) -> Micros:
    """How much later than something that its data says a source declares its facts to be known, by
    adding lengths of time.

    >>> declared_delay(Arithmetic("+", Column("hour"), Literal(3_600_000_000, DType.DURATION)))
    3600000000
    """
    match known_at:
        case Arithmetic(op="+", left=rest, right=Literal(value=int(delay), dtype=DType.DURATION)):
            return max(delay, 0) + declared_delay(rest)
        case Arithmetic(op="+", left=Literal(value=int(delay), dtype=DType.DURATION), right=rest):
            return max(delay, 0) + declared_delay(rest)
        case _:
            return 0


def _texts(texts: str | Iterable[str]) -> tuple[str, ...]:
    given: object = texts
    # A number in place of texts is told when the project is loaded, with all other faults.
    is_one = isinstance(given, str) or not isinstance(given, Iterable)
    return (cast("str", texts),) if is_one else tuple(texts)


def _instant(value: str | Expr) -> Node:
    return Column(value) if isinstance(value, str) else value.node


def _known(event_time: Node, known_at: str | Expr | AssumedDelay | None) -> Node:
    match known_at:
        case None:
            return event_time
        case AssumedDelay(delay):
            return Arithmetic("+", event_time, Literal(delay, DType.DURATION))
        case _:
            return _instant(known_at)
