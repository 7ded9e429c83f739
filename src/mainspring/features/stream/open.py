"""Open the state of a view for folding: from a snapshot where the store has lost it or never had
it, anew where it has left out what is needed.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from mainspring.elements.errors import MainspringError
from mainspring.features.state.names import shard_of_partition
from mainspring.features.state.replicate import restore_shard
from mainspring.features.state.stream import (
    CLOCK_SKEW,
    ViewMaterialization,
    drop_late_state,
    horizon_at,
)
from mainspring.features.view import CompiledView
from mainspring.ports.clock import Clock
from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import LogReader
from mainspring.ports.objects import ObjectWriter
from mainspring.ports.online import OnlineWriter
from mainspring.ports.state import StateStore
from mainspring.ports.tables import TableReader
from mainspring.sources.errors import CopyAhead

__all__ = ["StreamPorts", "materialize_to_head", "open_materializations", "require_folded"]

_LOG = logging.getLogger("mainspring.stream")


@dataclass(frozen=True, eq=False, kw_only=True)
class StreamPorts:
    """What online state is kept current with.

    Args:
        log, tables: what is folded: the tables where the log was trimmed.
        online: where the state lies.
        state, objects: hold the leases of those who fold, and the snapshots.
        clock: the time of the world, for records.
        data_clock: the time of the data, up to which facts are visible.
    """

    state: StateStore
    log: LogReader
    tables: TableReader
    online: OnlineWriter
    objects: ObjectWriter
    clock: Clock
    data_clock: Clock


def open_materializations(
    view: CompiledView, partitions: Sequence[int], ports: StreamPorts
) -> list[ViewMaterialization]:
    """Folds of these partitions, those that are equally far in one, so that one that is far behind
    holds up no other.

    Raises: ENG-004 when another process opens them just now; CopyAhead ENG-043 for what has folded
        more than the log holds.
    """
    now, online = ports.data_clock.now(), ports.online
    shards = [
        shard_of_partition(view.shard, partition, view.partitions) for partition in partitions
    ]
    drop_late_state(view, shards, online=online, now=now)
    for shard in shards:
        if online.read(shard, [])[0] is None:
            _restore(view, shard, ports)
    opened = ViewMaterialization(
        view, partitions, log=ports.log, online=online, now=now - CLOCK_SKEW, tables=ports.tables
    )
    require_folded(opened, ports.log)
    return opened.split()


def require_folded(opened: ViewMaterialization, log: LogReader) -> None:
    """Return unless a partition has folded more than the log holds.  Raises: CopyAhead ENG-043: it
    was folded from another log, or this one has lost its end.
    """
    for topic in opened.topics:
        head, furthest = log.head(topic), opened.furthest(topic)
        if furthest > head:
            raise CopyAhead(
                store=f"the online state of {opened.view.view.name}",
                topic=topic,
                position=furthest,
                head=head,
            )


def materialize_to_head(view: CompiledView, ports: StreamPorts) -> int:
    """Bring a view's state up to the log; where other processes fold it too, each goes on from
    where the others have got to.

    Returns: how many records this process folded, for each place in the log at which partitions
        stood.
    """
    records = 0
    while True:
        with suppress(StaleWrite):
            for fold in open_materializations(view, range(view.partitions), ports):
                heads = {topic: ports.log.head(topic) for topic in fold.topics}
                records += sum(
                    count
                    for _, count in fold.iter_steps(heads, now=ports.data_clock.now() - CLOCK_SKEW)
                )
            return records


def _restore(view: CompiledView, shard: str, ports: StreamPorts) -> None:
    """Begin with a snapshot, if there is one; a damaged one is told and costs time only."""
    kept_from = horizon_at(view, ports.data_clock.now() - CLOCK_SKEW)
    try:
        position = restore_shard(
            shard,
            online=ports.online,
            objects=ports.objects,
            state=ports.state,
            log=ports.log,
            kept_from=kept_from,
        )
    except StaleWrite:
        raise
    except MainspringError as error:
        _LOG.warning("%s is folded from the log: %s", shard, error)
        return
    if position is not None:
        _LOG.info("%s begins with a snapshot at %s", shard, dict(position.offsets))
