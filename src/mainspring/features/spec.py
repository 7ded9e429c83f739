"""What a team declares about features: whom they describe, and how they come from facts, once for
batch and stream.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from typing import Literal as OneOf

from mainspring.elements.declaration import GivenTags, Tags, caller, freeze, parse_tags
from mainspring.elements.errors import Location
from mainspring.elements.expression.aggregation import Aggregation
from mainspring.elements.expression.build import Expr, node_of
from mainspring.elements.expression.tree import Node
from mainspring.elements.time import Micros, parse_duration
from mainspring.elements.window import Closed, WindowLength, parse_window
from mainspring.sources.spec import Source

__all__ = [
    "Entity",
    "FeatureSelection",
    "FeatureSet",
    "FeatureView",
    "Knowledge",
    "Latest",
    "NullKeys",
    "OnDemandFeatureView",
    "iter_selections",
    "latest",
    "merge_selections",
]

Knowledge = OneOf["as_known", "as_corrected"]
NullKeys = OneOf["skip", "group"]


@dataclass(frozen=True, init=False)
class Entity:
    """Whom features describe, by one column, several, or none (`join_keys=[]`: the whole network).

    Args:
        join_keys: columns of the same names in sources and spines; default: the name of the entity.
        null_keys: `skip`: a fact with a null in its key belongs to none, and a request with one
            sees empty windows; `group`: null is a key like any other.
        through: a view of `latest(...)` that knows the join keys: an aircraft's type is looked up
            by its tail number.  A request then has the keys of that view, and belongs to
            what it knew at the prediction time.
    """

    name: str
    join_keys: tuple[str, ...]
    null_keys: NullKeys
    through: "FeatureView | None"
    declared_at: Location = field(compare=False, repr=False)
    owner: str = ""
    description: str = ""
    tags: Tags = ()

    def __init__(
        self,
        name: str,
        *,
        join_keys: Sequence[str] | None = None,
        null_keys: NullKeys = "skip",
        through: "FeatureView | None" = None,
        owner: str = "",
        description: str = "",
        tags: GivenTags = (),
    ) -> None:
        keys = (name,) if join_keys is None else tuple(join_keys)
        if through is not None:
            _require("through", [through], FeatureView)
        freeze(
            self,
            name=name,
            join_keys=keys,
            null_keys=null_keys,
            through=through,
            owner=owner,
            description=description,
            tags=parse_tags(tags),
            declared_at=caller(),
        )

    @property
    def request_keys(self) -> tuple[str, ...]:
        """The columns that a request names the entity by."""
        if self.through is None:
            return self.join_keys
        return tuple(
            dict.fromkeys(key for entity in self.through.entities for key in entity.join_keys)
        )


@dataclass(frozen=True)
class Latest:
    """The newest visible fact's values of these columns."""

    columns: tuple[str, ...]


def _require(field: str, given: Sequence[object], wanted: type) -> None:
    """Raise TypeError for the first of the values that is no declaration of this kind."""
    for value in given:
        if not isinstance(value, wanted):
            raise TypeError(
                f"{field}: {value!r} is no {wanted.__name__}; write "
                f"ms.{wanted.__name__}(...) and name it here"
            )


def latest(*columns: str) -> Latest:
    """The values of these columns in the newest fact that is visible; one whole fact, nulls as they
    stand.
    """
    return Latest(columns)


@dataclass(frozen=True, init=False)
class FeatureView:
    """Features of entities from one source, or several of the same columns: aggregates over
    windows, or the newest fact.

    Args:
        source: whose facts; those of several sources are one history, ordered by (event time,
            source name, id); of one that was renamed its first name.
        windows: lengths such as `3h`, or `unbounded`; a window at prediction time q is `[q - w, q)`
            on event time, exact to the event.
        features: a name for each aggregation, or `latest(...)`.  Columns come out as
            `origin__delay_mean__3h` and `origin__temp`.
        ttl: for `latest`: a fact counts while `event_time < q < event_time + ttl`.
        closed: which edges belong to a window: `left` `[q - w, q)`, `right` `(q - w, q]`, `both`
            `[q - w, q]`.
        hop: answer as at the last multiple of this length since 1970, on both clocks; without it
            the answer is exact at q.
        knowledge: `as_known` (what was visible at q), or `as_corrected`: hindsight, which no gate
            lets serve.
        renamed_from: what it was called before: it keeps its state and its history.
    """

    POLICY: ClassVar[frozenset[str]] = frozenset({"owner", "description"})

    name: str
    sources: tuple[Source, ...]
    entities: tuple[Entity, ...]
    windows: tuple[WindowLength, ...]
    features: tuple[tuple[str, Aggregation], ...] | Latest
    ttl: Micros | None
    closed: Closed
    hop: Micros | None
    knowledge: Knowledge
    declared_at: Location = field(compare=False, repr=False)
    owner: str = ""
    description: str = ""
    tags: Tags = ()
    renamed_from: str = ""

    def __init__(
        self,
        name: str,
        *,
        source: Source | Sequence[Source],
        entities: Entity | Sequence[Entity],
        features: Mapping[str, Aggregation] | Latest,
        windows: Sequence[str] = (),
        ttl: str | None = None,
        closed: Closed = "left",
        hop: str | None = None,
        knowledge: Knowledge = "as_known",
        owner: str = "",
        description: str = "",
        tags: GivenTags = (),
        renamed_from: str = "",
    ) -> None:
        sources = (source,) if isinstance(source, Source) else tuple(source)
        _require("source", sources, Source)
        entities = (entities,) if isinstance(entities, Entity) else tuple(entities)
        _require("entities", entities, Entity)
        if not isinstance(features, Latest | Mapping):
            raise TypeError(
                f"features: {features!r} names nothing; write "
                f"{{'mean': col('amount').mean()}}, or ms.latest('amount')"
            )
        freeze(
            self,
            name=name,
            sources=tuple(sorted(sources, key=lambda each: each.name)),
            entities=entities,
            windows=tuple(
                parse_window(w) for w in ((windows,) if isinstance(windows, str) else windows)
            ),
            features=features if isinstance(features, Latest) else tuple(features.items()),
            ttl=parse_duration(ttl) if ttl is not None else None,
            closed=closed,
            hop=parse_duration(hop) if hop is not None else None,
            knowledge=knowledge,
            owner=owner,
            description=description,
            tags=parse_tags(tags),
            declared_at=caller(),
            renamed_from=renamed_from,
        )

    @property
    def is_union(self) -> bool:
        """Whether it reads several sources."""
        return len(self.sources) > 1

    @property
    def lookups(self) -> tuple["FeatureView", ...]:
        """The views through which its entities are reached, each once."""
        found = {
            entity.through.name: entity.through
            for entity in self.entities
            if entity.through is not None
        }
        return tuple(found.values())


