"""Read what is there and what points to it, in all environments of a workspace.

Retention and live state are read from the versions of the environments and the definitions that
are stored with them, not from the project's code: what was edited and not applied changes nothing,
and no code has to load.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from mainspring.datasets.definition import parse_training_set_definition
from mainspring.elements.errors import MainspringError
from mainspring.elements.identity import Digest
from mainspring.elements.stored import parse_bare
from mainspring.elements.time import Micros
from mainspring.features.spec import FeatureView
from mainspring.features.state.names import shards_of_partitions
from mainspring.maintenance.garbage import GarbageInventory, RemoveSource, TopicUsage
from mainspring.maintenance.ports import MaintenancePorts
from mainspring.ports.log import LogReader
from mainspring.ports.online import Position
from mainspring.ports.state import StateReader
from mainspring.project.kinds.definition import online_shard_name
from mainspring.registry.environment import AssetPointer
from mainspring.registry.read import read_object, read_version
from mainspring.registry.read_environment import (
    read_asset_origins,
    read_definition,
    read_environment,
)
from mainspring.serving.inference_log import inference_segments, inference_topic
from mainspring.serving.loader import iter_retained_versions
from mainspring.serving.state.generations import iter_retained_sources
from mainspring.serving.state.read import read_view_definition, stream_of_source
from mainspring.sources.raw.log import iter_segments
from mainspring.sources.spec import Source
from mainspring.sources.tally import read_tally
from mainspring.sources.topic import (
    facts_prefix,
    quarantine_topic_of,
    raw_topic_of,
    tally_topic_of,
    topic_of,
)

__all__ = ["MARKS", "read_inventory", "read_marks", "read_referenced"]

MARKS = ("garbage", "objects")
"""Kind and key of the document that holds since when which objects are unreferenced."""

_DIGEST = re.compile(rb"sha256:[0-9a-f]{64}")


def read_inventory(
    ports: MaintenancePorts,
    environments: Mapping[str, int],
    *,
    grace: Micros,
    at: Micros,
    data_at: Micros,
    leftovers: Iterable[Path],
    uploads: Iterable[str] = (),
    removals: Iterable[RemoveSource] = (),
) -> GarbageInventory:
    """What is there and what points to it.

    Args:
        environments: by name, into how many parts each divides online state.
        grace: for how long nothing must reference an object before it is removed.
        at: the present instant; `data_at`: that of the data.
        leftovers: what processes that died left half done.
        uploads: the ids of those that have expired.
        removals: of sources that are to be removed.

    Cost: reads every document, and the records that retention would take.
    """
    positions = ports.online.shards()
    live, trouble = _live_shards(ports, environments)
    needed = [position for shard, position in positions.items() if live is None or shard in live]
    topics = tuple(_iter_topics(ports, environments, data_at=data_at, needed=needed))
    return GarbageInventory(
        project=ports.project,
        at=at,
        data_at=data_at,
        grace=grace,
        topics=topics,
        tables=tuple(topic.name for topic in topics if topic.folded),
        orders=_orders(ports, environments),
        shards=tuple(sorted(positions)),
        live=live,
        trouble=trouble,
        objects=tuple(sorted(ports.objects.iter_digests())),
        referenced=read_referenced(ports.state, ports.log),
        marked=read_marks(ports.state),
        leftovers=tuple(map(str, leftovers)),
        uploads=tuple(uploads),
        removals=tuple(removals),
    )


def read_referenced(state: StateReader, log: LogReader) -> frozenset[Digest]:
    """Every digest that stands in a document: objects are referenced by builds, versions,
    attestations and environments, and whatever kind may come.  And the copies of files that raw
    logs name.
    """
    payloads = (
        document.payload
        for kind in state.kinds()
        if kind != MARKS[0]
        for document in state.iter_documents(kind)
    )
    named = {Digest(found.decode()) for payload in payloads for found in _DIGEST.findall(payload)}
    copied = (
        stored.segment.file.pieces
        for topic in log.topics()
        if topic.startswith(raw_topic_of(""))
        for stored in iter_segments(topic, log, start=log.first(topic))
        if stored.segment.file
    )
    return frozenset(named.union(*copied))


def read_marks(state: StateReader) -> dict[Digest, Micros]:
    """Since when an earlier `gc` knows of objects that nothing references them."""
    document = state.get(*MARKS)
    return (
        parse_bare(document.payload, dict[Digest, Micros], title="the marks of garbage")
        if document
        else {}
    )


def _iter_topics(
    ports: MaintenancePorts,
    environments: Mapping[str, int],
    *,
    data_at: Micros,
    needed: Sequence[Position],
) -> Iterator[TopicUsage]:
    """Every topic of the log.  `needed` are the positions of the online state that is live."""
    log, retentions = ports.log, _retentions(ports.state, ports.log, environments)
    for name in log.topics():
        retention = retentions.get(name)
        offsets = [
            dict(position.offsets)[name] for position in needed if name in dict(position.offsets)
        ]
        yield TopicUsage(
            name=name,
            first=log.first(name),
            head=log.head(name),
            aged=0 if retention is None else _aged(log, name, data_at - retention),
            retention=retention,
            folded=ports.tables.position(name) if name.startswith(facts_prefix) else None,
            needed=min([*offsets, *_needed_raw(name, ports)], default=None),
        )


def _orders(ports: MaintenancePorts, environments: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Of a source's table the key by which most views of all environments read it, where there is
    one.
    """
    found: dict[str, Counter[tuple[str, ...]]] = {}
    for environment in environments:
        for pointer in read_environment(ports.state, environment).pointers.values():
            if pointer.kind != "view":
                continue
            try:
                definition = read_view_definition(pointer, state=ports.state, objects=ports.objects)
            except MainspringError:
                # What is damaged is the business of the doctor, and rows lie well in any order.
                continue
            views = (definition.view, *definition.view.lookups) if definition else ()
            for source, key in _keys_read(views):
                found.setdefault(topic_of(source.stream), Counter())[key] += 1
    return {topic: _most_read(keys) for topic, keys in found.items()}


