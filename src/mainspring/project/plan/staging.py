"""From changes to stages: what has to be made, judged and moved, in order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypedDict, assert_never

from mainspring.datasets.spec import TrainingSet
from mainspring.elements.identity import Digest, digest_of_value
from mainspring.features.spec import FeatureView, OnDemandFeatureView
from mainspring.monitoring.spec import Monitor
from mainspring.project.loader.declarations import asset_name
from mainspring.project.loader.graph import Asset, Graph
from mainspring.project.plan.diff import AssetChange
from mainspring.project.plan.stages import (
    BuildBaseline,
    BuildTrainingSet,
    BuildView,
    ImportSource,
    JudgeGates,
    MoveEnvironment,
    PointerMove,
    Stage,
    TrainModel,
)
from mainspring.registry.environment import Build, EnvironmentVersion
from mainspring.serving.spec import Endpoint
from mainspring.sources.spec import Source
from mainspring.training.spec import Model

__all__ = ["GATES_OF_EVERY_MODEL", "reason_of", "stages_for"]

GATES_OF_EVERY_MODEL = ("no_leakage", "parity")

_STAGE_OF = {
    "source": "import_source",
    "view": "build_view",
    "training_set": "build_training_set",
    "model": "train_model",
    "monitor": "build_baseline",
}
_ORDER = (ImportSource, BuildView, BuildTrainingSet, TrainModel, JudgeGates, BuildBaseline)


def stages_for(
    graph: Graph,
    changes: Sequence[AssetChange],
    *,
    environment: EnvironmentVersion,
    builds: Mapping[tuple[str, Digest], Build],
) -> tuple[Stage, ...]:
    """The stages that make the changes so, in the order in which they run; none for no changes."""
    if not changes:
        return ()
    staging = _Staging(graph, changes, environment, builds)
    made = [
        stage
        for change in changes
        if change.change != "removed"
        for stage in staging.iter_stages(change)
    ]
    made.sort(key=lambda stage: _ORDER.index(type(stage)))
    return (*made, staging.move(made))


def reason_of(change: AssetChange) -> str:
    """Why an asset is in the plan, in a few words.

    >>> reason_of(AssetChange(asset="source.a", kind="source", change="added", at="a.py:1"))
    'new'
    """
    named = ", ".join(field.field for field in change.fields)
    match change.change:
        case "added":
            return "new"
        case "changed":
            return f"{named} changed" if named else "definition changed"
        case "changed_indirectly":
            return f"{', '.join(change.because_of)} changed"
        case "policy_changed":
            return f"{named or 'policy'} changed"
        case "removed":
            return "no longer declared"
        case _:
            assert_never(change.change)


class _Staging:
    def __init__(
        self,
        graph: Graph,
        changes: Sequence[AssetChange],
        environment: EnvironmentVersion,
        builds: Mapping[tuple[str, Digest], Build],
    ) -> None:
        self._graph, self._changes, self._environment, self._builds = (
            graph,
            changes,
            environment,
            builds,
        )
        self._rebuilt = {c.asset for c in changes if c.change not in ("policy_changed", "removed")}
        self._identities: dict[str, Digest] = {}
        for asset in graph.assets.values():
            after = [self._identities[parent] for parent in asset.parents]
            self._identities[asset.name] = digest_of_value(
                [_STAGE_OF.get(asset.kind, asset.kind), asset.build_fingerprint, after]
            )

    def iter_stages(self, change: AssetChange) -> Iterator[Stage]:
        """What one change asks for: a model is built, if that is what changed, and judged in any
        case.
        """
        asset = self._graph.assets[change.asset]
        if asset.name in self._rebuilt:
            yield from self._iter_builds(asset, reason_of(change))
        if isinstance(asset.declaration, Model):
            yield self._judgement(asset, asset.declaration, reason_of(change))

    def _iter_builds(self, asset: Asset, reason: str) -> Iterator[Stage]:
        build = self._builds.get((asset.name, asset.build_fingerprint))
        said = _Said(
            identity=self._identities[asset.name],
            asset=asset.name,
            fingerprint=asset.build_fingerprint,
            after=self._stages_of(asset.parents),
            reason=reason,
            reuses=build.digest if build else None,
            is_assumed=asset.is_assumed,
        )
        match asset.declaration:
            case Source(path=path):
                yield ImportSource(**said, path=path)
            case FeatureView(sources=sources):
                yield BuildView(**said, sources=tuple(asset_name(source) for source in sources))
            case TrainingSet(spine=spine):
                yield BuildTrainingSet(**said, spine=asset_name(spine))
            case Model(training_set=training_set):
                yield TrainModel(**said, training_set=asset_name(training_set))
            case Monitor(model=model):
                yield BuildBaseline(**said, model=asset_name(model))
            case OnDemandFeatureView() | Endpoint():
                return
            case _:
                assert_never(asset.declaration)

    def _judgement(self, asset: Asset, model: Model, reason: str) -> JudgeGates:
        pointer = self._environment.pointers.get(asset.name)
        champion = pointer.build_digest if pointer else None
        name = self._environment.environment
        gates = tuple(dict.fromkeys([*(gate.name for gate in model.gates), *GATES_OF_EVERY_MODEL]))
        after = self._stages_of([asset.name])
        return JudgeGates(
            identity=digest_of_value(
                [
                    "judge_gates",
                    asset.build_fingerprint,
                    asset.policy_fingerprint,
                    name,
                    champion,
                    after,
                ]
            ),
            asset=asset.name,
            fingerprint=asset.build_fingerprint,
            after=after,
            reason=reason,
            is_assumed=asset.is_assumed,
            policy_fingerprint=asset.policy_fingerprint,
            gates=gates,
            environment=name,
            champion=champion,
        )

    def move(self, made: Sequence[Stage]) -> MoveEnvironment:
        """The last stage: every changed asset's pointer, at once."""
        moves = tuple(
            self._pointer_move(self._graph.assets[c.asset])
            for c in self._changes
            if c.change != "removed"
        )
        removes = tuple(c.asset for c in self._changes if c.change == "removed")
        name, version = self._environment.environment, self._environment.version
        after = tuple(stage.identity for stage in made)
        holds = digest_of_value(
            [[move.asset, move.build_fingerprint, move.policy_fingerprint] for move in moves]
            + [removes]
        )
        return MoveEnvironment(
            identity=digest_of_value(["move_environment", name, version, holds, after]),
            asset=name,
            fingerprint=holds,
            after=after,
            reason=", ".join(
                f"{number} {words}"
                for number, words in ((len(moves), "set"), (len(removes), "taken out"))
                if number
            ),
            is_assumed=any(c.is_assumed for c in self._changes),
            from_version=version,
            moves=moves,
            removes=removes,
        )

    def _pointer_move(self, asset: Asset) -> PointerMove:
        pointer = self._environment.pointers.get(asset.name)
        return PointerMove(
            asset=asset.name,
            kind=asset.kind,
            build_fingerprint=asset.build_fingerprint,
            policy_fingerprint=asset.policy_fingerprint,
            before=pointer.build_digest if pointer else None,
            stage=next(iter(self._stages_of([asset.name])), None),
        )

    def _stages_of(self, names: Iterable[str]) -> tuple[Digest, ...]:
        """The stages of this plan that make these assets."""
        return tuple(
            self._identities[name]
            for name in names
            if name in self._rebuilt and self._graph.assets[name].kind in _STAGE_OF
        )


class _Said(TypedDict):
    """What the stage of any asset says."""

    identity: Digest
    asset: str
    fingerprint: Digest
    after: tuple[Digest, ...]
    reason: str
    reuses: Digest | None
    is_assumed: bool
