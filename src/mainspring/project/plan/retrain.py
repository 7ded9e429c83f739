"""The stages of a run: a new build of an unchanged model on the data of now.  The same data gives
the same identities, so running twice is running once.
"""

from collections.abc import Mapping

from mainspring.elements.identity import Digest, digest_of_value
from mainspring.monitoring.spec import Monitor
from mainspring.project.loader.declarations import asset_name
from mainspring.project.loader.graph import Asset, Graph
from mainspring.project.plan.stages import (
    BuildBaseline,
    BuildTrainingSet,
    JudgeGates,
    MoveEnvironment,
    PointerMove,
    Stage,
    TrainModel,
)
from mainspring.project.plan.staging import GATES_OF_EVERY_MODEL
from mainspring.registry.environment import EnvironmentVersion
from mainspring.training.spec import Model

__all__ = ["retrain_stages"]

_REASON = "new build on the data of now"


def retrain_stages(
    graph: Graph, asset: Asset, environment: EnvironmentVersion, *, heads: Mapping[str, int]
) -> tuple[Stage, ...]:
    """Training set, fit, gates, baselines and the move of the pointers.

    Args:
        asset: the model.
        heads: the log position of every source, which together with the definition names the work.
    """
    model = asset.declaration
    assert isinstance(model, Model)
    taught_on = graph.assets[asset_name(model.training_set)]
    monitors = [
        graph.assets[child]
        for child in graph.children[asset.name]
        if isinstance(graph.assets[child].declaration, Monitor)
    ]
    pointer = environment.pointers.get(asset.name)
    champion = pointer.build_digest if pointer else None

    def named(kind: str, *parts: object) -> Digest:
        return digest_of_value(
            ["run", kind, asset.build_fingerprint, sorted(heads.items()), *parts]
        )

    rows, fit = named("rows"), named("fit")
    judged = named("judge", asset.policy_fingerprint, environment.environment, champion)
    gates = tuple(dict.fromkeys([*(gate.name for gate in model.gates), *GATES_OF_EVERY_MODEL]))
    train = TrainModel(
        identity=fit,
        asset=asset.name,
        fingerprint=asset.build_fingerprint,
        after=(rows,),
        reason=_REASON,
        training_set=taught_on.name,
    )
    judge = JudgeGates(
        identity=judged,
        asset=asset.name,
        fingerprint=asset.build_fingerprint,
        after=(fit,),
        reason=_REASON,
        policy_fingerprint=asset.policy_fingerprint,
        gates=gates,
        environment=environment.environment,
        champion=champion,
    )
    baselines = [
        _baseline(monitor, asset, named("baseline", monitor.name), fit) for monitor in monitors
    ]
    last = MoveEnvironment(
        identity=named("move", environment.environment, environment.version),
        asset=environment.environment,
        fingerprint=asset.build_fingerprint,
        after=(judged, *(baseline.identity for baseline in baselines)),
        reason=_REASON,
        from_version=environment.version,
        moves=tuple(_move(part, environment) for part in (taught_on, asset, *monitors)),
        removes=(),
    )
    return (_rows_stage(taught_on, rows, model), train, judge, *baselines, last)


def _baseline(monitor: Asset, model: Asset, identity: Digest, fit: Digest) -> BuildBaseline:
    return BuildBaseline(
        identity=identity,
        asset=monitor.name,
        fingerprint=monitor.build_fingerprint,
        after=(fit,),
        reason=_REASON,
        model=model.name,
    )


def _rows_stage(taught_on: Asset, identity: Digest, model: Model) -> BuildTrainingSet:
    return BuildTrainingSet(
        identity=identity,
        asset=taught_on.name,
        fingerprint=taught_on.build_fingerprint,
        after=(),
        reason=_REASON,
        spine=asset_name(model.training_set.spine),
    )


def _move(asset: Asset, environment: EnvironmentVersion) -> PointerMove:
    pointer = environment.pointers.get(asset.name)
    return PointerMove(
        asset=asset.name,
        kind=asset.kind,
        build_fingerprint=asset.build_fingerprint,
        policy_fingerprint=asset.policy_fingerprint,
        before=pointer.build_digest if pointer else None,
        stage=None,
    )