def _most_read(keys: Counter[tuple[str, ...]]) -> tuple[str, ...]:
    """The key that most read by; of several the first by name, so that it stays the same."""
    most = max(keys.values())
    return min(key for key, count in keys.items() if count == most)


def _keys_read(views: Iterable[FeatureView]) -> Iterator[tuple[Source, tuple[str, ...]]]:
    for view in views:
        keys = dict.fromkeys(entity.join_keys for entity in view.entities if entity.join_keys)
        yield from ((source, key) for source in view.sources for key in list(keys)[:1])


def _needed_raw(topic: str, ports: MaintenancePorts) -> Iterator[int]:
    """Up to where the segments of a raw log must stay: what generations have not decided on, and
    the last, which says how many rows there were.
    """
    if topic.startswith(raw_topic_of("")):
        yield ports.log.head(topic) - 1
        for pointer in iter_retained_sources(ports.state):
            stream = stream_of_source(pointer, state=ports.state)
            if raw_topic_of(stream) == topic and ports.log.head(tally_topic_of(stream)):
                yield read_tally(tally_topic_of(stream), ports.log).segment


def _aged(log: LogReader, topic: str, cutoff: Micros) -> int:
    """The offset below which every record was appended before the cut-off."""
    for frame in log.read(topic, start=log.first(topic)):
        young = (frame["_appended_at"] >= cutoff).arg_true()
        if len(young):
            return int(frame["_offset"][int(young[0])])
    return log.head(topic)


def _retentions(
    state: StateReader, log: LogReader, environments: Iterable[str]
) -> dict[str, Micros]:
    """For how long the records of each topic are held, where that is bounded in every environment
    that holds the asset: environments share a source's log, so the longest retention counts.
    """
    found: dict[str, list[Micros | None]] = {}
    for environment in environments:
        for pointer in read_environment(state, environment).pointers.values():
            for topic in _topics_of(pointer, environment, state, log):
                found.setdefault(topic, []).append(_retention(state, pointer))
    return {
        topic: max(known)
        for topic, lengths in found.items()
        if len(known := [length for length in lengths if length is not None]) == len(lengths)
    }


def _topics_of(
    pointer: AssetPointer, environment: str, state: StateReader, log: LogReader
) -> tuple[str, ...]:
    """The topics that an asset's retention bounds."""
    name = pointer.asset.partition(".")[2]
    match pointer.kind:
        case "source":
            stream = stream_of_source(pointer, state=state)
            return topic_of(stream), quarantine_topic_of(stream), raw_topic_of(stream)
        case "endpoint":
            return tuple(inference_segments(log, inference_topic(environment, name)))
        case _:
            return ()


def _retention(state: StateReader, pointer: AssetPointer) -> Micros | None:
    """The retention of an asset's stored definition; None holds all, and so does a definition that
    is not there.
    """
    definition = read_definition(state, pointer)
    if definition is None:
        return None
    return msgspec.json.decode(definition.policy.get("retention", "null"), type=Micros | None)


def _live_shards(
    ports: MaintenancePorts, environments: Mapping[str, int]
) -> tuple[frozenset[str] | None, str]:
    """The online state that the recent versions of all environments need, divided as each of them
    has it, and why that cannot be told if it cannot.

    An environment's views name theirs; so does the definition behind each of its models, which may
    be an older one that was put in charge again.
    """
    origins = read_asset_origins(ports.state)
    try:
        return frozenset(
            part
            for environment, partitions in environments.items()
            for recent in iter_retained_versions(
                ports.state, read_environment(ports.state, environment)
            )
            for pointer in recent.pointers.values()
            for shard in _shards_of(pointer, ports, origins)
            for part in shards_of_partitions(shard, partitions)
        ), ""
    except MainspringError as error:
        return None, f"{error.code} {error.message}"


def _shards_of(
    pointer: AssetPointer, ports: MaintenancePorts, origins: Mapping[str, str]
) -> Iterator[str]:
    if pointer.kind == "view":
        origin = origins.get(pointer.asset, pointer.asset)
        yield online_shard_name(origin.partition(".")[2], pointer.build_fingerprint)
    elif pointer.kind == "model":
        version = read_version(ports.state, pointer.build_digest)
        definition = read_object(ports.objects, version, "definition")
        yield from (shard for _, shard in parse_training_set_definition(definition).shards)
