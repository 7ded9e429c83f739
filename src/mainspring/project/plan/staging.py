"""From changes to stages: what has to be built, judged and moved, in order.

The kind of an asset makes its stages; this module orders them, gives them their inputs, and finds
the builds that they can reuse.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

import msgspec

from mainspring.elements.identity import Digest, digest_of_value
from mainspring.project.kinds.asset import Asset
from mainspring.project.kinds.data import DataChange
from mainspring.project.kinds.kind import StageInputs
from mainspring.project.kinds.stage import StageRecord
from mainspring.project.kinds.union import KINDS, kind_of
from mainspring.project.loader.graph import Graph
from mainspring.project.plan.diff import AssetChange, HeldAssets
from mainspring.project.plan.stages import MoveEnvironment, PointerMove
from mainspring.registry.environment import Build

__all__ = ["SourceData", "reason_of", "retrain_stages", "stages_for"]

_ORDER = tuple(stage for kind in KINDS for stage in kind.stages)
_READ = "its file differs from what was read of it"
_REBUILT = frozenset({"added", "changed", "changed_indirectly"})
_RETRAINED = "new build on the present data"


@dataclass(frozen=True, kw_only=True)
class SourceData:
    """What an apply takes in of the files of sources.

    Args:
        files: by asset, those that differ from what was read of them.
        deletes_missing: whether rows that a file has no more are deleted.
        heads: by asset, where the raw log of a source ends.
    """

    files: Mapping[str, tuple[DataChange, ...]] = field(default_factory=dict)
    heads: Mapping[str, int] = field(default_factory=dict)
    deletes_missing: bool = False


def stages_for(
    graph: Graph,
    changes: Sequence[AssetChange],
    *,
    held: HeldAssets,
    builds: Mapping[tuple[str, Digest], Build],
    data: SourceData,
) -> tuple[StageRecord, ...]:
    """The stages that bring about the changes, in execution order; empty without changes, of
    definitions or of data.
    """
    reasons = {change.asset: reason_of(change) for change in changes if change.change != "removed"}
    rebuilt = {c.asset for c in changes if c.change in _REBUILT}
    removed = tuple(change.asset for change in changes if change.change == "removed")
    only_renamed = {change.asset for change in changes if change.change == "renamed"}
    staging = _Staging(graph, held, rebuilt, identity=_identities(graph), builds=builds, data=data)
    made_for = {asset: why for asset, why in reasons.items() if asset not in only_renamed}
    made = staging.stages(dict.fromkeys(data.files, _READ) | made_for)
    return (*made, staging.move(reasons, removed, made)) if changes else made


def retrain_stages(
    graph: Graph, asset: Asset, held: HeldAssets, *, heads: Mapping[str, int]
) -> tuple[StageRecord, ...]:
    """The stages of a run: training set, fit, gates, baselines and the move of the pointers.

    The same data gives the same identities, so a second run on the same data does nothing.

    Args:
        asset: the model.
        heads: the log position of every source, part of the identity of the stages.
    """
    training_set = graph.assets[asset.parents[0]]
    children = [graph.assets[child] for child in graph.children[asset.name]]
    remade = [
        training_set,
        asset,
        *(child for child in children if kind_of(child.declaration).is_built),
    ]
    data = digest_of_value(["run", asset.build_fingerprint, sorted(heads.items())])
    identities = {part.name: digest_of_value([data, part.name]) for part in remade}
    staging = _Staging(graph, held, set(identities), identity=identities)
    reasons = dict.fromkeys(identities, _RETRAINED)
    made = staging.stages(reasons)
    return (*made, staging.move(reasons, (), made))


def reason_of(change: AssetChange) -> str:
    """Why an asset is in the plan, in a few words.

    >>> reason_of(AssetChange(asset="source.a", kind="source", change="added", at="a.py:1"))
    'new'
    """
    named = ", ".join(field.field for field in change.fields if field.field != "name")
    match change.change:
        case "added":
            return "new"
        case "changed":
            return f"{named} changed" if named else "definition changed"
        case "changed_indirectly":
            return f"{', '.join(change.because_of)} changed"
        case "policy_changed":
            return f"{named or 'policy'} changed"
        case "renamed":
            return "renamed"
        case "removed":
            return "no longer declared"
        case _:
            assert_never(change.change)


def _identities(graph: Graph) -> dict[str, Digest]:
    """The identity of each asset's build stage: its fingerprint and the stages before it."""
    found: dict[str, Digest] = {}
    for asset in graph.assets.values():
        stages = kind_of(asset.declaration).stages
        kind = str(stages[0].__struct_config__.tag) if stages else asset.kind
        after = [found[parent] for parent in asset.parents]
        found[asset.name] = digest_of_value([kind, asset.build_fingerprint, after])
    return found