@dataclass(frozen=True, init=False)
class OnDemandFeatureView:
    """Features computed from the request alone, at prediction time: one expression each."""

    POLICY: ClassVar[frozenset[str]] = frozenset({"owner", "description"})

    name: str
    features: tuple[tuple[str, Node], ...]
    declared_at: Location = field(compare=False, repr=False)
    owner: str = ""
    description: str = ""
    tags: Tags = ()

    def __init__(
        self,
        name: str,
        *,
        features: Mapping[str, Expr],
        owner: str = "",
        description: str = "",
        tags: GivenTags = (),
    ) -> None:
        freeze(
            self,
            name=name,
            features=tuple((name, node_of(expression)) for name, expression in features.items()),
            owner=owner,
            description=description,
            tags=parse_tags(tags),
            declared_at=caller(),
        )


@dataclass(frozen=True)
class FeatureSelection:
    """A view, and those of its features that are meant.

    Args:
        view: its declaration; until the project is loaded it may be its name.
        columns: empty for all of them.
    """

    view: FeatureView | OnDemandFeatureView | str
    columns: tuple[str, ...] = ()

    @property
    def view_name(self) -> str:
        """The name of the view."""
        return self.view if isinstance(self.view, str) else self.view.name


@dataclass(frozen=True, init=False)
class FeatureSet:
    """Features under one name: what training sets, reads and clients ask for together.  Feast calls
    it a feature service.

    Args:
        features: feature views and on-demand views, or their names; `view:feature` for one feature
            of a view.
        renamed_from: what it was called before: what is made from it stays as it is.
    """

    POLICY: ClassVar[frozenset[str]] = frozenset()

    name: str
    features: tuple[FeatureSelection, ...]
    declared_at: Location = field(compare=False, repr=False)
    owner: str = ""
    description: str = ""
    tags: Tags = ()
    renamed_from: str = ""

    def __init__(
        self,
        name: str,
        *,
        features: Sequence[FeatureView | OnDemandFeatureView | str],
        owner: str = "",
        description: str = "",
        tags: GivenTags = (),
        renamed_from: str = "",
    ) -> None:
        given = (features,) if isinstance(features, str) else tuple(features)
        freeze(
            self,
            name=name,
            features=tuple(_selection(each) for each in given),
            owner=owner,
            description=description,
            tags=parse_tags(tags),
            renamed_from=renamed_from,
            declared_at=caller(),
        )


def _selection(given: object) -> FeatureSelection:
    match given:
        case FeatureView() | OnDemandFeatureView():
            return FeatureSelection(given)
        case str():
            view, _, column = given.partition(":")
            return FeatureSelection(view, (column,) if column else ())
        case FeatureSet():
            raise TypeError(
                f"features: feature set {given.name!r} cannot be part of another; name its views"
            )
    raise TypeError(
        f"features: {given!r} is no view; write ms.FeatureView(...) and name it here, or "
        f"'view:feature'"
    )


def merge_selections(
    members: Iterable[FeatureView | OnDemandFeatureView | FeatureSet],
) -> tuple[FeatureSelection, ...]:
    """The views of these, each once, in the order in which they are first named, with the features
    that are meant; a name that no project has resolved is left out.
    """
    merged: dict[str, FeatureSelection] = {}
    for one in iter_selections(members):
        before = merged.get(one.view_name)
        is_whole = not one.columns or (before is not None and not before.columns)
        columns = () if is_whole else (*(before.columns if before else ()), *one.columns)
        merged[one.view_name] = FeatureSelection(one.view, columns)
    return tuple(merged.values())


def iter_selections(
    members: Iterable[FeatureView | OnDemandFeatureView | FeatureSet],
) -> Iterator[FeatureSelection]:
    """What these name, as they name it."""
    for member in members:
        selections = (
            member.features if isinstance(member, FeatureSet) else (FeatureSelection(member),)
        )
        yield from (each for each in selections if not isinstance(each.view, str))
