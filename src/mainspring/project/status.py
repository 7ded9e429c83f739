"""What an environment holds, at a glance."""

from collections.abc import Iterator

import msgspec

from mainspring.elements.identity import Digest
from mainspring.elements.stored import parse_stored
from mainspring.elements.time import Micros
from mainspring.monitoring.incident import Incident
from mainspring.project.apply.runtime import Runtime
from mainspring.project.config.config import EnvironmentConfig
from mainspring.project.loader.load import Project
from mainspring.registry.environment import EnvironmentVersion
from mainspring.registry.read import read_version
from mainspring.registry.read_environment import read_environment
from mainspring.serving.loader import endpoint_names, verify_version
from mainspring.sources.read import iter_records
from mainspring.sources.topic import quarantine_topic_of, topic_of

__all__ = ["EndpointStatus", "SourceStatus", "StatusReport", "status_of_environment"]


class EndpointStatus(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint, the version behind it, and whether its chain of attestations holds here."""

    name: str
    model: str
    digest: Digest
    attested: bool


class SourceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A source: records in the log, rows in quarantine, and the event time of its newest record
    (microseconds, None without one).
    """

    name: str
    rows: int
    quarantined: int
    last_event_time: Micros | None


class StatusReport(msgspec.Struct, frozen=True, kw_only=True):
    """An environment; version 0 holds nothing yet."""

    project: str
    environment: str
    version: int
    moved_by: str
    moved_at: Micros
    reason: str
    endpoints: tuple[EndpointStatus, ...]
    sources: tuple[SourceStatus, ...]
    incidents: tuple[Incident, ...]


def status_of_environment(
    project: Project, tools: Runtime, environment: str, *, config: EnvironmentConfig
) -> StatusReport:
    """The report; `config` says whom the environment trusts."""
    current = read_environment(tools.state, environment)
    incidents = (
        parse_stored(document.payload, Incident)
        for document in tools.state.iter_documents("incident", f"{environment}/")
    )
    return StatusReport(
        project=project.config.name,
        environment=environment,
        version=current.version,
        moved_by=current.moved_by,
        moved_at=current.moved_at,
        reason=current.reason,
        endpoints=tuple(_iter_endpoints(project, tools, current, config=config)),
        sources=tuple(_source(tools, source.name) for source in project.declarations.sources),
        incidents=tuple(incident for incident in incidents if incident.closed_at is None),
    )


def _iter_endpoints(
    project: Project, tools: Runtime, current: EnvironmentVersion, *, config: EnvironmentConfig
) -> Iterator[EndpointStatus]:
    models = {
        endpoint.name: f"model.{endpoint.model.name}" for endpoint in project.declarations.endpoints
    }
    for name in endpoint_names(current):
        pointer = current.pointers.get(models.get(name, ""))
        if pointer is not None:
            version = read_version(tools.state, pointer.build_digest)
            now = tools.clock.now()
            chain = verify_version(
                version,
                pointer.policy_fingerprint,
                tools=tools,
                environment=current.environment,
                config=config,
                now=now,
            )
            yield EndpointStatus(
                name=name, model=version.label, digest=version.digest, attested=chain.is_proven
            )


def _source(tools: Runtime, name: str) -> SourceStatus:
    head = tools.log.head(topic_of(name))
    newest = None
    for frame in iter_records(
        topic_of(name), log=tools.log, tables=tools.tables, start=max(head - 1, 0)
    ):
        newest = int(frame["_event_time"][-1])
    return SourceStatus(
        name=name,
        rows=head,
        quarantined=tools.log.head(quarantine_topic_of(name)),
        last_event_time=newest,
    )
