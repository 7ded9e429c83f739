"""What a workspace offers to keep its online state current."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from mainspring.elements.declaration import names_of
from mainspring.features.state.replicate import snapshot_shard
from mainspring.features.state.stream import shards_of
from mainspring.features.stream.consume import StreamConsumer
from mainspring.features.stream.meter import StreamReport
from mainspring.features.stream.open import StreamPorts, materialize_to_head
from mainspring.features.view import CompiledView
from mainspring.flow.consumer_group import GroupMember
from mainspring.ports.clock import Ids
from mainspring.serving.state.reader import ViewNames
from mainspring.serving.state.views import ServedViews

__all__ = ["OnlineMaterializer"]

_FOLDING = 8


class OnlineMaterializer:
    """The online state of one environment.

    Args:
        kept: the views that are kept current.
        ids: names the members of the group that shares the work.
        store: what tells this online store from others that the same state gives leases for.
    """

    def __init__(self, ports: StreamPorts, kept: ServedViews, *, ids: Ids, store: str) -> None:
        self.kept = kept
        self._ports, self._ids, self._store = ports, ids, store

    def materialize(self) -> None:
        """Bring every view that is kept current up to the log, one after the other."""
        for view in self.kept.read():
            materialize_to_head(view, self._ports)

    def once(self, views: ViewNames = (), *, takes_snapshots: bool = False) -> StreamReport:
        """Fold what the log holds now, views beside each other and whoever folds them too; no lease
        is taken.

        Args:
            views: by name, with those that they look keys up in; default: all that are kept
                current.
            takes_snapshots: keep one of each shard at the end.

        Raises: UnknownAsset ACC-006 for a view that is not kept current.
        """
        began_s, cpu_s = time.monotonic(), time.process_time()
        ports, kept = self._ports, self._named(views)
        with ThreadPoolExecutor(_FOLDING, "mainspring-fold") as folding:
            records = sum(folding.map(partial(materialize_to_head, ports=ports), kept))
        shards = [shard for view in kept for shard in shards_of(view)]
        for shard in shards if takes_snapshots else ():
            snapshot_shard(
                shard,
                online=ports.online,
                objects=ports.objects,
                state=ports.state,
                at=ports.clock.now(),
            )
        length_s = time.monotonic() - began_s
        return StreamReport(
            at=ports.clock.now(),
            events_per_s=round(records / length_s, 1),
            lag_records=0,
            lag_ms=round(1e3 * length_s, 1),
            shards=len(shards),
            of=len(shards),
            members=1,
            cpu=round((time.process_time() - cpu_s) / length_s, 3),
        )

    def consumer(
        self,
        views: ViewNames = (),
        *,
        is_reserve: bool = False,
        takes_snapshots: bool = False,
        on_report: Callable[[StreamReport], None] = lambda _: None,
    ) -> StreamConsumer:
        """What folds the log continuously, sharing the work with every other process that does.

        Args:
            views: by name, with those that they look keys up in; default: all that are kept
                current.
            is_reserve: fold only what no other process could.
            takes_snapshots: keep one of each shard, made when it has caught up and every hour.
            on_report: told once a second how it goes.

        Raises: UnknownAsset ACC-006 for a view that is not kept current.
        """
        names = names_of(views, "feature view")
        subjects = tuple(view.view.name for view in self._named(names)) if names else ()
        return StreamConsumer(
            ports=self._ports,
            views=self.kept.read,
            member=GroupMember(
                name=self._ids.new("consumer"), is_reserve=is_reserve, subjects=subjects
            ),
            group=self.kept.environment,
            store=self._store,
            takes_snapshots=takes_snapshots,
            on_report=on_report,
        )

    def _named(self, views: ViewNames) -> Sequence[CompiledView]:
        names = names_of(views, "feature view")
        return self.kept.named(names) if names else self.kept.read()
