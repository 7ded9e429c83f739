"""Open the state of a view for folding: from a snapshot where the store has lost it or never had
it, anew where it has left out what is needed.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress

from mainspring.elements.errors import MainspringError
from mainspring.features.state.names import shard_of_partition
from mainspring.features.state.replicate import restore_shard
from mainspring.features.state.stream import (
    CLOCK_SLACK,
    ViewMaterialization,
    drop_late_state,
    horizon_at,
)
from mainspring.features.view import CompiledView
from mainspring.ports.errors import StaleWrite
from mainspring.project.kinds.evaluation import Runtime

__all__ = ["materialize_to_head", "open_materializations"]

_LOG = logging.getLogger("mainspring.stream")


def open_materializations(
    view: CompiledView, partitions: Sequence[int], tools: Runtime
) -> list[ViewMaterialization]:
    """Folds of these partitions, those that are equally far in one, so that one that is far behind
    holds up no other.

    Raises: ENG-004 when another process opens them just now.
    """
    now, online = tools.data_clock.now(), tools.online
    shards = [
        shard_of_partition(view.shard, partition, view.partitions) for partition in partitions
    ]
    drop_late_state(view, shards, online=online, now=now)
    for shard in shards:
        if online.read(shard, [])[0] is None:
            _restore(view, shard, tools)
    opened = ViewMaterialization(
        view, partitions, log=tools.log, online=online, now=now - CLOCK_SLACK, tables=tools.tables
    )
    return opened.split()


def materialize_to_head(view: CompiledView, tools: Runtime) -> int:
    """Bring a view's state up to the log; where other processes fold it too, each goes on from
    where the others have got to.

    Returns: how many records this process folded, for each place in the log at which partitions
        stood.
    """
    records = 0
    while True:
        with suppress(StaleWrite):
            for fold in open_materializations(view, range(view.partitions), tools):
                heads = {topic: tools.log.head(topic) for topic in fold.topics}
                records += sum(
                    count
                    for _, count in fold.iter_steps(heads, now=tools.data_clock.now() - CLOCK_SLACK)
                )
            return records


def _restore(view: CompiledView, shard: str, tools: Runtime) -> None:
    """Begin with a snapshot, if there is one; a damaged one is told and costs time only."""
    kept_from = horizon_at(view, tools.data_clock.now() - CLOCK_SLACK)
    try:
        position = restore_shard(
            shard,
            online=tools.online,
            objects=tools.objects,
            state=tools.state,
            log=tools.log,
            kept_from=kept_from,
        )
    except StaleWrite:
        raise
    except MainspringError as error:
        _LOG.warning("%s is folded from the log: %s", shard, error)
        return
    if position is not None:
        _LOG.info("%s begins with a snapshot at %s", shard, dict(position.offsets))
