"""Load an environment's map for serving: every endpoint's model, opened only when its chain of
attestations holds.

The state database says what should serve; it is not believed.  In a protected environment a model
is opened when signed statements say so, checked against the keys that the project's own
configuration pins.  What is refused does not serve: the endpoint keeps what it had, or falls back
to the newest earlier map whose model is proven.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from mainspring.elements.errors import MainspringError
from mainspring.elements.events import Event
from mainspring.elements.identity import Digest, digest_of
from mainspring.elements.stored import parse_stored
from mainspring.elements.time import DAY, Micros
from mainspring.gates.attest import read_envelopes
from mainspring.gates.attestation import APPROVAL, gate_predicate
from mainspring.gates.verify import ChainReport, signed_gates, verify_chain
from mainspring.project.apply.runtime import Runtime
from mainspring.project.config.config import EnvironmentConfig
from mainspring.project.loader.load import Project
from mainspring.registry.environment import EnvironmentVersion
from mainspring.registry.read import read_artifact, read_version
from mainspring.registry.read_environment import read_past_environment
from mainspring.registry.version import ModelVersion
from mainspring.serving.errors import ModelRefused
from mainspring.serving.host import ServedEndpoint, ServedEnvironment
from mainspring.serving.inference_log import inference_topic
from mainspring.serving.open import open_version
from mainspring.serving.predict import ServedModel
from mainspring.serving.spec import Endpoint

__all__ = [
    "RETAINED_VERSIONS",
    "EnvironmentLoader",
    "endpoint_names",
    "iter_retained_versions",
    "verify_version",
]

RETAINED_VERSIONS = 3
"""How many maps of an environment stay warm: a rollback finds their models loaded and their
features current.
"""


def endpoint_names(environment: EnvironmentVersion) -> list[str]:
    """The endpoints that a map holds, sorted."""
    return sorted(
        name.removeprefix("endpoint.")
        for name in environment.pointers
        if name.startswith("endpoint.")
    )


def iter_retained_versions(
    tools: Runtime, environment: EnvironmentVersion
) -> Iterator[EnvironmentVersion]:
    """The map and the ones before it that are kept warm, newest first."""
    yield environment
    for version in range(
        environment.version - 1, max(environment.version - RETAINED_VERSIONS, 0), -1
    ):
        past = read_past_environment(tools.state, environment.environment, version)
        if past is not None:
            yield past


def verify_version(
    version: ModelVersion,
    policy: Digest,
    *,
    tools: Runtime,
    environment: str,
    config: EnvironmentConfig,
    now: Micros,
) -> ChainReport:
    """How every statement that the version needs to serve stands.  The bytes that would serve are
    digested here, and not believed.
    """
    artifact = digest_of(read_artifact(tools.objects, version).payload)
    envelopes = read_envelopes(
        tools.state, tools.objects, environment=environment, version=version.digest
    )
    gates = signed_gates(envelopes, policy=policy, trust=config.trust, verifier=tools.verifier)
    required = [gate_predicate(gate) for gate in gates] + (
        [APPROVAL] if "approval" in config.requires else []
    )
    return verify_chain(
        version,
        artifact,
        envelopes,
        environment=environment,
        policy_fingerprint=policy,
        required=required,
        trust=config.trust,
        verifier=tools.verifier,
        now=now,
    )


@dataclass
class EnvironmentLoader:
    """Loads maps; keeps opened models by version, so that a map that was served before is served
    again at once.

    Args:
        environment: the name of the environment that is served.
    """

    project: Project
    tools: Runtime
    environment: str
    config: EnvironmentConfig
    _opened: dict[Digest, ServedModel] = field(default_factory=dict)

    def load(self, served: ServedEnvironment) -> ServedEnvironment:
        """The map as it stands now, or the same object when the environment's document has not
        changed and was checked within a day.
        """
        document, now = (
            self.tools.state.get("environment", self.environment),
            self.tools.clock.now(),
        )
        if document is None or (
            document.payload == served.document and now - served.checked_at < DAY
        ):
            return served
        current = parse_stored(document.payload, EnvironmentVersion, key=self.environment)
        endpoints = {
            name: self._endpoint(name, current, served) for name in endpoint_names(current)
        }
        self._forget_cold(current, endpoints.values())
        return ServedEnvironment(
            environment=self.environment,
            version=current.version,
            endpoints=endpoints,
            document=document.payload,
            checked_at=now,
        )

    def _warm_versions(self, current: EnvironmentVersion) -> set[Digest]:
        return {
            digest
            for past in iter_retained_versions(self.tools, current)
            for name in endpoint_names(past)
            if (digest := self._pointed(name, past))
        }

    def _forget_cold(
        self, current: EnvironmentVersion, endpoints: Iterable[ServedEndpoint]
    ) -> None:
        """Let go of models that no warm map names and no endpoint answers with, so that a server
        does not grow with every version.
        """
        serving = {
            model.version
            for endpoint in endpoints
            for model in (endpoint.current, endpoint.previous)
            if model
        }
        kept = serving | self._warm_versions(current)
        self._opened = {digest: model for digest, model in self._opened.items() if digest in kept}

    def _endpoint(
        self, name: str, current: EnvironmentVersion, served: ServedEnvironment
    ) -> ServedEndpoint:
        """The endpoint with the model that the map holds; refused, with the one that it had, or
        that the newest earlier map can prove.
        """
        before = served.endpoints.get(name)
        try:
            return self._with_rollout(
                name, self._model(name, current), before=before, moved=current
            )
        except MainspringError as error:
            self._tell_refused(name, error)
            refusal = f"{error.code} {error.message}"
        if before is not None and before.current is not None:
            return replace(before, refusal=refusal)
        return ServedEndpoint(
            name=name,
            topic=inference_topic(self.environment, name),
            current=self._newest_proven(name, current),
            refusal=refusal,
        )

    def _newest_proven(self, name: str, current: EnvironmentVersion) -> ServedModel | None:
        for version in range(current.version, max(current.version - RETAINED_VERSIONS, 0), -1):
            past = read_past_environment(self.tools.state, self.environment, version)
            with suppress(MainspringError):
                if past is not None:
                    return self._model(name, past)
        return None

    def _with_rollout(
        self,
        name: str,
        model: ServedModel,
        *,
        before: ServedEndpoint | None,
        moved: EnvironmentVersion,
    ) -> ServedEndpoint:
        """A protected environment takes a new revision in steps; an open one, and a rollback, at
        once.
        """
        previous, rollout = None, None
        if (
            self.config.protected
            and before
            and before.current
            and before.current.version != model.version
        ):
            declared = next(
                (e for e in self.project.declarations.endpoints if e.name == name), None
            )
            rollout = declared.rollout if declared and moved.reason != "rollback" else None
            previous = before.current if rollout else None
        topic = inference_topic(self.environment, name)
        return ServedEndpoint(
            name=name,
            topic=topic,
            current=model,
            previous=previous,
            rollout=rollout,
            since=moved.moved_at,
        )

    def _model(self, name: str, past: EnvironmentVersion) -> ServedModel:
        digest = self._pointed(name, past)
        if digest is None:
            raise ModelRefused(
                version=name, environment=self.environment, reasons="the map names no model for it"
            )
        version = read_version(self.tools.state, digest)
        if self.config.protected:
            policy = past.pointers[f"model.{version.model}"].policy_fingerprint
            now = self.tools.clock.now()
            chain = verify_version(
                version,
                policy,
                tools=self.tools,
                environment=self.environment,
                config=self.config,
                now=now,
            )
            if not chain.is_proven:
                raise ModelRefused(
                    version=version.label,
                    environment=self.environment,
                    reasons="; ".join(map(str, chain.faults)),
                )
        if digest not in self._opened:
            objects, scorers = self.tools.objects, self.tools.scorers
            self._opened[digest] = open_version(
                version, objects=objects, scorers=scorers, partitions=self.config.partitions
            )
        return self._opened[digest]

    def _pointed(self, name: str, past: EnvironmentVersion) -> Digest | None:
        """The version that a map has for an endpoint's model."""
        endpoint: Endpoint | None = next(
            (e for e in self.project.declarations.endpoints if e.name == name), None
        )
        models = (
            [f"model.{endpoint.model.name}"]
            if endpoint
            else [asset for asset in past.pointers if asset.startswith("model.")]
        )
        return next(
            (past.pointers[model].build_digest for model in models if model in past.pointers), None
        )

    def _tell_refused(self, name: str, error: MainspringError) -> None:
        tools = self.tools
        event = Event(
            kind="model.refused",
            project=tools.project,
            actor=tools.actor,
            at=tools.clock.now(),
            subject=f"endpoint.{name}",
            environment=self.environment,
            facts={"code": error.code, "reason": error.message},
        )
        tools.state.commit([], [event])
