"""Remove a source that nothing needs any more: its raw log, and all that was made of it.

It is the only thing that removes rows which nobody has declared to be short-lived, and so it is
done by name only.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from mainspring.elements.time import Micros
from mainspring.maintenance.errors import SourceNeeded
from mainspring.maintenance.garbage import RemoveSource
from mainspring.maintenance.ports import MaintenancePorts
from mainspring.ports.log import LogReader
from mainspring.registry.errors import UnknownAsset
from mainspring.registry.read_environment import (
    iter_environments,
    read_asset_origins,
    read_environment,
)
from mainspring.registry.record import read_source_record, write_source_record
from mainspring.serving.loader import iter_retained_versions
from mainspring.serving.state.read import read_applied_sources
from mainspring.sources.raw.log import (
    count_pushed,
    is_emptied,
    iter_segments,
    raw_head,
    segment_record,
)
from mainspring.sources.raw.segment import RawSegment
from mainspring.sources.topic import (
    facts_prefix,
    log_of_stream,
    quarantine_topic_of,
    raw_topic_of,
    tally_topic_of,
)

__all__ = ["find_removals", "remove_source"]

_PREFIXES = (facts_prefix, quarantine_topic_of(""), tally_topic_of(""))


def find_removals(
    sources: Sequence[str], ports: MaintenancePorts, *, declared: Mapping[str, str]
) -> Iterator[RemoveSource]:
    """The steps that remove sources of these names, as each was last called.

    Args:
        declared: the log of each source that is declared, by its name.

    Raises: UnknownAsset ACC-006, SourceNeeded PRJ-104.
    """
    origins = read_asset_origins(ports.state) if sources else {}
    for name in dict.fromkeys(sources):
        asset = f"source.{name}"
        log = origins.get(asset, asset).partition(".")[2]
        _require_unneeded(name, log, ports, declared)
        topics = tuple(sorted(_topics_of(log, ports.log)))
        if not topics:
            known = ", ".join(sorted(_logs(ports.log))) or "none"
            raise UnknownAsset(kind="source", name=name, known=known)
        if not _is_removed(log, topics, ports.log):
            segments = _iter_kept(log, ports.log)
            yield RemoveSource(
                source=name,
                log=log,
                pushed=count_pushed(raw_topic_of(log), ports.log),
                files=len({each.file.path for each in segments if each.file}),
                topics=topics,
            )


def remove_source(step: RemoveSource, ports: MaintenancePorts, *, at: Micros) -> None:
    """Do one of these steps.  A crash between leaves something that the next one removes."""
    raw, log = raw_topic_of(step.log), ports.log
    # First: a source that is declared by this name later begins with other topics, for the ids of
    # what is removed are still known to these.
    record = read_source_record(ports.state, step.log)
    fresh = msgspec.structs.replace(record, refreshes=record.refreshes + 1, files=())
    write_source_record(ports.state, step.log, fresh)
    for topic in step.topics:
        if topic.startswith(facts_prefix):
            ports.tables.drop(topic)
        log.trim(topic, log.head(topic))
    head = raw_head(raw, log)
    # The last segment says how many rows there were: raw offsets are never given twice.
    end = RawSegment(kind="drop", start=head.rows, rows=0, appended_at=at, actor=ports.actor)
    log.append({raw: segment_record(end)}, expected={raw: head.offset})
    log.trim(raw, head.offset)
    facts = {"pushed": step.pushed, "files": step.files, "topics": len(step.topics)}
    ports.record("source.removed", f"source.{step.source}", {**facts})


def _require_unneeded(
    name: str, log: str, ports: MaintenancePorts, declared: Mapping[str, str]
) -> None:
    said = [f"{other} is declared" for other, its in declared.items() if its == log]
    for environment in iter_environments(ports.state):
        current = read_environment(ports.state, environment)
        for version in iter_retained_versions(ports.state, current):
            held = read_applied_sources(version, state=ports.state, objects=ports.objects)
            if any(log_of_stream(each.source.stream) == log for each in held.values()):
                said.append(f"{environment} holds it in version {version.version}")
    if said:
        raise SourceNeeded(source=name, needed_by=", ".join(said))


def _is_removed(log: str, topics: Sequence[str], reader: LogReader) -> bool:
    kept = list(_iter_kept(log, reader))
    is_empty = all(reader.first(topic) == reader.head(topic) for topic in topics)
    return is_empty and len(kept) == 1 and is_emptied(kept[0])


def _iter_kept(log: str, reader: LogReader) -> Iterator[RawSegment]:
    topic = raw_topic_of(log)
    return (each.segment for each in iter_segments(topic, reader, start=reader.first(topic)))


def _topics_of(log: str, reader: LogReader) -> Iterator[str]:
    """The topics of all generations of a log."""
    return (
        topic
        for topic in reader.topics()
        for prefix in _PREFIXES
        if topic.startswith(prefix) and log_of_stream(topic.removeprefix(prefix)) == log
    )


def _logs(reader: LogReader) -> set[str]:
    """The sources that ever had a row."""
    return {
        log_of_stream(topic.removeprefix(prefix))
        for topic in reader.topics()
        for prefix in _PREFIXES
        if topic.startswith(prefix)
    }
