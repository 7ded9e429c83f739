"""Whether the stores of an environment know of each other what is so: nothing that was folded is
ahead of the log, and no object is missing that its maps name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mainspring.elements.errors import MainspringError
from mainspring.elements.identity import Digest
from mainspring.features.state.stream import shards_of
from mainspring.features.view import CompiledView
from mainspring.ports.errors import ObjectMissing
from mainspring.ports.log import LogReader
from mainspring.ports.objects import ObjectReader
from mainspring.ports.online import OnlineReader
from mainspring.ports.state import StateReader
from mainspring.ports.tables import TableReader
from mainspring.registry.environment import AssetPointer
from mainspring.registry.read import read_version
from mainspring.registry.read_environment import read_build, read_environment
from mainspring.serving.loader import iter_retained_versions
from mainspring.serving.state.read import read_streams
from mainspring.sources.errors import CopyAhead
from mainspring.sources.raw.log import iter_segments
from mainspring.sources.topic import raw_topic_of, topic_of

__all__ = ["StorePorts", "iter_copies_ahead", "iter_missing_copies", "iter_missing_objects"]


@dataclass(frozen=True, eq=False, kw_only=True)
class StorePorts:
    """The stores of one environment."""

    state: StateReader
    log: LogReader
    tables: TableReader
    online: OnlineReader
    objects: ObjectReader


def iter_copies_ahead(
    environment: str, views: Sequence[CompiledView], stores: StorePorts
) -> Iterator[CopyAhead]:
    """The tables and the online state of an environment that hold more than the log.

    Args:
        views: those that are kept current.

    Cost: 2 ms a table, and a read of each partition's position.
    """
    streams = read_streams(read_environment(stores.state, environment), state=stores.state)
    for table, topic, position in _iter_folded(sorted(streams.values()), views, stores):
        # Positions before heads: what is folded meanwhile is never beyond a head read later.
        if position > (head := stores.log.head(topic)):
            yield CopyAhead(store=table, topic=topic, position=position, head=head)


def _iter_folded(
    streams: Sequence[str], views: Sequence[CompiledView], stores: StorePorts
) -> Iterator[tuple[str, str, int]]:
    """What was folded: its name, the topic, and how far."""
    for topic in map(topic_of, streams):
        yield f"table {topic}", topic, stores.tables.position(topic)
    for shard in (shard for view in views for shard in shards_of(view)):
        found, _ = stores.online.read(shard, [])
        for topic, offset in found.offsets if found else ():
            yield f"online state {shard}", topic, offset


def iter_missing_objects(
    environment: str, stores: StorePorts, *, reads_bytes: bool = False
) -> Iterator[MainspringError]:
    """What is wrong with the objects that the recent maps of an environment name: they are missing,
    or the record that names them cannot be read.

    Args:
        reads_bytes: read each object, so that a damaged one is found, too.

    Cost: a look-up for each object.
    """
    current = read_environment(stores.state, environment)
    pointers = {
        (pointer.asset, pointer.build_fingerprint, pointer.build_digest): pointer
        for version in iter_retained_versions(stores.state, current)
        for pointer in version.pointers.values()
    }
    seen: set[Digest] = set()
    for pointer in pointers.values():
        try:
            named = [digest for digest in _objects_of(pointer, stores.state) if digest not in seen]
        except MainspringError as error:
            yield error
            continue
        seen.update(named)
        yield from _iter_faults(named, stores.objects, reads_bytes=reads_bytes)


def iter_missing_copies(environment: str, stores: StorePorts) -> Iterator[MainspringError]:
    """What is wrong with the copies of files that the raw logs of an environment name.  Cost: reads
    the raw logs.
    """
    streams = read_streams(read_environment(stores.state, environment), state=stores.state)
    for topic in sorted({raw_topic_of(stream) for stream in streams.values()}):
        for stored in iter_segments(topic, stores.log, start=stores.log.first(topic)):
            pieces = stored.segment.file.pieces if stored.segment.file else ()
            yield from _iter_faults(pieces, stores.objects, reads_bytes=False)


def _objects_of(pointer: AssetPointer, state: StateReader) -> list[Digest]:
    """The objects behind an asset of a map."""
    match pointer.kind:
        case "model":
            version = read_version(state, pointer.build_digest)
            return [
                version.artifact,
                version.encoding,
                version.predictions,
                version.training_set,
                version.definition,
                version.card,
            ]
        case "monitor":
            return [pointer.build_digest]
        case _:
            build = read_build(state, pointer.asset, pointer.build_fingerprint)
            stored = build.facts.get("definition") if build else None
            return [Digest(str(stored))] if stored else []


def _iter_faults(
    digests: Sequence[Digest], objects: ObjectReader, *, reads_bytes: bool
) -> Iterator[MainspringError]:
    for digest in digests:
        try:
            if reads_bytes:
                objects.read(digest)
            elif not objects.exists(digest):
                yield ObjectMissing(digest=digest)
        except MainspringError as error:
            yield error
