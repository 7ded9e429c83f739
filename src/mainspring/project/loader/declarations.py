"""What a project declares, by kind, and what its declarations are called in graphs, environments
and plans.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import assert_never

from mainspring.datasets.spec import TrainingSet
from mainspring.features.spec import Entity, FeatureView, OnDemandFeatureView
from mainspring.monitoring.spec import Monitor
from mainspring.registry.environment import AssetKind
from mainspring.serving.spec import Endpoint
from mainspring.sources.spec import Source
from mainspring.training.spec import Model

__all__ = [
    "Declaration",
    "Declarations",
    "ProjectCode",
    "asset_kind",
    "asset_name",
    "collect_declarations",
    "is_declaration",
    "parents_of",
]

Declaration = Source | FeatureView | OnDemandFeatureView | TrainingSet | Model | Endpoint | Monitor
"""A declaration that is an asset: something that is built, answers or watches.  Entities only name
keys and belong to the views that use them.
"""


@dataclass(frozen=True)
class ProjectCode:
    """The project's own code, for fingerprints.

    Args:
        modules: its modules by the name under which they were imported.
        texts: the text of each file, by the path that functions carry.
    """

    modules: Mapping[str, ModuleType] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Declarations:
    """Everything that a project declares, each object once, in the order of its modules.

    Args:
        root: the folder that paths of sources are relative to; "" for declarations that live in
            memory only.
    """

    root: str = ""
    sources: tuple[Source, ...] = ()
    entities: tuple[Entity, ...] = ()
    views: tuple[FeatureView, ...] = ()
    on_demand_views: tuple[OnDemandFeatureView, ...] = ()
    training_sets: tuple[TrainingSet, ...] = ()
    models: tuple[Model, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    monitors: tuple[Monitor, ...] = ()
    code: ProjectCode = field(default_factory=ProjectCode)

    @property
    def assets(self) -> tuple[Declaration, ...]:
        """All declarations that are assets, sources first: parents never follow their children."""
        return (
            *self.sources,
            *self.views,
            *self.on_demand_views,
            *self.training_sets,
            *self.models,
            *self.endpoints,
            *self.monitors,
        )


def is_declaration(value: object) -> bool:
    """Whether it is something that a project declares."""
    return isinstance(value, Declaration | Entity)


def asset_kind(declaration: Declaration) -> AssetKind:
    """What kind of asset it is."""
    match declaration:
        case Source():
            return "source"
        case FeatureView():
            return "view"
        case OnDemandFeatureView():
            return "on_demand"
        case TrainingSet():
            return "training_set"
        case Model():
            return "model"
        case Endpoint():
            return "endpoint"
        case Monitor():
            return "monitor"
        case _:
            assert_never(declaration)


def asset_name(declaration: Declaration) -> str:
    """Its name among all assets: `view.departure_delays`."""
    return f"{asset_kind(declaration)}.{declaration.name}"


def parents_of(declaration: Declaration) -> tuple[Declaration, ...]:
    """The declarations that it is made from, each once, in its own order."""
    match declaration:
        case Source() | OnDemandFeatureView():
            return ()
        case FeatureView(sources=sources, lookups=lookups):
            return (*sources, *lookups)
        case TrainingSet(spine=spine, label=label, features=features):
            return _once((spine, label.source, *features))
        case Model(training_set=training_set):
            return (training_set,)
        case Endpoint(model=model) | Monitor(model=model):
            return (model,)
        case _:
            assert_never(declaration)


def collect_declarations(
    values: Iterable[object], *, root: str = "", code: ProjectCode | None = None
) -> Declarations:
    """The declarations among these values and all that they refer to, each object once; other
    values are passed over.
    """
    found: dict[int, Declaration | Entity] = {}
    for value in values:
        _add(value, found)
    every = list(found.values())
    return Declarations(
        root=root,
        sources=tuple(d for d in every if isinstance(d, Source)),
        entities=tuple(d for d in every if isinstance(d, Entity)),
        views=tuple(d for d in every if isinstance(d, FeatureView)),
        on_demand_views=tuple(d for d in every if isinstance(d, OnDemandFeatureView)),
        training_sets=tuple(d for d in every if isinstance(d, TrainingSet)),
        models=tuple(d for d in every if isinstance(d, Model)),
        endpoints=tuple(d for d in every if isinstance(d, Endpoint)),
        monitors=tuple(d for d in every if isinstance(d, Monitor)),
        code=code or ProjectCode(),
    )


def _add(value: object, found: dict[int, Declaration | Entity]) -> None:
    if not isinstance(value, Declaration | Entity) or id(value) in found:
        return
    if not isinstance(value, Entity):
        for parent in (
            *parents_of(value),
            *(value.entities if isinstance(value, FeatureView) else ()),
        ):
            _add(parent, found)
    found[id(value)] = value


def _once(declarations: Iterable[Declaration]) -> tuple[Declaration, ...]:
    return tuple({id(declaration): declaration for declaration in declarations}.values())
