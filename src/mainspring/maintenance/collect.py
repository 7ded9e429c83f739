"""Tidy up: find what is there and what points to it, and do what the plan says, while nobody builds
or moves an environment.
"""

import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import msgspec

from mainspring.datasets.definition import parse_training_set_definition
from mainspring.elements.errors import MainspringError
from mainspring.elements.events import Event, EventValue
from mainspring.elements.identity import Digest
from mainspring.elements.stored import parse_bare, render_bare
from mainspring.elements.time import HOUR, Micros
from mainspring.engines.local.durable import iter_left_behind
from mainspring.features.state.names import shards_of_partitions
from mainspring.features.state.replicate import forget_snapshot
from mainspring.maintenance.garbage import (
    CompactTopic,
    DropShard,
    GarbageInventory,
    GcPlan,
    GcStep,
    MarkObject,
    RemoveLeftover,
    RemoveObject,
    TidyTable,
    TopicUsage,
    TrimTopic,
    make_gc_plan,
)
from mainspring.maintenance.lease import maintenance_lease
from mainspring.ports.online import Position
from mainspring.ports.state import Change
from mainspring.project.apply.runtime import Runtime
from mainspring.project.loader.definition import online_shard_name
from mainspring.project.loader.load import Project
from mainspring.registry.environment import AssetPointer
from mainspring.registry.read import read_object, read_version
from mainspring.registry.read_environment import read_environment
from mainspring.serving.inference_log import inference_topic
from mainspring.serving.loader import iter_retained_versions
from mainspring.sources.topic import quarantine_topic_of, topic_of

__all__ = ["GarbageCollector", "GcReport"]

_KIND, _KEY = "garbage", "objects"
_DIGEST = re.compile(rb"sha256:[0-9a-f]{64}")


class GcReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was done.

    Args:
        trimmed: records that the log forgot; joined: small batches that are part of larger ones
            now; files: those of tables that were deleted.
        passed_over: steps of the plan that were not due any more, for something pointed to what
            they would have removed.
    """

    plan: GcPlan
    trimmed: int
    joined: int
    files: int
    shards: int
    objects: int
    noted: int
    leftovers: int
    passed_over: int


@dataclass(frozen=True, eq=False)
class GarbageCollector:
    """Tidies up a workspace, all its environments at once.

    Args:
        folder: where its state lies; None in memory.
    """

    project: Project
    tools: Runtime
    folder: Path | None

    def plan(self, grace: Micros) -> GcPlan:
        """What may go now.  Cost: reads every document, and the records that retention would
        take.
        """
        now = self.tools.clock.now()
        # The clock of an environment that looks at history is behind that of the world; judged by
        # the earlier of both, nothing goes too soon.
        return make_gc_plan(
            self._found(grace, at=now, data_at=min(now, self.tools.data_clock.now()))
        )

    def sweep(self, plan: GcPlan) -> GcReport:
        """Do what the plan says as far as it still holds once nobody is at work.

        Raises: FLO-001 while somebody builds, moves, backs up or tidies: what they use is not told
            from what nobody does.
        """
        counts: Counter[str] = Counter()
        with ExitStack() as held:
            held.enter_context(maintenance_lease(self.tools))
            for environment in self.project.config.environments:
                self._hold(environment, held)
            now_due = make_gc_plan(self._found(plan.grace, at=plan.at, data_at=plan.data_at))
            due = [step for step in plan.steps if now_due.holds(step)]
            for step in due:
                name, count = self._perform(step)
                counts[name] += count
            self._note(due, at=plan.at)
            counts["passed_over"] = len(plan.steps) - len(due)
        self._record(counts)
        names = [field for field in GcReport.__struct_fields__ if field != "plan"]
        return GcReport(plan=plan, **{name: counts[name] for name in names})

    def _hold(self, environment: str, held: ExitStack) -> None:
        state = self.tools.state
        lease = state.acquire(f"environment:{environment}", self.tools.actor, ttl=HOUR)
        held.callback(state.release, lease)

    def _perform(self, step: GcStep) -> tuple[str, int]:
        """Do one step; what is counted, and how many."""
        tools = self.tools
        match step:
            case TrimTopic(topic=topic, first=first, before=before):
                return "trimmed", self._trim(topic, first, before)
            case CompactTopic(topic=topic):
                return "joined", tools.log.compact(topic)
            case TidyTable(table=table, keep=keep):
                return "files", tools.tables.tidy(table, keep=keep)
            case DropShard(shard=shard):
                tools.online.drop(shard)
                forget_snapshot(shard, tools.state)
                return "shards", 1
            case RemoveObject(digest=digest):
                tools.objects.remove(digest)
                return "objects", 1
            case MarkObject():
                return "noted", 1
            case RemoveLeftover(path=path):
                shutil.rmtree(path, ignore_errors=True)
                return "leftovers", 1
            case _:
                assert_never(step)

    def _trim(self, topic: str, first: int, before: int) -> int:
        """Forget records, and say so in the journal: who misses them later finds out when they
        went.
        """
        reached = self.tools.log.trim(topic, before)
        if reached > first:
            self._tell("log.trimmed", topic, {"first": reached, "records": reached - first})
        return reached - first

    def _note(self, done: Sequence[GcStep], *, at: Micros) -> None:
        """Remember since when nothing has named an object; one that is named again, or gone, is
        forgotten here.
        """
        before = self._noted()
        noted = before | {step.digest: at for step in done if isinstance(step, MarkObject)}
        gone = self._named() | {step.digest for step in done if isinstance(step, RemoveObject)}
        kept = {digest: since for digest, since in noted.items() if digest not in gone}
        if kept != before:
            self.tools.state.commit([Change(_KIND, _KEY, render_bare(kept))], [])

    def _record(self, counts: Counter[str]) -> None:
        changed: dict[str, EventValue] = {
            name: count
            for name, count in counts.items()
            if count and name not in ("noted", "passed_over")
        }
        if changed:
            self._tell("garbage.removed", self.tools.project, changed)

    def _tell(self, kind: str, subject: str, facts: dict[str, EventValue]) -> None:
        tools = self.tools
        tools.state.commit(
            [],
            [
                Event(
                    kind=kind,
                    project=tools.project,
                    actor=tools.actor,
                    at=tools.clock.now(),
                    subject=subject,
                    facts=facts,
                )
            ],
        )

    def _found(self, grace: Micros, *, at: Micros, data_at: Micros) -> GarbageInventory:
        positions = self.tools.online.shards()
        live, trouble = self._live_shards()
        needed = {
            shard: position
            for shard, position in positions.items()
            if live is None or shard in live
        }
        tables = tuple(
            topic_of(source.name)
            for source in self.project.declarations.sources
            if self.tools.tables.position(topic_of(source.name))
        )
        return GarbageInventory(
            project=self.project.config.name,
            at=at,
            data_at=data_at,
            grace=grace,
            topics=tuple(self._topics(data_at, needed)),
            tables=tables,
            shards=tuple(sorted(positions)),
            live=live,
            trouble=trouble,
            objects=tuple(sorted(self.tools.objects.iter_digests())),
            named=self._named(),
            noted=self._noted(),
            leftovers=tuple(str(path) for path in iter_left_behind(self.folder))
            if self.folder
            else (),
        )

    def _topics(self, at: Micros, needed: Mapping[str, Position]) -> Iterator[TopicUsage]:
        log, retention = self.tools.log, self._retention()
        tables = {topic_of(source.name) for source in self.project.declarations.sources}
        for name in log.topics():
            kept_for = retention.get(name)
            offsets = [
                dict(position.offsets)[name]
                for position in needed.values()
                if name in dict(position.offsets)
            ]
            yield TopicUsage(
                name=name,
                first=log.first(name),
                head=log.head(name),
                aged=0 if kept_for is None else self._aged(name, at - kept_for),
                retention=kept_for,
                folded=self.tools.tables.position(name) if name in tables else None,
                needed=min(offsets, default=None),
            )

    def _retention(self) -> dict[str, Micros]:
        """For how long the records of each topic are kept, where that is bounded."""
        declared = self.project.declarations
        kept = {
            make(source.name): source.retention
            for source in declared.sources
            for make in (topic_of, quarantine_topic_of)
        }
        kept |= {
            inference_topic(env, endpoint.name): endpoint.retention
            for env in self.project.config.environments
            for endpoint in declared.endpoints
        }
        return {topic: length for topic, length in kept.items() if length is not None}

    def _aged(self, topic: str, cutoff: Micros) -> int:
        """The offset below which every record was appended before the cut-off."""
        for frame in self.tools.log.read(topic, start=self.tools.log.first(topic)):
            young = (frame["_appended_at"] >= cutoff).arg_true()
            if len(young):
                return int(frame["_offset"][int(young[0])])
        return self.tools.log.head(topic)

    def _live_shards(self) -> tuple[frozenset[str] | None, str]:
        """The online state that the recent maps of all environments need, divided as each of them
        has it, and why that cannot be told if it cannot.

        A map's views name theirs; so does the definition behind each of its models, which may be an
        older one that was put in charge again.
        """
        try:
            recent = [
                (shard, partitions)
                for pointer, partitions in self._recent_pointers()
                for shard in self._shards_of(pointer)
            ]
            return frozenset(
                part
                for shard, partitions in recent
                for part in shards_of_partitions(shard, partitions)
            ), ""
        except MainspringError as error:
            return None, f"{error.code} {error.message}"

    def _recent_pointers(self) -> Iterator[tuple[AssetPointer, int]]:
        """What the maps hold, and into how many parts its environment divides online state."""
        for environment, config in self.project.config.environments.items():
            for past in iter_retained_versions(
                self.tools, read_environment(self.tools.state, environment)
            ):
                yield from ((pointer, config.partitions) for pointer in past.pointers.values())

    def _shards_of(self, pointer: AssetPointer) -> Iterator[str]:
        if pointer.kind == "view":
            yield online_shard_name(pointer.asset.partition(".")[2], pointer.build_fingerprint)
        elif pointer.kind == "model":
            version = read_version(self.tools.state, pointer.build_digest)
            yield from (
                shard
                for _, shard in parse_training_set_definition(
                    read_object(self.tools.objects, version, "definition")
                ).shards
            )

    def _named(self) -> frozenset[Digest]:
        """Every digest that stands in a document: objects are named by builds, versions,
        attestations and maps, and whatever kind may come.
        """
        state = self.tools.state
        payloads = (
            document.payload
            for kind in state.kinds()
            if kind != _KIND
            for document in state.iter_documents(kind)
        )
        return frozenset(
            Digest(found.decode()) for payload in payloads for found in _DIGEST.findall(payload)
        )

    def _noted(self) -> dict[Digest, Micros]:
        document = self.tools.state.get(_KIND, _KEY)
        return (
            parse_bare(document.payload, dict[Digest, Micros], title="what gc noted")
            if document
            else {}
        )
