"""What would change, and the stages that would make it so: one record, performed by `apply`,
printed by `explain`, written as JSON.

A plan is decided from what it is given: the declared graph, and what is known of the world.  It
holds the version of the environment that it was made for, so that applying it to a map that has
moved since is noticed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from mainspring.elements.expression.aggregation import ORDERED
from mainspring.elements.expression.tree import Arithmetic, Literal
from mainspring.elements.identity import Digest, digest_of_value
from mainspring.elements.stored import StoredRecord
from mainspring.elements.time import Micros
from mainspring.features.spec import FeatureView, Latest, OnDemandFeatureView
from mainspring.project.config.config import Cost
from mainspring.project.loader.declarations import Declaration
from mainspring.project.loader.graph import Graph
from mainspring.project.plan.diff import AssetChange, diff_environment
from mainspring.project.plan.estimate import expected_rows, with_estimates
from mainspring.project.plan.stages import Stage
from mainspring.project.plan.staging import stages_for
from mainspring.registry.environment import (
    AssetDefinition,
    Build,
    EnvironmentVersion,
    StageDuration,
)
from mainspring.sources.spec import Source

__all__ = [
    "AssumedKnowledge",
    "FeatureProof",
    "Plan",
    "PlanningContext",
    "make_plan",
    "plan_schema",
]


class AssumedKnowledge(msgspec.Struct, frozen=True, kw_only=True):
    """A source whose `known_at` is a guess, and every asset that rests on it."""

    source: str
    delay_us: int
    assets: tuple[str, ...]


class FeatureProof(msgspec.Struct, frozen=True, kw_only=True):
    """How sure we are that a view's features are the same in batch and online.

    Args:
        proven: features that are expressions, whose two evaluators are held equal on every value.
        tested: features that call a Python function, which can be tried on samples only.
        ordered: those among the proven that fold events one by one in total order, at a cost that
            grows with the window.
        hop_us: answers are dated to the last multiple of this length in microseconds; None where
            they are exact at the prediction time.
    """

    asset: str
    proven: tuple[str, ...]
    tested: tuple[str, ...]
    ordered: tuple[str, ...] = ()
    hop_us: int | None = None


class Plan(StoredRecord, frozen=True, kw_only=True):
    """What `apply` would do to an environment, and why.

    Args:
        identity: names the plan by its stages and the version of the environment that it starts
            from.
        environment_version: the version of the map that it was made for.
        changes: what differs from the environment; an empty list is an empty plan.
        unchanged: how many assets stay as they are.
        stages: in the order in which they run.
        currency: of the costs.
    """

    title = "a plan"

    identity: Digest
    project: str
    environment: str
    environment_version: int
    changes: tuple[AssetChange, ...]
    unchanged: int
    stages: tuple[Stage, ...]
    assumed: tuple[AssumedKnowledge, ...]
    features: tuple[FeatureProof, ...]
    currency: str

    @property
    def is_empty(self) -> bool:
        """Whether the environment already holds what is declared."""
        return not self.changes

    @property
    def work(self) -> tuple[Stage, ...]:
        """The stages that would run: those without a build to reuse."""
        return tuple(stage for stage in self.stages if stage.reuses is None)


@dataclass(frozen=True, kw_only=True)
class PlanningContext:
    """What is known when a plan is made; read once, before.

    Args:
        environment: the map to compare with.
        builds: by (asset, build fingerprint).
        definitions: of the assets in the map, by asset; one that lacks is reported as changed
            without saying what.
        durations: what stages took when they last ran.
        rows: how many rows each source has, by its declared name.
        cost: the price of a core.
    """

    environment: EnvironmentVersion
    builds: Mapping[tuple[str, Digest], Build] = field(default_factory=dict)
    definitions: Mapping[str, AssetDefinition] = field(default_factory=dict)
    durations: Iterable[StageDuration] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)


def make_plan(project: str, graph: Graph, world: PlanningContext) -> Plan:
    """What it takes to make the environment hold what is declared.

    Cost: linear in the assets and their edges; nothing is read.
    """
    changes, unchanged = diff_environment(graph, world.environment, world.definitions)
    planned = stages_for(graph, changes, environment=world.environment, builds=world.builds)
    stages = with_estimates(
        planned, rows=expected_rows(graph, world.rows), durations=world.durations, cost=world.cost
    )
    identity = digest_of_value(
        [
            world.environment.environment,
            world.environment.version,
            [stage.identity for stage in stages],
        ]
    )
    return Plan(
        identity=identity,
        project=project,
        environment=world.environment.environment,
        environment_version=world.environment.version,
        changes=changes,
        unchanged=unchanged,
        stages=stages,
        assumed=_assumed(graph),
        features=_proofs(graph),
        currency=world.cost.currency,
    )


def plan_schema() -> bytes:
    """The JSON schema of `plan --json`, as kept in `docs/plan-schema.json`."""
    return (
        msgspec.json.format(
            msgspec.json.encode(msgspec.json.schema(Plan), order="sorted"), indent=2
        )
        + b"\n"
    )


def _assumed(graph: Graph) -> tuple[AssumedKnowledge, ...]:
    return tuple(
        AssumedKnowledge(
            source=asset.name,
            delay_us=_assumed_delay(asset.declaration),
            assets=graph.downstream([asset.name]),
        )
        for asset in graph.assets.values()
        if isinstance(asset.declaration, Source) and asset.declaration.known_at_assumed
    )


def _assumed_delay(source: Source) -> Micros:
    match source.known_at:
        case Arithmetic(right=Literal(value=int(delay))):
            return delay
        case _:
            return 0


def _proofs(graph: Graph) -> tuple[FeatureProof, ...]:
    found = (_proof(asset.name, asset.declaration) for asset in graph.assets.values())
    return tuple(proof for proof in found if proof)


def _proof(asset: str, declaration: Declaration) -> FeatureProof | None:
    match declaration:
        case FeatureView(features=Latest(columns=columns), hop=hop):
            return FeatureProof(asset=asset, proven=columns, tested=(), hop_us=hop)
        case FeatureView(features=tuple() as aggregations, hop=hop):
            ordered = tuple(
                name for name, aggregation in aggregations if aggregation.name in ORDERED
            )
            return FeatureProof(
                asset=asset,
                proven=tuple(name for name, _ in aggregations),
                tested=(),
                ordered=ordered,
                hop_us=hop,
            )
        case OnDemandFeatureView(features=expressions):
            return FeatureProof(
                asset=asset, proven=tuple(name for name, _ in expressions), tested=()
            )
        case _:
            return None
