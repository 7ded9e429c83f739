"""What a team declares about features: whom they describe, and how they come from facts, once for batch and stream."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from typing import Literal as OneOf

from mainspring.elements.declaration import caller, freeze
from mainspring.elements.errors import Location
from mainspring.elements.expression.build import Expr
from mainspring.elements.expression.tree import Aggregation, Node
from mainspring.elements.time import Micros, parse_duration
from mainspring.sources.spec import Source

__all__ = ["Entity", "FeatureView", "Knowledge", "Latest", "OnDemandFeatureView", "latest"]

Knowledge = OneOf["as_known", "as_corrected"]


@dataclass(frozen=True, init=False)
class Entity:
    """Whom features describe, by one column, several, or none (`join_keys=[]`: the whole network).

    Args:
        join_keys: columns of the same names in sources and spines; default: the name of the entity.
    """

    name: str
    join_keys: tuple[str, ...]
    declared_at: Location = field(compare=False, repr=False)

    def __init__(self, name: str, *, join_keys: Sequence[str] | None = None) -> None:
        freeze(self, name=name, join_keys=(name,) if join_keys is None else tuple(join_keys), declared_at=caller())


@dataclass(frozen=True)
class Latest:
    """The newest visible fact's values of these columns."""

    columns: tuple[str, ...]


def latest(*columns: str) -> Latest:
    """The values of these columns in the newest fact that is visible; one whole fact, nulls as they stand."""
    return Latest(columns)


@dataclass(frozen=True, init=False)
class FeatureView:
    """Features of entities from one source: aggregates over windows, or the newest fact.

    Args:
        windows: lengths such as `3h`; a window at prediction time q is `[q - w, q)` on event time, exact to the event.
        features: a name for each aggregation, or `latest(...)`.  Columns come out as `origin__delay_mean__3h` and `origin__temp`.
        ttl: for `latest`: a fact counts while `event_time < q < event_time + ttl`.
        knowledge: `as_known` (what was visible at q), or `as_corrected`: hindsight, which no gate lets serve.
    """

    POLICY: ClassVar[frozenset[str]] = frozenset({"owner", "description"})

    name: str
    source: Source
    entities: tuple[Entity, ...]
    windows: tuple[Micros, ...]
    features: tuple[tuple[str, Aggregation], ...] | Latest
    ttl: Micros | None
    knowledge: Knowledge
    owner: str
    description: str
    declared_at: Location = field(compare=False, repr=False)

    def __init__(
        self,
        name: str,
        *,
        source: Source,
        entities: Sequence[Entity],
        features: Mapping[str, Aggregation] | Latest,
        windows: Sequence[str] = (),
        ttl: str | None = None,
        knowledge: Knowledge = "as_known",
        owner: str = "",
        description: str = "",
    ) -> None:
        freeze(
            self,
            name=name,
            source=source,
            entities=tuple(entities),
            windows=tuple(parse_duration(w) for w in windows),
            features=features if isinstance(features, Latest) else tuple(features.items()),
            ttl=parse_duration(ttl) if ttl else None,
            knowledge=knowledge,
            owner=owner,
            description=description,
            declared_at=caller(),
        )


@dataclass(frozen=True, init=False)
class OnDemandFeatureView:
    """Features computed from the request alone, at the moment it is asked: one expression each."""

    POLICY: ClassVar[frozenset[str]] = frozenset({"owner", "description"})

    name: str
    features: tuple[tuple[str, Node], ...]
    owner: str
    description: str
    declared_at: Location = field(compare=False, repr=False)

    def __init__(self, name: str, *, features: Mapping[str, Expr], owner: str = "", description: str = "") -> None:
        freeze(
            self,
            name=name,
            features=tuple((name, expression.node) for name, expression in features.items()),
            owner=owner,
            description=description,
            declared_at=caller(),
        )
