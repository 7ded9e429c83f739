"""Sign where environments move to, by the key of this workspace's releaser."""

from collections.abc import Iterable, Mapping

from mainspring.elements.time import Micros
from mainspring.gates.errors import NotReleaser
from mainspring.gates.policy import TrustPolicy
from mainspring.gates.release.sign import ReleaseWriter, sign_release
from mainspring.gates.release.verify import ReleaseCheck
from mainspring.ports.state import Change, StateReader
from mainspring.project.kinds.evaluation import Runtime
from mainspring.registry.environment import AssetDefinition, Build, EnvironmentVersion

__all__ = ["release_check", "signed_release"]


def release_check(runtime: Runtime, environment: str, policy: TrustPolicy) -> ReleaseCheck:
    """What checks versions of an environment; in an open one the key of this workspace is trusted
    too.
    """
    return ReleaseCheck(
        project=runtime.project,
        environment=environment,
        policy=policy,
        state=runtime.state,
        verifier=runtime.verifier,
        keys=() if policy.protected else (runtime.releaser.public_key,),
    )


def signed_release(
    version: EnvironmentVersion,
    *,
    runtime: Runtime,
    policy: TrustPolicy,
    at: Micros,
    before: EnvironmentVersion,
    held: StateReader | None = None,
    definitions: Mapping[str, AssetDefinition] = {},
    builds: Iterable[Build] = (),
) -> tuple[Change, ...]:
    """The changes that put the release of a version on file.

    Args:
        before: the version that it follows.
        held: what is read of assets that are taken over as they are; default: what is on record.
        definitions, builds: by asset, and those that go on record with the move.

    Raises: NotReleaser GAT-031 where no server of the environment would accept it;
        DefinitionTampered REG-008, KeyUnusable ENG-008.
    """
    key = runtime.releaser.public_key
    if policy.protected and key not in policy.releasers:
        raise NotReleaser(environment=version.environment, key=key)
    writer = ReleaseWriter(
        signer=runtime.releaser,
        state=held or runtime.state,
        project=runtime.project,
        actor=runtime.actor,
        definitions=definitions,
        builds={build.asset: build for build in builds},
        in_force=release_check(runtime, version.environment, policy).trusted_policy,
        before=before,
    )
    return sign_release(version, writer, at=at)
