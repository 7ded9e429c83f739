"""Sign where an environment moves to: one release for the version, and a policy for each model
whose gates are others than before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from mainspring.elements.events import Actor, ProjectName
from mainspring.elements.identity import Digest, digest_of, digest_of_value
from mainspring.elements.stored import render_stored
from mainspring.elements.time import Micros
from mainspring.gates.attestation import Subject
from mainspring.gates.definition import parse_gates
from mainspring.gates.judge import required_gates
from mainspring.gates.release.statement import (
    FiledPolicy,
    FiledRelease,
    PolicyPredicate,
    ReleasedAsset,
    ReleasedEndpoint,
    ReleasePredicate,
    render_signed,
)
from mainspring.ports.signer import Signer
from mainspring.ports.state import Change, StateReader
from mainspring.registry.environment import (
    AssetDefinition,
    AssetPointer,
    Build,
    EnvironmentVersion,
    environment_version_key,
)
from mainspring.registry.errors import DefinitionTampered
from mainspring.registry.read_environment import read_build, read_definition

__all__ = [
    "BOUND_FACTS",
    "ReleaseWriter",
    "digest_of_definition",
    "digest_of_map",
    "endpoints_of",
    "sign_release",
]

BOUND_FACTS = ("definition", "stream", "card")
"""What is read of a build where it is served: the names of stored objects, and of a stream."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ReleaseWriter:
    """Who signs, for which project, and what is on record.

    Args:
        definitions, builds: by asset, those that go on record with the move.
        in_force: gives the policy of an asset, as first called, that a trusted key has signed.
        before: what the environment held: a version that somebody points at has the policy that
            stands, and often no definition of its own with it.
    """

    signer: Signer
    state: StateReader
    project: ProjectName
    actor: Actor
    definitions: Mapping[str, AssetDefinition] = field(default_factory=dict)
    builds: Mapping[str, Build] = field(default_factory=dict)
    in_force: Callable[[str], PolicyPredicate | None] = lambda _: None
    before: EnvironmentVersion | None = None

    def definition(self, pointer: AssetPointer) -> AssetDefinition | None:
        """What is declared of an asset."""
        found = self.definitions.get(pointer.asset)
        return read_definition(self.state, pointer) if found is None else found

    def asking(self, pointer: AssetPointer) -> AssetDefinition | None:
        """The definition with the policy of an asset."""
        held = self.before.pointers.get(pointer.asset) if self.before else None
        found = self.definition(pointer)
        if found or held is None or held.policy_fingerprint != pointer.policy_fingerprint:
            return found
        return self.definition(held)

    def build(self, pointer: AssetPointer) -> Build | None:
        """The newest build of an asset."""
        found = self.builds.get(pointer.asset)
        if found is None:
            found = read_build(self.state, pointer.asset, pointer.build_fingerprint)
        return found


def digest_of_map(version: EnvironmentVersion) -> Digest:
    """Names a version of an environment: its pointers, and who moved it when and why."""
    return digest_of(render_stored(version))


def digest_of_definition(definition: AssetDefinition | None) -> str:
    """Names what is declared of an asset, without its notes, which change without a move; empty for
    nothing.
    """
    if definition is None:
        return ""
    return digest_of_value(
        [definition.asset, definition.build, definition.policy, definition.parents]
    )


