"""Load an environment's map for serving: every endpoint's model, opened only when its chain of
attestations holds.

The state database says what should serve; it is not believed.  In a protected environment a model
is opened when signed statements say so, checked against the keys that the configuration pins: that
the map is the one that a releaser signed, and no older one put back; that its policies are those in
force; and that the model has the verdicts which these ask for, as the asset that it stands for.
What is refused does not serve: the endpoint keeps what it had, or falls back to the newest earlier
map that is proven.

What an endpoint answers with is read from the definition stored beside its pointer.  The project's
files are never looked at: what they say now may not be applied yet, and a server must start, and
follow a rollback, also where they do not load.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import msgspec

from mainspring.elements.errors import MainspringError, RecordUnreadable
from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.identity import Digest
from mainspring.elements.stored import parse_document
from mainspring.elements.time import DAY, FOREVER, MINUTE, Micros
from mainspring.gates.policy import TrustPolicy
from mainspring.gates.release.memory import ProcessSequences, SequenceMemory
from mainspring.gates.release.verify import RETAINED_VERSIONS, CheckedVersion, ReleaseCheck
from mainspring.gates.verify_version import verify_version
from mainspring.ports.clock import Clock
from mainspring.ports.models import ScorerLoader
from mainspring.ports.objects import ObjectReader
from mainspring.ports.placement import ON_CPU, PLACEMENT_ERRORS, Placement
from mainspring.ports.signer import Verifier
from mainspring.ports.state import Document, StateReader, StateWriter
from mainspring.registry.environment import (
    AssetPointer,
    EnvironmentVersion,
    asset_names,
    empty_environment,
)
from mainspring.registry.read import read_version
from mainspring.registry.read_environment import read_definition, read_past_environment
from mainspring.registry.version import ModelVersion
from mainspring.serving.definition import EndpointDefinition, parse_endpoint_definition
from mainspring.serving.errors import ModelRefused
from mainspring.serving.host import ServedEnvironment
from mainspring.serving.inference.errors import LogIncomplete
from mainspring.serving.inference.policy import log_policy
from mainspring.serving.inference.spec import InferenceLog
from mainspring.serving.inference_log import inference_topic
from mainspring.serving.opened_models import OpenedModels
from mainspring.serving.predict import ServedModel
from mainspring.serving.rollouts.follow import following, stable_elsewhere
from mainspring.serving.rollouts.state import (
    EndpointRevision,
    EndpointRollout,
    Rollouts,
    revision_of,
)
from mainspring.serving.served_endpoint import ServedEndpoint

__all__ = [
    "RETAINED_VERSIONS",
    "EnvironmentLoader",
    "LoaderPorts",
    "iter_retained_versions",
    "read_endpoint_definition",
]

_NOT_OF_IT = "version untrusted (it was not made from the definition that the map names)"

_NOTHING_APPLIED = "nothing was applied yet"
_NOT_HELD = "the newest map that is proven does not hold it"


def iter_retained_versions(
    state: StateReader, environment: EnvironmentVersion
) -> Iterator[EnvironmentVersion]:
    """The map and the ones before it that are kept warm, newest first."""
    yield environment
    for version in range(
        environment.version - 1, max(environment.version - RETAINED_VERSIONS, 0), -1
    ):
        past = read_past_environment(state, environment.environment, version)
        if past is not None:
            yield past


def read_endpoint_definition(
    state: StateReader, environment: EnvironmentVersion, name: str
) -> EndpointDefinition | None:
    """What a version of an environment holds of an endpoint; None where it has none of this name,
    or no definition of it is stored.

    Raises: ModelRefused SRV-002 when what is stored defines no endpoint.
    """
    pointer = environment.pointers.get(f"endpoint.{name}")
    stored = read_definition(state, pointer) if pointer else None
    try:
        return parse_endpoint_definition(stored) if stored else None
    except msgspec.MsgspecError as error:
        raise ModelRefused(
            version=name,
            environment=environment.environment,
            reasons=f"its stored definition cannot be read: {error}",
        ) from error


@dataclass(frozen=True, eq=False, kw_only=True)
class LoaderPorts:
    """What an environment is loaded with.

    Args:
        project, actor: who is on record where a model is refused.
        clock: the time of the world, at which proofs must hold.
    """

    state: StateWriter
    objects: ObjectReader
    scorers: ScorerLoader
    verifier: Verifier
    clock: Clock
    project: ProjectName
    actor: Actor


@dataclass
class EnvironmentLoader:
    """Loads maps; keeps opened models by version, so that a map that was served before is served
    again at once.

    Args:
        environment: the name of the environment that is served.
        policy: whom it trusts.
        partitions: into how many parts the online state of its views is divided.
        place: where its models compute.
        memory: the highest sequences of releases and policies that were seen.
        log: how predictions are logged where an endpoint does not say it.
    """

    ports: LoaderPorts
    environment: str
    policy: TrustPolicy
    partitions: int = 1
    place: Placement = ON_CPU
    memory: SequenceMemory = field(default_factory=ProcessSequences)
    log: InferenceLog = field(default_factory=InferenceLog)
    _opened: OpenedModels = field(init=False)
    _until: dict[Digest, Micros] = field(default_factory=dict)
    _stands: Mapping[str, EndpointRollout] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ports = self.ports
        self._opened = OpenedModels(
            ports.objects, ports.scorers, partitions=self.partitions, place=self.place
        )

    @property
    def releases(self) -> ReleaseCheck:
        """What checks the maps of this environment."""
        return ReleaseCheck(
            project=self.ports.project,
            environment=self.environment,
            policy=self.policy,
            state=self.ports.state,
            verifier=self.ports.verifier,
            memory=self.memory,
        )

    def load(self, served: ServedEnvironment) -> ServedEnvironment:
        """The map as it stands now, or the same object when its document and that of its roll-outs
        have not changed, was checked within a day, and no proof has run out since.
        """
        document = self.ports.state.get("environment", self.environment)
        now, rollouts = self.ports.clock.now(), self.ports.state.get("rollout", self.environment)
        stood = rollouts.payload if rollouts else b""
        if document is None or (
            document.payload == served.document
            and stood == served.rollouts
            and now - served.checked_at < DAY
            and now < served.check_at
        ):
            return served
        self._stands = parse_document(rollouts, Rollouts).endpoints if rollouts else {}
        checked = self._newest_of(document)
        fresh = (self._kept if checked.faults else self._taken)(checked, served)
        self._forget_cold(checked.version, fresh.endpoints.values())
        check_at = self._next_check(fresh.endpoints.values(), now)
        return replace(
            fresh,
            document=document.payload,
            rollouts=stood,
            checked_at=now,
            check_at=check_at,
        )

    def _newest_of(self, document: Document) -> CheckedVersion:
        """The map of a document.  Raises: RecordUnreadable REG-020 in an open environment."""
        try:
            return self._checked(parse_document(document, EnvironmentVersion))
        except RecordUnreadable as error:
            if not self.policy.protected:
                raise
            return self.releases.unreadable(error)

    def require_proven(self, version: ModelVersion) -> None:
        """Return where a version may be opened here: in an open environment any, in a protected
        one what the newest proven map holds, while its verdicts hold.

        Raises: ModelRefused SRV-002.
        """
        if self.policy.protected:
            checked = self._newest_map()
            self._require_proven(version, self._holding(checked.version, version), checked)

    def _newest_map(self) -> CheckedVersion:
        """The newest map that is proven.  Raises: ModelRefused SRV-002."""
        document = self.ports.state.get("environment", self.environment)
        empty = CheckedVersion(empty_environment(self.environment), None, (_NOTHING_APPLIED,))
        checked = self._newest_of(document) if document else empty
        if not checked.faults:
            return checked
        past = next(self.releases.newest_proven(checked.version), None)
        if past is None:
            raise self._refused_map(checked)
        return past

    def _holding(self, held: EnvironmentVersion, version: ModelVersion) -> AssetPointer:
        """Where a map points at a version.  Raises: ModelRefused SRV-002."""
        for pointer in held.pointers.values():
            if (pointer.kind, pointer.build_digest) == ("model", version.digest):
                return pointer
        raise ModelRefused(version=version.label, environment=self.environment, reasons=_NOT_HELD)

    def _refused_map(self, refused: CheckedVersion) -> ModelRefused:
        return ModelRefused(
            version=f"version {refused.version.version}",
            environment=self.environment,
            reasons="; ".join(refused.faults),
        )

    def _checked(self, current: EnvironmentVersion) -> CheckedVersion:
        """The map with what is wrong with it; an open environment takes what stands."""
        if not self.policy.protected:
            return CheckedVersion(current, None, ())
        return self.releases.check(current)

    def _taken(self, checked: CheckedVersion, served: ServedEnvironment) -> ServedEnvironment:
        """What a map holds."""
        if self.policy.protected:
            self.releases.saw(checked)
        current = checked.version
        return ServedEnvironment(
            environment=self.environment,
            version=current.version,
            endpoints={
                name: self._endpoint(name, checked, served)
                for name in asset_names(current, "endpoint")
            },
        )

    def _kept(self, refused: CheckedVersion, served: ServedEnvironment) -> ServedEnvironment:
        """What goes on being served where a map is refused: what is in place, or what the newest
        proven map holds.
        """
        error = self._refused_map(refused)
        refusal = f"{error.code} {error.message}"
        if not served.endpoints:
            past = next(self.releases.newest_proven(refused.version), None)
            served = self._taken(past, served) if past else self._nothing(refused.version)
        for name, endpoint in served.endpoints.items():
            if endpoint.refusal != refusal:
                self._tell_refused(name, error)
        return replace(
            served,
            endpoints={
                name: replace(self._while_proven(endpoint, refused.version), refusal=refusal)
                for name, endpoint in served.endpoints.items()
            },
        )

    def _while_proven(
        self, endpoint: ServedEndpoint, current: EnvironmentVersion
    ) -> ServedEndpoint:
        """The endpoint with the model that it has; where it has none, or its proofs have run
        out, with the newest one that is proven, if any.
        """
        if endpoint.current is not None and self._is_still_proven(endpoint.current):
            return self._following(endpoint, endpoint, current)
        return replace(self._newest_proven(endpoint.name, current), rollout=None)

    def _nothing(self, version: EnvironmentVersion) -> ServedEnvironment:
        """The endpoints of a map, without a model to answer with."""
        return ServedEnvironment(
            environment=self.environment,
            version=version.version,
            endpoints={name: self._silent(name) for name in asset_names(version, "endpoint")},
        )

    def _silent(self, name: str) -> ServedEndpoint:
        """An endpoint without a model to answer with."""
        topic = inference_topic(self.environment, name)
        return ServedEndpoint(name=name, topic=topic, current=None)

    def _next_check(self, endpoints: Iterable[ServedEndpoint], now: Micros) -> Micros:
        """When the first proof of what answers runs out, or a minute from now where a model is
        refused.
        """
        found = list(endpoints)
        refused = [now + MINUTE for endpoint in found if endpoint.refusal]
        proofs = [
            self._until[model.version]
            for endpoint in found
            for model in (endpoint.current, endpoint.previous)
            if model and model.version in self._until
        ]
        return min([*refused, *proofs], default=FOREVER)

    def _is_still_proven(self, model: ServedModel) -> bool:
        """Whether the proofs that a model was loaded with have not run out."""
        return self.ports.clock.now() < self._until.get(model.version, FOREVER)

    def _warm_versions(self, current: EnvironmentVersion) -> set[Digest]:
        warm, maps = set[Digest](), list[EnvironmentVersion]()
        with suppress(RecordUnreadable):
            maps.extend(iter_retained_versions(self.ports.state, current))
        for past in maps:
            for name in asset_names(past, "endpoint"):
                with suppress(ModelRefused, RecordUnreadable):
                    warm.add(self._pointed(name, past).build_digest)
        return warm

    def _forget_cold(
        self, current: EnvironmentVersion, endpoints: Iterable[ServedEndpoint]
    ) -> None:
        """Let go of models that no warm map names and no endpoint answers with."""
        serving = {
            model.version
            for endpoint in endpoints
            for model in (endpoint.current, endpoint.previous)
            if model
        }
        self._opened.forget_all_but(serving | self._warm_versions(current))

    def _endpoint(
        self, name: str, checked: CheckedVersion, served: ServedEnvironment
    ) -> ServedEndpoint:
        """The endpoint with the model that the map holds; refused, with the one that it had, or
        that the newest earlier map can prove.
        """
        before, current = served.endpoints.get(name), checked.version
        try:
            model = self._model(name, checked)
            return self._following(self._named(name, model, current), before, current)
        except MainspringError as error:
            refusal = f"{error.code} {error.message}"
            unplaced = error if isinstance(error, PLACEMENT_ERRORS) else None
            if before is None or before.refusal != refusal:
                self._tell_refused(name, error)
        if before is not None and before.current and self._is_still_proven(before.current):
            return replace(self._following(before, before, current), refusal=refusal)
        return replace(self._newest_proven(name, current), refusal=refusal, unplaced=unplaced)

    def _newest_proven(self, name: str, current: EnvironmentVersion) -> ServedEndpoint:
        pasts = (
            self.releases.newest_proven(current)
            if self.policy.protected
            else map(self._checked, iter_retained_versions(self.ports.state, current))
        )
        for past in pasts:
            with suppress(MainspringError):
                return self._named(name, self._model(name, past), past.version)
        return self._silent(name)

    def _following(
        self, endpoint: ServedEndpoint, before: ServedEndpoint | None, current: EnvironmentVersion
    ) -> ServedEndpoint:
        """The endpoint as the roll-out on record has it, with the model in charge."""
        stands = self._stands.get(endpoint.name)
        if stands is None or not stable_elsewhere(endpoint, stands):
            return following(endpoint, stands, None)
        return following(endpoint, stands, self._in_charge(endpoint.name, stands, before, current))

    def _in_charge(
        self,
        name: str,
        stands: EndpointRollout,
        before: ServedEndpoint | None,
        current: EnvironmentVersion,
    ) -> ServedModel | None:
        """The model in charge: the one that this process has, or that a proven map holds; what is
        on record of a roll-out is believed no more than the map is.
        """
        names = [(before.revision_name, before.current)] if before else []
        names += [(before.in_charge, before.previous)] if before else []
        for held, model in names:
            if held == stands.stable.name and model and self._is_still_proven(model):
                return model
        for past in self._pasts(current, stands.stable.map_version):
            with suppress(MainspringError):
                if self._revision(name, past.version).name == stands.stable.name:
                    return self._model(name, past)
        return None

    def _pasts(self, current: EnvironmentVersion, number: int) -> Iterator[CheckedVersion]:
        """Maps that may be served from, where one of this number is wanted."""
        if self.policy.protected:
            yield from self.releases.newest_proven(current)
            return
        past = read_past_environment(self.ports.state, self.environment, number)
        if past is not None:
            yield self._checked(past)

    def _revision(self, name: str, environment: EnvironmentVersion) -> EndpointRevision:
        return revision_of(environment, name, self._pointed(name, environment).asset)

    def _named(self, name: str, model: ServedModel, held: EnvironmentVersion) -> ServedEndpoint:
        """The endpoint that a map declares, and how it is to take over: a rollback at once, but for
        a revision that it leaves in place, in the middle of its roll-out or taken back.
        """
        definition = read_endpoint_definition(self.ports.state, held, name)
        if self.policy.protected and definition and definition.log and definition.log.gaps:
            raise LogIncomplete(
                where=f"endpoint {name}",
                declared=definition.log.gaps,
                environment=self.environment,
            )
        revision, stands = self._revision(name, held), self._stands.get(name)
        is_gradual = held.reason != "rollback" or (stands is not None and stands.tries(revision))
        return ServedEndpoint(
            name=name,
            topic=inference_topic(self.environment, name),
            current=model,
            revision=revision,
            rollout=definition.rollout if definition and is_gradual else None,
            log=log_policy(
                definition.log if definition else None, self.log, protected=self.policy.protected
            ),
        )

    def _model(self, name: str, checked: CheckedVersion) -> ServedModel:
        pointer = self._pointed(name, checked.version)
        version = read_version(self.ports.state, pointer.build_digest)
        if self.policy.protected:
            self._require_proven(version, pointer, checked)
        return self._opened.open(version)

    def _require_proven(
        self, version: ModelVersion, pointer: AssetPointer, checked: CheckedVersion
    ) -> None:
        """Raise SRV-002 unless the version is one of this model, and its verdicts hold."""
        ports, release = self.ports, checked.release
        assert release is not None, "only a map that is proven is opened"
        asset = release.assets[pointer.asset].origin
        policy = self.releases.policy_in_force(asset)
        faults = [] if version.fingerprint == pointer.build_fingerprint else [_NOT_OF_IT]
        chain = verify_version(
            version,
            pointer.policy_fingerprint,
            environment=self.environment,
            policy=self.policy,
            state=ports.state,
            objects=ports.objects,
            verifier=ports.verifier,
            now=ports.clock.now(),
            asset=asset,
            gates=policy.required_gates if policy else (),
        )
        faults += map(str, chain.faults)
        if faults:
            raise ModelRefused(
                version=version.label, environment=self.environment, reasons="; ".join(faults)
            )
        self._until[version.digest] = FOREVER if chain.expires_at is None else chain.expires_at

    def _pointed(self, name: str, past: EnvironmentVersion) -> AssetPointer:
        """What a map has for an endpoint's model."""
        endpoint = read_endpoint_definition(self.ports.state, past, name)
        pointer = past.pointers.get(endpoint.model) if endpoint else None
        if pointer is None:
            raise ModelRefused(
                version=name, environment=self.environment, reasons="the map names no model for it"
            )
        return pointer

    def _tell_refused(self, name: str, error: MainspringError) -> None:
        ports = self.ports
        event = Event(
            kind="model.refused",
            project=ports.project,
            actor=ports.actor,
            at=ports.clock.now(),
            subject=f"endpoint.{name}",
            environment=self.environment,
            facts={"code": error.code, "reason": error.message},
        )
        ports.state.commit([], [event])
