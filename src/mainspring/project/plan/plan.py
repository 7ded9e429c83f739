"""What would change, and the stages that would make it so: one record, performed by `apply`,
printed by `explain`, written as JSON.

A plan is decided from what it is given: the declared graph, and what is known of the world.  It
holds the version of the environment that it was made for, so that applying it to a map that has
moved since is noticed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal as OneOf

import msgspec

from mainspring.elements.identity import Digest, digest_of_value
from mainspring.elements.stored import StoredRecord
from mainspring.project.config.config import Cost
from mainspring.project.kinds.asset import Asset
from mainspring.project.kinds.data import DataChange
from mainspring.project.kinds.kind import FeatureProof
from mainspring.project.kinds.source import ReadFiles
from mainspring.project.kinds.union import kind_of
from mainspring.project.loader.graph import Graph
from mainspring.project.plan.columns import SourceColumns, columns_to_show
from mainspring.project.plan.diff import AssetChange, HeldAssets, diff_environment
from mainspring.project.plan.estimate import expected_rows, with_estimates
from mainspring.project.plan.notebook import render_plan_html
from mainspring.project.plan.stages import MoveEnvironment, Stage
from mainspring.project.plan.staging import SourceData, retrain_stages, stages_for
from mainspring.registry.environment import (
    AssetDefinition,
    Build,
    EnvironmentVersion,
    StageDuration,
)
from mainspring.serving.rollouts.awaited import AwaitedRollout, awaited_rollout
from mainspring.serving.spec import Endpoint

__all__ = [
    "AssetFingerprints",
    "AssumedKnowledge",
    "MoveCommand",
    "Plan",
    "PlanningContext",
    "TimelessSource",
    "UnseenInputs",
    "fingerprints_of",
    "identity_of_plan",
    "make_plan",
    "make_run_plan",
    "plan_schema",
]

MoveCommand = OneOf["apply", "run", "promote", "rollback", "point_at"]
"""The commands that move an environment."""


class AssumedKnowledge(msgspec.Struct, frozen=True, kw_only=True):
    """A source whose `known_at` is a guess, and every asset that rests on it."""

    source: str
    delay_us: int
    assets: tuple[str, ...]


class TimelessSource(msgspec.Struct, frozen=True, kw_only=True):
    """A source without event times, and every asset that rests on it: leakage cannot be excluded
    there.
    """

    source: str
    assets: tuple[str, ...]


class UnseenInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What the outcome of an asset may depend on and its fingerprint does not cover."""

    asset: str
    unseen: tuple[str, ...]


class AssetFingerprints(msgspec.Struct, frozen=True):
    """What an asset is declared as: the fingerprints of its build and of its policy."""

    build: Digest
    policy: Digest


