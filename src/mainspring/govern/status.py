"""What an environment holds, at a glance."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from mainspring.elements.events import ProjectName
from mainspring.elements.html import html_page, html_table
from mainspring.elements.identity import Digest
from mainspring.elements.stored import parse_document
from mainspring.elements.time import Micros, format_instant
from mainspring.gates.policy import TrustPolicy
from mainspring.gates.release.memory import ProcessSequences, SequenceMemory
from mainspring.gates.release.verify import ReleaseCheck
from mainspring.gates.verify_version import verify_version
from mainspring.monitoring.incident import Incident
from mainspring.monitoring.position import WindowSummary
from mainspring.monitoring.record import read_position
from mainspring.ports.clock import Clock
from mainspring.ports.log import LogReader
from mainspring.ports.objects import ObjectReader
from mainspring.ports.signer import Verifier
from mainspring.ports.state import StateReader
from mainspring.ports.tables import TableReader
from mainspring.registry.environment import AssetNotes, EnvironmentVersion, asset_names
from mainspring.registry.read import read_version
from mainspring.registry.read_environment import (
    read_build,
    read_definition,
    read_environment,
)
from mainspring.serving.inference.policy import log_policy
from mainspring.serving.inference.spec import InferenceLog
from mainspring.serving.loader import read_endpoint_definition
from mainspring.serving.rollouts.state import (
    EndpointRollout,
    Rollouts,
    revision_of,
    rollout_words,
)
from mainspring.serving.state.read import read_streams
from mainspring.sources.quarantine import QuarantineCounts
from mainspring.sources.read import iter_records
from mainspring.sources.spec import NO_EVENT_TIME
from mainspring.sources.tally import read_tally
from mainspring.sources.topic import quarantine_topic_of, tally_topic_of, topic_of

__all__ = [
    "EndpointStatus",
    "FeatureSetStatus",
    "MonitorStatus",
    "SourceStatus",
    "StatusPorts",
    "StatusReport",
    "status_of_environment",
]


class EndpointStatus(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint, the version behind it, whether its proofs hold here, the release of the map
    among them, how its predictions are logged, and what its declaration says to people.

    Args:
        rollout: how the version takes over, where another one still answers; else empty.
    """

    name: str
    model: str
    digest: Digest
    attested: bool
    log: str
    notes: AssetNotes = AssetNotes()
    rollout: str = ""

    @property
    def proof(self) -> str:
        """Whether the chain holds, in words."""
        return "attested" if self.attested else "not attested"


class SourceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A source: facts that stand, rows in quarantine, each as often as it came, and the newest
    event time (microseconds, None without a fact).
    """

    name: str
    rows: int
    quarantined: int
    last_event_time: Micros | None
    notes: AssetNotes = AssetNotes()


class FeatureSetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A feature set: its views, and how many features of them it has."""

    name: str
    views: tuple[str, ...]
    features: int
    notes: AssetNotes = AssetNotes()


class MonitorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A monitor: the end of the last window that it evaluated, and what there is to say of that;
    None where it has evaluated none yet.
    """

    name: str
    until: Micros | None
    summary: WindowSummary | None


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
    monitors: tuple[MonitorStatus, ...] = ()
    feature_sets: tuple[FeatureSetStatus, ...] = ()

    def _repr_html_(self) -> str:
        endpoints = [(e.name, e.model, e.proof, e.log, e.notes.owner) for e in self.endpoints]
        sources = [
            (s.name, s.rows, s.quarantined, _moment(s.last_event_time), s.notes.owner)
            for s in self.sources
        ]
        incidents = [(_moment(each.opened_at), each.sentence) for each in self.incidents]
        sets = [(s.name, s.features, ", ".join(s.views), s.notes.owner) for s in self.feature_sets]
        headings = ("name", "features", "views", "owner")
        return html_page(
            f"{self.environment} is at version {self.version}",
            html_table("Endpoints", ("name", "model", "proof", "log", "owner"), endpoints),
            *([html_table("Feature sets", headings, sets)] if sets else []),
            html_table(
                "Sources", ("name", "rows", "in quarantine", "last event", "owner"), sources
            ),
            html_table("Open incidents", ("since", "what"), incidents),
        )


def _moment(at: Micros | None) -> str:
    return format_instant(at) if at is not None else "never"


@dataclass(frozen=True, eq=False, kw_only=True)
class StatusPorts:
    """What a status is read from; `clock` is the time of the world, at which proofs must hold, and
    `memory` what was seen of releases and policies.  Kept for as long as somebody asks: what it
    has counted once is not counted again.
    """

    state: StateReader
    log: LogReader
    tables: TableReader
    objects: ObjectReader
    verifier: Verifier
    clock: Clock
    memory: SequenceMemory = field(default_factory=ProcessSequences)
    quarantines: QuarantineCounts = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "quarantines", QuarantineCounts(self.log))


def status_of_environment(
    environment: str,
    *,
    project: ProjectName,
    policy: TrustPolicy,
    log: InferenceLog,
    ports: StatusPorts,
) -> StatusReport:
    """The report.

    Args:
        policy: whom the environment trusts.
        log: how it logs predictions where endpoints do not say it.
    """
    current = read_environment(ports.state, environment)
    incidents = (
        parse_document(document, Incident)
        for document in ports.state.iter_documents("incident", f"{environment}/")
    )
    return StatusReport(
        project=project,
        environment=environment,
        version=current.version,
        moved_by=current.moved_by,
        moved_at=current.moved_at,
        reason=current.reason,
        endpoints=tuple(_iter_endpoints(current, ports, project=project, policy=policy, log=log)),
        sources=tuple(
            _source(name, stream, current, ports)
            for name, stream in sorted(read_streams(current, state=ports.state).items())
        ),
        incidents=tuple(incident for incident in incidents if incident.closed_at is None),
        feature_sets=tuple(
            _feature_set(name, current, ports) for name in asset_names(current, "feature_set")
        ),
        monitors=tuple(
            _monitor(name, environment, ports) for name in asset_names(current, "monitor")
        ),
    )


def _iter_endpoints(
    current: EnvironmentVersion,
    ports: StatusPorts,
    *,
    project: ProjectName,
    policy: TrustPolicy,
    log: InferenceLog,
) -> Iterator[EndpointStatus]:
    check = ReleaseCheck(
        project=project,
        environment=current.environment,
        policy=policy,
        state=ports.state,
        verifier=ports.verifier,
        memory=ports.memory,
    )
    is_released = not policy.protected or check.check(current).is_proven
    document = ports.state.get("rollout", current.environment)
    standing = parse_document(document, Rollouts).endpoints if document else {}
    for name in asset_names(current, "endpoint"):
        endpoint = read_endpoint_definition(ports.state, current, name)
        pointer = current.pointers.get(endpoint.model) if endpoint else None
        if endpoint is not None and pointer is not None:
            version = read_version(ports.state, pointer.build_digest)
            definition = read_definition(ports.state, pointer)
            chain = verify_version(
                version,
                pointer.policy_fingerprint,
                environment=current.environment,
                policy=policy,
                state=ports.state,
                objects=ports.objects,
                verifier=ports.verifier,
                now=ports.clock.now(),
                asset=definition.asset if definition else pointer.asset,
            )
            yield EndpointStatus(
                name=name,
                model=version.label,
                digest=version.digest,
                attested=chain.is_proven and is_released,
                log=str(log_policy(endpoint.log, log, protected=policy.protected)),
                notes=_notes_of(f"endpoint.{name}", current, ports),
                rollout=_rollout(name, endpoint.model, current, standing, state=ports.state),
            )


def _rollout(
    name: str,
    model: str,
    current: EnvironmentVersion,
    standing: Mapping[str, EndpointRollout],
    *,
    state: StateReader,
) -> str:
    """Who answers beside or instead of what the map names; empty where nobody does."""
    stands = standing.get(name)
    if stands is None or stands.stable.name == revision_of(current, name, model).name:
        return ""
    return rollout_words(stands, read_version(state, stands.stable.version).label)


def _notes_of(asset: str, current: EnvironmentVersion, ports: StatusPorts) -> AssetNotes:
    definition = read_definition(ports.state, current.pointers[asset])
    return definition.notes_or_none if definition else AssetNotes()


def _feature_set(name: str, current: EnvironmentVersion, ports: StatusPorts) -> FeatureSetStatus:
    pointer = current.pointers[f"feature_set.{name}"]
    build = read_build(ports.state, pointer.asset, pointer.build_fingerprint)
    definition = read_definition(ports.state, pointer)
    features = build.facts.get("features") if build else None
    views = (each.partition(".")[2] for each in definition.parents) if definition else ()
    return FeatureSetStatus(
        name=name,
        views=tuple(sorted(views)),
        features=features if isinstance(features, int) else 0,
        notes=_notes_of(pointer.asset, current, ports),
    )


def _monitor(name: str, environment: str, ports: StatusPorts) -> MonitorStatus:
    stored = read_position(ports.state, environment, name)
    if stored is None or stored.position.summary is msgspec.UNSET:
        return MonitorStatus(name=name, until=None, summary=None)
    window, summary = stored.position.window, stored.position.summary
    return MonitorStatus(name=name, until=window.end, summary=summary)


def _source(
    name: str, stream: str, current: EnvironmentVersion, ports: StatusPorts
) -> SourceStatus:
    tally = read_tally(tally_topic_of(stream), ports.log)
    if stream == name:
        # What release 0.1 took in has no tally.
        return _counted_by_hand(name, current, ports)
    return SourceStatus(
        name=name,
        rows=tally.standing,
        quarantined=tally.quarantined - ports.quarantines.departed(stream),
        last_event_time=None
        if tally.newest_event_time == NO_EVENT_TIME.value
        else tally.newest_event_time,
        notes=_notes_of(f"source.{name}", current, ports),
    )


def _counted_by_hand(name: str, current: EnvironmentVersion, ports: StatusPorts) -> SourceStatus:
    topic, log = topic_of(name), ports.log
    newest = None
    for frame in iter_records(topic, log=log, tables=ports.tables):
        times = [time for time in (newest, frame["_event_time"].max()) if isinstance(time, int)]
        newest = max(times, default=None)
    return SourceStatus(
        name=name,
        rows=log.head(topic),
        quarantined=log.head(quarantine_topic_of(name)),
        last_event_time=newest,
        notes=_notes_of(f"source.{name}", current, ports),
    )
