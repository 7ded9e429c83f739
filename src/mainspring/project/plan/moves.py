"""Plans that build nothing: a promotion, a rollback, and pointing at a version made before.

They are made from environments and stored definitions alone, so they do not depend on the
project's files, which may have changed or may not even load.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mainspring.elements.identity import Digest, digest_of_value
from mainspring.gates.attestation import STATEMENT_FORMAT
from mainspring.gates.definition import parse_gates
from mainspring.gates.judge import required_gates
from mainspring.project.kinds.model import JudgeGates
from mainspring.project.plan.plan import MoveCommand, Plan, identity_of_plan
from mainspring.project.plan.stages import MoveEnvironment, PointerMove, Stage, VerifyVersion
from mainspring.registry.environment import (
    AssetDefinition,
    AssetPointer,
    EnvironmentVersion,
    renamed_version,
)
from mainspring.registry.rename import renames
from mainspring.registry.version import ModelVersion
from mainspring.serving.rollouts.awaited import AwaitedRollout

__all__ = ["make_pointing_plan", "make_promotion_plan", "make_rollback_plan"]


def make_promotion_plan(
    project: str,
    source: EnvironmentVersion,
    target: EnvironmentVersion,
    definitions: Mapping[str, AssetDefinition],
    *,
    origins: Mapping[str, str],
    is_released: bool = True,
    rollouts: Sequence[AwaitedRollout] = (),
) -> Plan:
    """Make the target hold what the source holds.  Every model is judged against the target's
    champion, by the gates in the source's stored definition, and must be proven for the target.

    Args:
        definitions: of the source's models, by asset, as the source holds them.
        origins: what assets were first called: what was renamed in the source is held by the target
            under another name.
        is_released: whether the target's version was signed by a key that it trusts; else it moves
            in any case, for no server takes what it holds.
        rollouts: how new revisions of endpoints would take over in the target.
    """
    names = renames(source.pointers, target.pointers, origins)
    removed = sorted(target.pointers.keys() - source.pointers.keys())
    target = renamed_version(target, names)
    models = [pointer for pointer in source.pointers.values() if pointer.kind == "model"]
    judged = [_judgement(each, definitions[each.asset], target) for each in models]
    proven = [
        _verification(each, target, after=[stage.identity])
        for each, stage in zip(models, judged, strict=True)
    ]
    checks: list[Stage] = [*judged, *proven]
    moves = tuple(_moved(pointer, target) for pointer in source.pointers.values())
    changed = [move for move in moves if move.asset in names or not _is_held(move, target)]
    reason = _counts(changed, removed)
    move = _move(target, moves=changed, removes=removed, after=checks, reason=reason)
    return _plan(
        project,
        target,
        "promote",
        [*checks, move] if changed or removed or not is_released else checks,
        subject=source.environment,
        source_version=source.version,
        rollouts=rollouts,
    )


def make_rollback_plan(project: str, current: EnvironmentVersion, past: EnvironmentVersion) -> Plan:
    """Restore an earlier version of an environment."""
    moves = [_moved(pointer, current) for pointer in past.pointers.values()]
    changed = [move for move in moves if not _is_held(move, current)]
    gone = sorted(current.pointers.keys() - past.pointers.keys())
    reason = f"restores version {past.version}"
    move = _move(current, moves=changed, removes=gone, reason=reason, restores=past.version)
    return _plan(project, current, "rollback", [move])


def make_pointing_plan(
    project: str,
    current: EnvironmentVersion,
    pointer: AssetPointer,
    version: ModelVersion,
    *,
    definition: AssetDefinition | None = None,
    rollouts: Sequence[AwaitedRollout] = (),
) -> Plan:
    """Deploy a version that was made before, if it is proven for this environment.

    Args:
        pointer: what the environment holds of the model now.
        definition: what the model was declared as then, under another name.
        rollouts: how its endpoints would take over.
    """
    moved = PointerMove(
        asset=pointer.asset,
        kind=pointer.kind,
        build_fingerprint=version.fingerprint,
        policy_fingerprint=pointer.policy_fingerprint,
        before=pointer.build_digest,
        digest=version.digest,
        definition=definition,
    )
    proven = _verification(pointer, current, version=version.digest)
    move = _move(current, moves=[moved], after=[proven], reason=f"deploys {version.label}")
    stages = [proven, move]
    return _plan(project, current, "point_at", stages, subject=version.label, rollouts=rollouts)


def _plan(
    project: str,
    environment: EnvironmentVersion,
    act: MoveCommand,
    stages: Sequence[Stage],
    *,
    subject: str = "",
    source_version: int | None = None,
    rollouts: Sequence[AwaitedRollout] = (),
) -> Plan:
    return Plan(
        identity=identity_of_plan(environment, stages),
        project=project,
        environment=environment.environment,
        act=act,
        subject=subject,
        environment_version=environment.version,
        source_version=source_version,
        unchanged=len(environment.pointers),
        stages=tuple(stages),
        rollouts=tuple(rollouts),
    )


def _judgement(
    pointer: AssetPointer, definition: AssetDefinition, target: EnvironmentVersion
) -> JudgeGates:
    held = target.pointers.get(pointer.asset)
    champion = held.build_digest if held else None
    name, policy = target.environment, pointer.policy_fingerprint
    # What an earlier release signed would be no proof here, so its stage is not reused.
    parts = ["judge_gates", pointer.build_digest, policy, name, champion, target.version]
    parts.append(STATEMENT_FORMAT)
    return JudgeGates(
        identity=digest_of_value(parts),
        asset=pointer.asset,
        fingerprint=pointer.build_fingerprint,
        after=(),
        reason=f"must pass its gates for {name}",
        definition=definition,
        parents=definition.parents,
        version=pointer.build_digest,
        policy_fingerprint=policy,
        gates=tuple(gate.name for gate in required_gates(parse_gates(definition.policy))),
        environment=name,
        champion=champion,
    )


def _verification(
    pointer: AssetPointer,
    target: EnvironmentVersion,
    *,
    version: Digest | None = None,
    after: Iterable[Digest] = (),
) -> VerifyVersion:
    digest, name = version or pointer.build_digest, target.environment
    parts = ["verify_version", digest, pointer.policy_fingerprint, name, target.version]
    return VerifyVersion(
        identity=digest_of_value(parts),
        asset=pointer.asset,
        fingerprint=pointer.build_fingerprint,
        after=tuple(after),
        reason=f"must be proven for {name}",
        version=digest,
        policy_fingerprint=pointer.policy_fingerprint,
        environment=name,
    )


def _moved(pointer: AssetPointer, environment: EnvironmentVersion) -> PointerMove:
    held = environment.pointers.get(pointer.asset)
    return PointerMove(
        asset=pointer.asset,
        kind=pointer.kind,
        build_fingerprint=pointer.build_fingerprint,
        policy_fingerprint=pointer.policy_fingerprint,
        before=held.build_digest if held else None,
        digest=pointer.build_digest,
    )


def _is_held(move: PointerMove, environment: EnvironmentVersion) -> bool:
    held = environment.pointers.get(move.asset)
    return held is not None and (
        (held.build_digest, held.build_fingerprint, held.policy_fingerprint)
        == (move.digest, move.build_fingerprint, move.policy_fingerprint)
    )


def _move(
    environment: EnvironmentVersion,
    *,
    moves: Sequence[PointerMove],
    removes: Sequence[str] = (),
    after: Sequence[Stage] = (),
    reason: str,
    restores: int | None = None,
) -> MoveEnvironment:
    name, version = environment.environment, environment.version
    holds = digest_of_value(
        [[move.asset, move.digest, move.policy_fingerprint] for move in moves] + [list(removes)]
    )
    return MoveEnvironment(
        identity=digest_of_value(["move_environment", name, version, holds, restores]),
        asset=name,
        fingerprint=holds,
        after=tuple(stage.identity for stage in after),
        reason=reason,
        from_version=version,
        moves=tuple(moves),
        removes=tuple(removes),
        restores=restores,
    )


def _counts(moves: Sequence[PointerMove], removes: Sequence[str]) -> str:
    return ", ".join(_iter_counts(moves, removes)) or "no pointer differs"


def _iter_counts(moves: Sequence[PointerMove], removes: Sequence[str]) -> Iterator[str]:
    if moves:
        yield f"{len(moves)} set"
    if removes:
        yield f"{len(removes)} removed"
