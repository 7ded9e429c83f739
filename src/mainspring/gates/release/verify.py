"""Is a version of an environment what was signed when the environment moved to it?

The state database says where an environment stands, and it is not believed: a version counts when a
trusted releaser has signed it, for this project and environment, with these pointers, and when what
is declared of its assets is what it was then.  That it is the newest cannot be seen from itself, so
the highest version and policies that were seen are remembered, and floors can be configured.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mainspring.elements.errors import MainspringError, NewerFormat, RecordUnreadable
from mainspring.elements.events import ProjectName
from mainspring.gates.attestation import PAYLOAD_TYPE, Envelope
from mainspring.gates.errors import UnreadableAttestation, UnreleasedMap
from mainspring.gates.policy import TrustPolicy
from mainspring.gates.release.memory import ProcessSequences, SequenceMemory
from mainspring.gates.release.sign import digest_of_definition, digest_of_map, endpoints_of
from mainspring.gates.release.statement import (
    FiledPolicy,
    FiledRelease,
    PolicyPredicate,
    ReleasePredicate,
    parse_filed,
    parse_signed,
)
from mainspring.ports.signer import PublicKey, Verifier
from mainspring.ports.state import Document, StateReader
from mainspring.registry.environment import (
    AssetDefinition,
    AssetPointer,
    EnvironmentVersion,
    empty_environment,
    environment_version_key,
)
from mainspring.registry.read_environment import read_definition, read_past_environment

__all__ = ["RETAINED_VERSIONS", "CheckedVersion", "ReleaseCheck"]

RETAINED_VERSIONS = 3
"""How many maps of an environment stay warm: a rollback finds their models loaded and their
features current, and an endpoint whose map is refused can fall back to one of them.
"""


@dataclass(frozen=True)
class CheckedVersion:
    """A version of an environment, its release where that is valid, and all that is wrong."""

    version: EnvironmentVersion
    release: ReleasePredicate | None
    faults: tuple[str, ...]

    @property
    def is_proven(self) -> bool:
        """Whether it may be served from."""
        return self.release is not None and not self.faults


@dataclass(frozen=True, eq=False, kw_only=True)
class ReleaseCheck:
    """Checks versions of one environment.

    Args:
        policy: whom the environment trusts, and its floors.
        memory: the highest sequences that were seen.
        keys: those that are trusted besides, in an open environment that of this workspace.
    """

    project: ProjectName
    environment: str
    policy: TrustPolicy
    state: StateReader
    verifier: Verifier
    memory: SequenceMemory = field(default_factory=ProcessSequences)
    keys: Sequence[PublicKey] = ()

    def check(self, version: EnvironmentVersion) -> CheckedVersion:
        """The version with all that is wrong with it, as the newest of its environment."""
        found = self.released(version)
        if found.release is None:
            return found
        faults = (*found.faults, *self._in_force(found), *self._too_low(version.version))
        return CheckedVersion(version, found.release, faults)

    def unreadable(self, error: RecordUnreadable) -> CheckedVersion:
        """In place of the newest version, where what stands there is no such record."""
        return CheckedVersion(empty_environment(self.environment), None, (error.message,))

    def released(self, version: EnvironmentVersion) -> CheckedVersion:
        """The version with what is wrong with it in itself, whichever is the newest."""
        key = environment_version_key(self.environment, version.version)
        document = self.state.get("release", key)
        if document is None:
            return CheckedVersion(version, None, (self._unsigned(version),))
        try:
            release = self._release(document)
        except UnreadableAttestation as error:
            return CheckedVersion(version, None, (f"release untrusted ({error.reason})",))
        except NewerFormat as error:
            reason = f"{error.message}: upgrade Mainspring"
            return CheckedVersion(version, None, (f"release untrusted ({reason})",))
        faults = tuple(f"release untrusted ({fault})" for fault in self._differs(version, release))
        return CheckedVersion(version, None if faults else release, faults)

    def require_released(self, version: EnvironmentVersion) -> None:
        """Return, or raise UnreleasedMap GAT-030.  Where an earlier release of Mainspring moved the
        environment ever since, nothing is signed and nothing is asked.
        """
        found = self.released(version)
        if found.release is None and not self.is_unsigned:
            raise UnreleasedMap(
                version=version.version,
                environment=self.environment,
                faults="; ".join(found.faults),
            )

    @property
    def is_unsigned(self) -> bool:
        """Whether no version of the environment was ever signed: releases of Mainspring before 0.2
        signed none.
        """
        return not any(self.state.iter_documents("release", f"{self.environment}/"))

    @property
    def was_never_released(self) -> bool:
        """The same, and no release of it was ever seen here."""
        return self.is_unsigned and not self.memory.highest(self._name("release"))

    def newest_proven(self, version: EnvironmentVersion) -> Iterator[CheckedVersion]:
        """The proven versions that an endpoint may fall back to, newest first: of the newest that
        was seen and the few before it.
        """
        newest = max(version.version, self.memory.highest(self._name("release")))
        for number in sorted({*self._released_numbers(), newest}, reverse=True):
            past = self._past(number)
            found = self.released(past) if past and past.version == number else None
            if found is None or found.release is None:
                continue
            newest = max(newest, number)
            faults = (*self._in_force(found), *self._below_floor(number))
            if not faults and number > newest - RETAINED_VERSIONS:
                yield found

    def saw(self, version: CheckedVersion) -> None:
        """Remember a version that was taken.  Raises: TrustUnusable ENG-033."""
        assert version.release is not None, "what is remembered is what was proven"
        for asset, sequence in version.release.policies.items():
            self.memory.saw(self._name(asset), sequence)
        self.memory.saw(self._name("release"), version.release.version)

    def policy_in_force(self, asset: str) -> PolicyPredicate | None:
        """The policy of a model that a trusted key has signed, by its first name; None for none.

        Raises: UnreadableAttestation GAT-007, NewerFormat REG-005.
        """
        document = self.state.get("policy", f"{self.environment}/{asset}")
        if document is None:
            return None
        envelope = parse_filed(document, FiledPolicy)
        if not self._is_signed(envelope):
            return None
        found = parse_signed(envelope.payload, PolicyPredicate)
        named = (found.project, found.environment, found.asset)
        return found if named == (self.project, self.environment, asset) else None

    def trusted_policy(self, asset: str) -> PolicyPredicate | None:
        """The same, and None also for one that cannot be read."""
        try:
            return self.policy_in_force(asset)
        except MainspringError:
            return None

    def _released_numbers(self) -> Iterator[int]:
        """Of which versions a release is on file."""
        for document in self.state.iter_documents("release", f"{self.environment}/"):
            number = document.key.rpartition("/")[2]
            if number.isdecimal():
                yield int(number)

    def _past(self, number: int) -> EnvironmentVersion | None:
        try:
            return read_past_environment(self.state, self.environment, number)
        except RecordUnreadable:
            return None

    def _definition(self, pointer: AssetPointer) -> AssetDefinition | None:
        """What is declared of an asset; None where it is not what was filed there."""
        try:
            return read_definition(self.state, pointer)
        except RecordUnreadable:
            return None

    def _unsigned(self, version: EnvironmentVersion) -> str:
        return (
            f"release missing (nobody has signed version {version.version} of {self.environment}; "
            "one that was moved by an earlier release of Mainspring is signed by "
            f"`mainspring gates renew --env {self.environment}`)"
        )

    def _release(self, document: Document) -> ReleasePredicate:
        """The release of a document.  Raises: UnreadableAttestation GAT-007 also for one that no
        trusted key has signed.
        """
        envelope = parse_filed(document, FiledRelease)
        if not self._is_signed(envelope):
            raise UnreadableAttestation(reason="no valid signature by a key accepted for releasers")
        return parse_signed(envelope.payload, ReleasePredicate)

    def _is_signed(self, envelope: Envelope) -> bool:
        trusted = (*self.policy.releasers, *self.keys)
        return envelope.payload_type == PAYLOAD_TYPE and any(
            self.verifier.is_valid(envelope.message, signature, trusted)
            for signature in envelope.signatures
        )

    def _differs(self, version: EnvironmentVersion, release: ReleasePredicate) -> Iterator[str]:
        """How a version differs from what was signed."""
        if (release.project, release.environment) != (self.project, self.environment):
            yield f"made for {release.environment} of {release.project}"
            return
        if release.version != version.version or release.map != digest_of_map(version):
            yield f"it was signed for another map than stands as version {version.version}"
            return
        definitions: dict[str, AssetDefinition | None] = {}
        for name, pointer in version.pointers.items():
            definitions[name] = self._definition(pointer)
            signed = release.assets.get(name)
            if signed is None or signed.definition != digest_of_definition(definitions[name]):
                yield f"the definition of {name} was changed"
        if release.assets.keys() != version.pointers.keys():
            yield "it names other assets"
        if release.endpoints != endpoints_of(version, definitions):
            yield "its endpoints answer with others"

    def _in_force(self, found: CheckedVersion) -> Iterator[str]:
        """What is wrong with the policies of a version's models."""
        release = found.release
        for pointer in found.version.pointers.values() if release else ():
            if release is None or pointer.kind != "model":
                continue
            asset = release.assets[pointer.asset].origin
            try:
                policy = self.policy_in_force(asset)
            except MainspringError as error:
                yield f"policy of {pointer.asset} untrusted ({error.message})"
                continue
            if policy is None:
                yield f"policy of {pointer.asset} missing (no trusted statement of it)"
            elif policy.policy != pointer.policy_fingerprint:
                yield f"policy of {pointer.asset} stale (another one is in force)"
            elif policy.sequence < release.policies.get(asset, 0):
                yield f"policy of {pointer.asset} stale (the release was made under a later one)"
            elif policy.sequence < self._lowest(asset):
                yield (
                    f"policy of {pointer.asset} stale (sequence {policy.sequence}, and "
                    f"{self._lowest(asset)} was seen or is asked for)"
                )

    def _too_low(self, number: int) -> Iterator[str]:
        lowest = self._lowest("release")
        if number < lowest:
            yield f"release stale (version {number}, and {lowest} was seen or is asked for)"
            return
        for later in sorted(self._released_numbers(), reverse=True):
            past = self._past(later) if later > number else None
            if past is not None and self.released(past).release is not None:
                yield f"release stale (version {later} was released after version {number})"
                return

    def _below_floor(self, number: int) -> Iterator[str]:
        if number < self.policy.floors.get("release", 0):
            yield f"release stale (version {number} lies below the floor)"

    def _lowest(self, name: str) -> int:
        return max(self.policy.floors.get(name, 0), self.memory.highest(self._name(name)))

    def _name(self, name: str) -> str:
        return f"{self.project}/{self.environment}/{name}"