def sign_release(
    version: EnvironmentVersion, writer: ReleaseWriter, *, at: Micros
) -> tuple[Change, ...]:
    """The changes that put the signed release of a version on file, and the policies that it
    brings; to be committed with the version itself.

    Raises: DefinitionTampered REG-008 for a model whose definition has not its policy; KeyUnusable
        ENG-008.
    """
    models = [pointer for pointer in version.pointers.values() if pointer.kind == "model"]
    found = (_policy(pointer, version, writer, at=at) for pointer in models)
    policies = {policy.asset: policy for policy in found if policy}
    brought = [policy for policy in policies.values() if policy.sequence == version.version]
    release = ReleasePredicate(
        project=writer.project,
        environment=version.environment,
        actor=writer.actor,
        issued_at=at,
        version=version.version,
        map=digest_of_map(version),
        assets={name: _asset(pointer, writer) for name, pointer in version.pointers.items()},
        endpoints=endpoints_of(
            version,
            {name: writer.definition(pointer) for name, pointer in version.pointers.items()},
        ),
        policies={name: policy.sequence for name, policy in policies.items()},
    )
    filed = FiledRelease(envelope=render_signed(release, _subject(release), writer.signer))
    key = environment_version_key(version.environment, version.version)
    return (
        Change("release", key, render_stored(filed)),
        *(_filed_policy(policy, writer) for policy in brought),
    )


def endpoints_of(
    version: EnvironmentVersion, definitions: Mapping[str, AssetDefinition | None]
) -> dict[str, ReleasedEndpoint]:
    """What each endpoint of a version answers with; of one that names no model nothing is said."""
    found = {}
    for name, pointer in version.pointers.items():
        definition = definitions.get(name)
        if pointer.kind == "endpoint" and definition is not None:
            model = _model_of(definition)
            held = version.pointers.get(model)
            found[name.partition(".")[2]] = ReleasedEndpoint(
                asset=model,
                version=held.build_digest if held else "",
                definition=digest_of_definition(definition),
            )
    return found


class _Reference(msgspec.Struct):
    asset: str = ""


def _model_of(definition: AssetDefinition) -> str:
    fields = {**definition.build, **definition.policy}
    try:
        return msgspec.json.decode(fields.get("model", "{}"), type=_Reference).asset
    except msgspec.DecodeError:
        return ""


def _asset(pointer: AssetPointer, writer: ReleaseWriter) -> ReleasedAsset:
    definition, build, asking = (
        writer.definition(pointer),
        writer.build(pointer),
        writer.asking(pointer),
    )
    facts = build.facts if build else {}
    bound = [name for name in BOUND_FACTS if isinstance(facts.get(name), str)]
    if build and build.digest != pointer.build_digest:
        # A later build of the same definition, with rows of its own.
        bound = [name for name in bound if name != "card"]
    return ReleasedAsset(
        origin=asking.asset if asking else pointer.asset,
        definition=digest_of_definition(definition),
        facts={name: str(facts[name]) for name in bound},
    )


def _policy(
    pointer: AssetPointer, version: EnvironmentVersion, writer: ReleaseWriter, *, at: Micros
) -> PolicyPredicate | None:
    """The policy of a model: the one in force, or a new one where its gates are others; None where
    nothing on record says what it is, and then no server of a protected environment opens it.
    """
    definition = writer.asking(pointer)
    if definition is None:
        return None
    if definition.policy_fingerprint != pointer.policy_fingerprint:
        raise DefinitionTampered(asset=pointer.asset, environment=version.environment)
    gates = tuple(gate.name for gate in required_gates(parse_gates(definition.policy)))
    held = writer.in_force(definition.asset)
    if held and (held.policy, held.required_gates) == (pointer.policy_fingerprint, gates):
        return held
    return PolicyPredicate(
        project=writer.project,
        environment=version.environment,
        actor=writer.actor,
        issued_at=at,
        asset=definition.asset,
        policy=pointer.policy_fingerprint,
        required_gates=gates,
        sequence=version.version,
    )


def _subject(release: ReleasePredicate) -> Subject:
    name = f"{release.environment} version {release.version}"
    return Subject(name, {"sha256": release.map.removeprefix("sha256:")})


def _filed_policy(policy: PolicyPredicate, writer: ReleaseWriter) -> Change:
    name = f"{policy.asset} in {policy.environment}"
    subject = Subject(name, {"sha256": policy.policy.removeprefix("sha256:")})
    filed = FiledPolicy(envelope=render_signed(policy, subject, writer.signer))
    return Change("policy", f"{policy.environment}/{policy.asset}", render_stored(filed))
