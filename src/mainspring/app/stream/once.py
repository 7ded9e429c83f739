"""Fold what the log holds now, and end."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from mainspring.app.stream.meter import StreamReport
from mainspring.app.stream.open import catch_up
from mainspring.features.replicate import snapshot_shard
from mainspring.features.stream import shards_of
from mainspring.features.view import CompiledView
from mainspring.project.tools import Tools

__all__ = ["fold_once"]

_FOLDING = 8


def fold_once(views: Sequence[CompiledView], tools: Tools, *, takes_snapshots: bool) -> StreamReport:
    """Bring views up to the log beside each other, whoever folds them too; no lease is taken."""
    began_s, cpu_s = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(_FOLDING, "mainspring-fold") as folding:
        records = list(folding.map(partial(catch_up, tools=tools), views))
    shards = [shard for view in views for shard in shards_of(view)]
    for shard in shards if takes_snapshots else ():
        snapshot_shard(shard, online=tools.online, objects=tools.objects, state=tools.state, at=tools.clock.now())
    length_s = time.monotonic() - began_s
    return StreamReport(
        at=tools.clock.now(),
        events_per_s=round(sum(records) / length_s, 1),
        lag_records=0,
        lag_ms=round(1e3 * length_s, 1),
        shards=len(shards),
        of=len(shards),
        members=1,
        cpu=round((time.process_time() - cpu_s) / length_s, 3),
    )
