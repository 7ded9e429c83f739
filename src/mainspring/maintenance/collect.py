"""Collect garbage: find what nothing needs, and do what the plan says, while nobody builds or moves
an environment.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import msgspec

from mainspring.elements.events import EventValue
from mainspring.elements.stored import render_bare
from mainspring.elements.time import HOUR, Micros
from mainspring.features.state.replicate import forget_snapshot
from mainspring.maintenance.garbage import (
    CompactTopic,
    DropShard,
    GcPlan,
    GcStep,
    MarkObject,
    RemoveLeftover,
    RemoveObject,
    RemoveSource,
    RemoveUpload,
    TrimTopic,
    VacuumTable,
    make_gc_plan,
)
from mainspring.maintenance.lease import maintenance_lease
from mainspring.maintenance.ports import MaintenancePorts
from mainspring.maintenance.read_inventory import (
    MARKS,
    read_inventory,
    read_marks,
    read_referenced,
)
from mainspring.maintenance.remove_source import find_removals, remove_source
from mainspring.ports.backup import FolderWriter
from mainspring.ports.state import Change
from mainspring.sources.uploads.folder import UploadFolder

__all__ = ["GarbageCollector", "GcReport"]


class GcReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was done.

    Args:
        sources: that were removed.
        trimmed: records that the log forgot; joined: small batches that are part of larger ones
            now; files: those of tables that were deleted.
        uploads: that nobody went on with.
        marked: objects that nothing references, for a later `gc` to remove.
        passed_over: steps of the plan that were not due any more, for something referenced what
            they would have removed.
    """

    plan: GcPlan
    sources: int = 0
    trimmed: int
    joined: int
    files: int
    shards: int
    objects: int
    marked: int
    leftovers: int
    uploads: int = 0
    passed_over: int


@dataclass(frozen=True, eq=False, kw_only=True)
class GarbageCollector:
    """Collects the garbage of a workspace, in all its environments at once.

    Args:
        environments: by name, into how many parts each divides online state.
        folder: where its state lies; None in memory.
        folders: finds what processes that died left beside that folder, and removes it.
        uploads: files that were sent in parts; None where none can be.
        declared: gives the log of each source that is declared, by its name; called only where a
            source is to be removed.
    """

    ports: MaintenancePorts
    environments: Mapping[str, int]
    folder: Path | None
    folders: FolderWriter
    uploads: UploadFolder | None = None
    declared: Callable[[], Mapping[str, str]] = dict

    def plan(self, grace: Micros, *, sources: Sequence[str] = ()) -> GcPlan:
        """What may go now.

        Args:
            grace: for how long nothing must reference an object before it is removed.
            sources: to be removed with all their rows.

        Raises: UnknownAsset ACC-006, SourceNeeded PRJ-104 for a source that is declared or that a
            map names which some environment holds or may go back to.
        Cost: reads every document, and the records that retention would take.
        """
        now = self.ports.clock.now()
        # The clock of an environment that looks at history is behind that of the world; judged by
        # the earlier of both, nothing goes too soon.
        data_at = min(now, self.ports.data_clock.now())
        return self._plan(grace, at=now, data_at=data_at, sources=sources)

    def collect(self, plan: GcPlan) -> GcReport:
        """Do what the plan says as far as it still holds once nobody is at work.

        Raises: LeaseHeld FLO-001 while somebody builds, moves, backs up or collects: what they use
            and have not named yet cannot be told from garbage.
        """
        counts: Counter[str] = Counter()
        with ExitStack() as held:
            held.enter_context(maintenance_lease(self.ports.state, self.ports.actor))
            for environment in self.environments:
                self._hold(environment, held)
            named = [step.source for step in plan.steps if isinstance(step, RemoveSource)]
            now_due = self._plan(plan.grace, at=plan.at, data_at=plan.data_at, sources=named)
            due = [step for step in plan.steps if now_due.holds(step)]
            for step in due:
                name, count = self._perform(step, at=plan.at)
                counts[name] += count
            self._mark(due, at=plan.at)
            counts["passed_over"] = len(plan.steps) - len(due)
        self._record(counts)
        names = [field for field in GcReport.__struct_fields__ if field != "plan"]
        return GcReport(plan=plan, **{name: counts[name] for name in names})

    def _plan(
        self, grace: Micros, *, at: Micros, data_at: Micros, sources: Sequence[str]
    ) -> GcPlan:
        declared = self.declared() if sources else {}
        leftovers = self.folders.leftovers(self.folder) if self.folder else ()
        return make_gc_plan(
            read_inventory(
                self.ports,
                self.environments,
                grace=grace,
                at=at,
                data_at=data_at,
                leftovers=leftovers,
                uploads=self.uploads.expired() if self.uploads else (),
                removals=find_removals(sources, self.ports, declared=declared),
            )
        )

    def _hold(self, environment: str, held: ExitStack) -> None:
        state = self.ports.state
        lease = state.acquire(f"environment:{environment}", self.ports.actor, ttl=HOUR)
        held.callback(state.release, lease)

    def _perform(self, step: GcStep, *, at: Micros) -> tuple[str, int]:
        """Do one step; what is counted, and how many."""
        ports = self.ports
        match step:
            case RemoveSource():
                remove_source(step, ports, at=at)
                return "sources", 1
            case TrimTopic(topic=topic, first=first, before=before):
                return "trimmed", self._trim(topic, first, before)
            case CompactTopic(topic=topic):
                return "joined", ports.log.compact(topic)
            case VacuumTable(table=table, retain=retain, order=order):
                return "files", ports.tables.vacuum(table, retain=retain, order=order)
            case DropShard(shard=shard):
                ports.online.drop(shard)
                forget_snapshot(shard, ports.state)
                return "shards", 1
            case RemoveObject(digest=digest):
                ports.objects.remove(digest)
                return "objects", 1
            case MarkObject():
                return "marked", 1
            case RemoveLeftover(path=path):
                self.folders.remove(Path(path))
                return "leftovers", 1
            case RemoveUpload(upload=upload):
                return "uploads", int(bool(self.uploads and self.uploads.forget_expired(upload)))
            case _:
                assert_never(step)

    def _trim(self, topic: str, first: int, before: int) -> int:
        """Forget records, and say so in the journal: who misses them later finds out when they
        went.
        """
        reached = self.ports.log.trim(topic, before)
        if reached > first:
            facts: dict[str, EventValue] = {"first": reached, "records": reached - first}
            self.ports.record("log.trimmed", topic, facts)
        return reached - first

    def _mark(self, done: Sequence[GcStep], *, at: Micros) -> None:
        """Remember since when nothing has referenced an object; the mark of one that is referenced
        again, or gone, is removed here.
        """
        before = read_marks(self.ports.state)
        marks = before | {step.digest: at for step in done if isinstance(step, MarkObject)}
        gone = {step.digest for step in done if isinstance(step, RemoveObject)}
        gone |= read_referenced(self.ports.state, self.ports.log)
        after = {digest: since for digest, since in marks.items() if digest not in gone}
        if after != before:
            self.ports.state.commit([Change(*MARKS, render_bare(after))], [])

    def _record(self, counts: Counter[str]) -> None:
        changed: dict[str, EventValue] = {
            name: count
            for name, count in counts.items()
            if count and name not in ("marked", "passed_over")
        }
        if changed:
            self.ports.record("garbage.removed", self.ports.project, changed)