class _Staging:
    def __init__(
        self,
        graph: Graph,
        held: HeldAssets,
        rebuilt: set[str],
        *,
        identity: Mapping[str, Digest],
        builds: Mapping[tuple[str, Digest], Build] | None = None,
        data: SourceData | None = None,
    ) -> None:
        self._graph, self._environment, self._renames = graph, held.environment, held.renames
        self._rebuilt, self._identity = rebuilt, identity
        self._builds, self._data = builds or {}, data or SourceData()

    def stages(self, reasons: Mapping[str, str]) -> tuple[StageRecord, ...]:
        """The stages of these assets in execution order; existing builds are reused."""
        made: list[StageRecord] = []
        for name, reason in reasons.items():
            asset = self._graph.assets[name]
            has_build = (name, asset.build_fingerprint) in self._builds
            inputs = self._inputs(asset, has_build=has_build)
            stages = kind_of(asset.declaration).plan(asset, inputs, reason=reason)
            made += [self._with_build(stage) for stage in stages]
        return tuple(sorted(made, key=lambda stage: _ORDER.index(type(stage))))

    def _inputs(self, asset: Asset, *, has_build: bool) -> StageInputs:
        held = self._environment.pointers.get(asset.name)
        return StageInputs(
            identity=self._identity[asset.name],
            after=self._stages_of(asset.parents),
            judged_after=self._stages_of([asset.name]),
            is_rebuilt=asset.name in self._rebuilt,
            environment=self._environment.environment,
            champion=held.build_digest if held else None,
            files=self._data.files.get(asset.name, ()),
            deletes_missing=self._data.deletes_missing,
            has_build=has_build,
            log_at=self._data.heads.get(asset.name, 0),
        )

    def _with_build(self, stage: StageRecord) -> StageRecord:
        """The stage with the build that it reuses, if there is one; a judge stage has none."""
        build = self._builds.get((stage.asset, stage.fingerprint))
        if build is None or stage.identity != self._identity[stage.asset]:
            return stage
        return msgspec.structs.replace(stage, reuses=build.digest, build=build)

    def move(
        self, assets: Iterable[str], removes: tuple[str, ...], made: Sequence[StageRecord]
    ) -> MoveEnvironment:
        """The last stage: every changed asset's pointer, at once."""
        moved = [self._graph.assets[name] for name in assets]
        moves = tuple(self._pointer_move(asset) for asset in moved)
        name, version = self._environment.environment, self._environment.version
        after = tuple(stage.identity for stage in made)
        holds = digest_of_value(
            [[move.asset, move.build_fingerprint, move.policy_fingerprint] for move in moves]
            + [removes]
        )
        renamed = [move.renamed_from for move in moves if move.renamed_from]
        counts = (
            (len(moves) - len(renamed), "set"),
            (len(renamed), "renamed"),
            (len(removes), "removed"),
        )
        return MoveEnvironment(
            identity=digest_of_value(["move_environment", name, version, holds, after]),
            asset=name,
            fingerprint=holds,
            after=after,
            reason=", ".join(f"{number} {words}" for number, words in counts if number),
            is_assumed=any(asset.is_assumed for asset in moved),
            from_version=version,
            moves=moves,
            removes=(*renamed, *removes),
        )

    def _pointer_move(self, asset: Asset) -> PointerMove:
        held = self._environment.pointers.get(asset.name)
        before = held.build_digest if held else None
        stage = next(iter(self._stages_of([asset.name])), None)
        is_built = kind_of(asset.declaration).is_built
        return PointerMove(
            asset=asset.name,
            kind=asset.kind,
            build_fingerprint=asset.build_fingerprint,
            policy_fingerprint=asset.policy_fingerprint,
            before=before,
            digest=None if stage else before if is_built else asset.build_fingerprint,
            stage=stage,
            definition=asset.definition,
            renamed_from=self._renames.get(asset.name, ""),
            built_as=self._built_as(asset, is_made=stage is not None),
        )

    def _built_as(self, asset: Asset, *, is_made: bool) -> str:
        """The name under which the build of an asset is on record, where that is another one."""
        build = self._builds.get((asset.name, asset.build_fingerprint))
        if build is not None:
            return build.asset if build.asset != asset.name else ""
        is_built = kind_of(asset.declaration).is_built
        return "" if is_made or not is_built else self._renames.get(asset.name, "")

    def _stages_of(self, names: Iterable[str]) -> tuple[Digest, ...]:
        """The stages of this plan that make these assets."""
        return tuple(
            self._identity[name]
            for name in names
            if name in self._rebuilt and kind_of(self._graph.assets[name].declaration).is_built
        )