class Plan(StoredRecord, frozen=True, kw_only=True):
    """A move of an environment, and all that is done for it; whoever applies it does exactly that.

    Args:
        identity: names the plan by its stages and the version of the environment that it starts
            from.
        act: the verb that it is for; `subject` is what it names beside the environment: the model
            of a run, the environment that is promoted, the version that is pointed at.
        environment_version: the version of the environment that it was made for.
        source_version: of a promotion, the version of the environment that is promoted.
        fingerprints: what every asset was declared as when the plan was made; empty for a plan that
            no declaration takes part in.
        changes: what differs from the environment; an apply without any is an empty plan.
        unchanged: how many assets stay as they are.
        stages: in the order in which they run.
        unseen: what models may depend on that no fingerprint covers, whether they change or not.
        currency: of the costs.
        data: the files of sources that differ from what was read of them; `leaves_data`: whether
            they are left as they are.
        refreshes: by asset, which refresh of a source's file the plan makes.
        columns: what columns of sources were taken for that no contract names.
        rollouts: how new revisions of endpoints would take over.
    """

    title = "a plan"

    identity: Digest
    project: str
    environment: str
    act: MoveCommand = "apply"
    subject: str = ""
    environment_version: int
    source_version: int | None = None
    fingerprints: dict[str, AssetFingerprints] = msgspec.field(default_factory=dict)
    changes: tuple[AssetChange, ...] = ()
    unchanged: int = 0
    stages: tuple[Stage, ...]
    assumed: tuple[AssumedKnowledge, ...] = ()
    timeless: tuple[TimelessSource, ...] = ()
    features: tuple[FeatureProof, ...] = ()
    unseen: tuple[UnseenInputs, ...] = ()
    currency: str = Cost().currency
    data: tuple[DataChange, ...] = ()
    leaves_data: bool = False
    refreshes: dict[str, int] = msgspec.field(default_factory=dict)
    columns: tuple[SourceColumns, ...] = ()
    rollouts: tuple[AwaitedRollout, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the environment already holds what is declared; files that changed are in
        `data`.
        """
        return all(isinstance(stage, ReadFiles) for stage in self.stages)

    @property
    def reason(self) -> str:
        """What the journal says of the move: `apply`, `run late_arrival`, `promote dev`."""
        verb = self.act.replace("_", " ")
        return f"{verb} {self.subject}" if self.subject else verb

    @property
    def work(self) -> tuple[Stage, ...]:
        """The stages that would run: those without a build to reuse."""
        return tuple(stage for stage in self.stages if stage.reuses is None)

    def __repr__(self) -> str:
        done = f"{len(self.changes)} changes, {len(self.work)} stages to run"
        held = f"version {self.environment_version}"
        return f"<plan {self.reason}: {self.project} → {self.environment} ({held}), {done}>"

    def _repr_html_(self) -> str:
        return render_plan_html(repr(self)[1:-1], self.changes, self.stages)


@dataclass(frozen=True, kw_only=True)
class PlanningContext:
    """What is known when a plan is made; read once, before.

    Args:
        environment: the map to compare with, by the names that its assets are declared under now.
        builds: by (asset, build fingerprint).
        definitions: of the assets in the map, by asset; one that lacks is reported as changed
            without saying what.
        durations: what stages took when they last ran.
        rows: how many rows each source has, by its declared name.
        cost: the price of a core.
        data: the files of sources that differ from what was read of them; `leaves_data`: whether an
            apply leaves them so, `deletes_missing`: whether it deletes rows that they have no more.
        refreshes: by asset, which refresh of a source's file is to be made.
        heads: by asset, where the raw log of a source ends; `sizes`: of the rows in it as they
            came, and of the files that are to be read.
        renames: by the name that an asset has now, the one under which the environment holds it.
        pushed: by source that is declared no more, how many rows were pushed to it.
        columns: by asset, the columns of a source's files that nobody declared.
    """

    environment: EnvironmentVersion
    builds: Mapping[tuple[str, Digest], Build] = field(default_factory=dict)
    definitions: Mapping[str, AssetDefinition] = field(default_factory=dict)
    durations: Iterable[StageDuration] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)
    data: tuple[DataChange, ...] = ()
    leaves_data: bool = False
    deletes_missing: bool = False
    refreshes: Mapping[str, int] = field(default_factory=dict)
    heads: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)
    pushed: Mapping[str, int] = field(default_factory=dict)
    columns: Mapping[str, SourceColumns] = field(default_factory=dict)

    def held(self) -> HeldAssets:
        """What the environment holds."""
        return HeldAssets(
            environment=self.environment,
            definitions=self.definitions,
            renames=self.renames,
            pushed=self.pushed,
        )

    def source_data(self) -> SourceData:
        """What an apply takes in."""
        files: dict[str, tuple[DataChange, ...]] = {}
        for change in () if self.leaves_data else self.data:
            if change.change != "missing" or self.deletes_missing:
                files[change.source] = (*files.get(change.source, ()), change)
        return SourceData(files=files, heads=self.heads, deletes_missing=self.deletes_missing)


def make_plan(project: str, graph: Graph, context: PlanningContext) -> Plan:
    """What it takes to make the environment hold what is declared.

    Cost: linear in the assets and their edges; nothing is read.
    """
    environment, held = context.environment, context.held()
    changes, unchanged = diff_environment(graph, held)
    data = context.source_data()
    staged = stages_for(graph, changes, held=held, builds=context.builds, data=data)
    return Plan(
        identity=identity_of_plan(environment, staged),
        project=project,
        environment=environment.environment,
        environment_version=environment.version,
        fingerprints=fingerprints_of(graph),
        changes=changes,
        unchanged=unchanged,
        stages=_estimated(staged, graph, context),
        assumed=_assumed(graph),
        timeless=_timeless(graph),
        features=_proofs(graph),
        unseen=_unseen(graph),
        currency=context.cost.currency,
        data=context.data,
        leaves_data=context.leaves_data,
        refreshes=dict(context.refreshes),
        columns=tuple(columns_to_show(context.columns, changes, context.data)),
        rollouts=tuple(_rollouts(graph, staged, context)),
    )


def make_run_plan(
    project: str, graph: Graph, context: PlanningContext, asset: Asset, *, heads: Mapping[str, int]
) -> Plan:
    """The plan of a new build of an unchanged model on the present data.

    Args:
        heads: the log position of every source, by name.
    """
    environment = context.environment
    if not _is_held(graph, asset, context):
        # What a model is made from, or answers through, is not there yet: the run makes all of it.
        made = make_plan(project, graph, context)
        return msgspec.structs.replace(made, act="run", subject=asset.declaration.name)
    staged = retrain_stages(graph, asset, context.held(), heads=heads)
    return Plan(
        identity=identity_of_plan(environment, staged),
        project=project,
        environment=environment.environment,
        act="run",
        subject=asset.declaration.name,
        environment_version=environment.version,
        fingerprints=fingerprints_of(graph),
        unchanged=len(graph.assets),
        stages=_estimated(staged, graph, context),
        currency=context.cost.currency,
        rollouts=tuple(_rollouts(graph, staged, context)),
    )


def fingerprints_of(graph: Graph) -> dict[str, AssetFingerprints]:
    """What every asset is declared as."""
    return {
        name: AssetFingerprints(asset.build_fingerprint, asset.policy_fingerprint)
        for name, asset in graph.assets.items()
    }


def _rollouts(
    graph: Graph, stages: Iterable[Stage], context: PlanningContext
) -> Iterator[AwaitedRollout]:
    """Of the endpoints that the environment has by their names, and whose definition or model
    moves.
    """
    held = context.environment
    moves = {
        move.asset: move
        for stage in stages
        if isinstance(stage, MoveEnvironment)
        for move in stage.moves
    }
    for asset in graph.assets.values():
        declared = asset.declaration
        if not isinstance(declared, Endpoint) or declared.rollout is None:
            continue
        [model] = asset.parents
        endpoint, answers = held.pointers.get(asset.name), held.pointers.get(model)
        if endpoint is None or answers is None or asset.name in context.renames:
            continue
        is_other = model in moves and moves[model].digest != answers.build_digest
        if is_other or endpoint.build_fingerprint != asset.build_fingerprint:
            yield awaited_rollout(declared.name, declared.rollout)


def identity_of_plan(environment: EnvironmentVersion, stages: Iterable[Stage]) -> Digest:
    """Names a plan by where it starts from and what it does."""
    identities = [stage.identity for stage in stages]
    return digest_of_value([environment.environment, environment.version, identities])


def plan_schema() -> bytes:
    """The JSON schema of `plan --json` and of every `--dry-run --json`, as in
    `docs/plan-schema.json`.
    """
    schema = msgspec.json.encode(msgspec.json.schema(Plan), order="sorted")
    return msgspec.json.format(schema, indent=2) + b"\n"


def _is_held(graph: Graph, asset: Asset, context: PlanningContext) -> bool:
    """Whether an environment has a model as it is declared, and all that goes with it, by their
    names.
    """
    names = {asset.name, *asset.parents, *graph.children[asset.name]}
    return names <= context.environment.pointers.keys() - context.renames.keys()


def _estimated(
    stages: Sequence[Stage], graph: Graph, context: PlanningContext
) -> tuple[Stage, ...]:
    rows = expected_rows(graph, context.rows)
    return with_estimates(
        stages,
        rows=rows,
        durations=context.durations,
        cost=context.cost,
        sizes=context.sizes,
    )


def _assumed(graph: Graph) -> tuple[AssumedKnowledge, ...]:
    return tuple(
        AssumedKnowledge(source=asset.name, delay_us=delay, assets=graph.downstream([asset.name]))
        for asset in graph.assets.values()
        if (delay := kind_of(asset.declaration).assumed_delay(asset.declaration)) is not None
    )


def _timeless(graph: Graph) -> tuple[TimelessSource, ...]:
    return tuple(
        TimelessSource(source=asset.name, assets=graph.downstream([asset.name]))
        for asset in graph.assets.values()
        if kind_of(asset.declaration).is_timeless(asset.declaration)
    )


def _unseen(graph: Graph) -> tuple[UnseenInputs, ...]:
    return tuple(
        UnseenInputs(asset=asset.name, unseen=asset.unseen)
        for asset in graph.assets.values()
        if asset.unseen
    )


def _proofs(graph: Graph) -> tuple[FeatureProof, ...]:
    found = (kind_of(asset.declaration).proof(asset) for asset in graph.assets.values())
    return tuple(proof for proof in found if proof)
