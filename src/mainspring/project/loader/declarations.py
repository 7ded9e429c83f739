"""What a project declares: its assets and its entities, each object once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from mainspring.datasets.spec import TrainingSet
from mainspring.features.spec import Entity, FeatureSet, FeatureView, OnDemandFeatureView
from mainspring.monitoring.spec import Monitor
from mainspring.project.kinds.asset import Declaration, ProjectCode
from mainspring.project.kinds.union import KINDS, is_asset, parents_of
from mainspring.serving.spec import Endpoint
from mainspring.sources.spec import Source
from mainspring.training.spec import Model

__all__ = ["Declarations", "collect_declarations", "is_declared"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Declarations:
    """Everything that a project declares, each object once, in the order of its modules.

    Args:
        root: the folder that paths of sources are relative to; "" for declarations that live in
            memory only.
        assets: all declarations that are assets, by kind: parents never follow their children.
        entities: whom features describe; they belong to the views that use them.
    """

    root: str = ""
    assets: tuple[Declaration, ...] = ()
    entities: tuple[Entity, ...] = ()
    code: ProjectCode = field(default_factory=ProjectCode)

    def of(self, kind: type[T]) -> tuple[T, ...]:
        """Those of one class."""
        return tuple(asset for asset in self.assets if isinstance(asset, kind))

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources."""
        return self.of(Source)

    @property
    def views(self) -> tuple[FeatureView, ...]:
        """The feature views."""
        return self.of(FeatureView)

    @property
    def on_demand_views(self) -> tuple[OnDemandFeatureView, ...]:
        """The on-demand feature views."""
        return self.of(OnDemandFeatureView)

    @property
    def feature_sets(self) -> tuple[FeatureSet, ...]:
        """The feature sets."""
        return self.of(FeatureSet)

    @property
    def training_sets(self) -> tuple[TrainingSet, ...]:
        """The training sets."""
        return self.of(TrainingSet)

    @property
    def models(self) -> tuple[Model, ...]:
        """The models."""
        return self.of(Model)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints."""
        return self.of(Endpoint)

    @property
    def monitors(self) -> tuple[Monitor, ...]:
        """The monitors."""
        return self.of(Monitor)


def is_declared(value: object) -> bool:
    """Whether it is something that a project declares: an asset or an entity."""
    return is_asset(value) or isinstance(value, Entity)


def collect_declarations(
    values: Iterable[object], *, root: str = "", code: ProjectCode | None = None
) -> Declarations:
    """The declarations among these values and all that they refer to, each object once; other
    values are passed over.
    """
    found: dict[int, Declaration] = {}
    entities: dict[int, Entity] = {}
    for value in values:
        _add(value, found, entities)
    every = list(found.values())
    return Declarations(
        root=root,
        assets=tuple(d for kind in KINDS for d in every if isinstance(d, kind.declares)),
        entities=tuple(entities.values()),
        code=code or ProjectCode(),
    )


def _add(value: object, found: dict[int, Declaration], entities: dict[int, Entity]) -> None:
    if isinstance(value, Entity):
        entities.setdefault(id(value), value)
    elif is_asset(value) and id(value) not in found:
        for parent in parents_of(value):
            _add(parent, found, entities)
        for entity in value.entities if isinstance(value, FeatureView) else ():
            _add(entity, found, entities)
        found[id(value)] = value
