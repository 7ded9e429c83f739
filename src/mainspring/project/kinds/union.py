"""The closed union of the kinds of assets, and what is found by it.

A new kind is a module beside this one and a line here: nothing else in the tree lists kinds.  The
registry and whoever reads environments know a kind as text.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias, TypeGuard, Union, assert_never, get_args

from mainspring.project.kinds.asset import Declaration
from mainspring.project.kinds.endpoint import EndpointKind
from mainspring.project.kinds.feature_set import FeatureSetKind
from mainspring.project.kinds.feature_view import FeatureViewKind
from mainspring.project.kinds.kind import Kind
from mainspring.project.kinds.model import ModelKind
from mainspring.project.kinds.monitor import MonitorKind
from mainspring.project.kinds.on_demand_view import OnDemandFeatureViewKind
from mainspring.project.kinds.source import SourceKind
from mainspring.project.kinds.stage import StageRecord
from mainspring.project.kinds.training_set import TrainingSetKind

__all__ = [
    "KINDS",
    "AssetKind",
    "KindStage",
    "asset_name",
    "former_name",
    "is_asset",
    "kind_of",
    "kind_of_stage",
    "parents_of",
]

AssetKind = (
    SourceKind
    | FeatureViewKind
    | OnDemandFeatureViewKind
    | FeatureSetKind
    | TrainingSetKind
    | ModelKind
    | EndpointKind
    | MonitorKind
)
"""Every kind, parents before children, which is the order of their stages too."""

KINDS: Final[tuple[AssetKind, ...]] = tuple(kind() for kind in get_args(AssetKind))

# The stages follow from the kinds; a type checker cannot see that, and takes them for what they
# have in common.
if TYPE_CHECKING:
    KindStage: TypeAlias = StageRecord
else:
    KindStage = Union[tuple(stage for kind in KINDS for stage in kind.stages)]  # noqa: UP007

_BY_STAGE: Final[Mapping[type[StageRecord], AssetKind]] = {
    stage: kind for kind in KINDS for stage in kind.stages
}


def kind_of(declaration: Declaration) -> AssetKind:
    """The kind that a declaration is of."""
    found = next((kind for kind in KINDS if isinstance(declaration, kind.declares)), None)
    assert found is not None, f"{type(declaration).__name__} is declared by no kind in this union"
    return found


def is_asset(value: object) -> TypeGuard[Declaration]:
    """Whether it is a declaration of one of the kinds."""
    return isinstance(value, tuple(kind.declares for kind in KINDS))


def asset_name(declaration: Declaration) -> str:
    """Its name among all assets: `view.departure_delays`."""
    return f"{_checked(kind_of(declaration)).name}.{declaration.name}"


def former_name(declaration: Declaration) -> str:
    """What the asset was called before, as `renamed_from=` says; empty where it says nothing."""
    kind = kind_of(declaration)
    former = kind.renamed_from(declaration)
    return f"{kind.name}.{former}" if former else ""


def parents_of(declaration: Declaration) -> tuple[Declaration, ...]:
    """The declarations that it is made from, each once, in its own order."""
    return kind_of(declaration).parents(declaration)


def kind_of_stage(stage: StageRecord) -> AssetKind:
    """The kind that performs and explains a stage."""
    return _BY_STAGE[type(stage)]


def _checked(kind: AssetKind) -> AssetKind:
    """The kind; the type checker refuses a member of the union that lacks what a kind must have."""
    match kind:
        case Kind():
            return kind
        case _:
            assert_never(kind)
