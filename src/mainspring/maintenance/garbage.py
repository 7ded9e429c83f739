"""What may go: a plan of steps, made from what is there and from what points to it.  `gc` prints
the plan, and then does it.

Objects go by mark and sweep, in two passes.  The first marks one that nothing references; the
second, a grace period later, removes it if that is still so.  What a run has written and not yet
referenced is younger than that, and both passes hold the leases of all environments, so no run is
on its way.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from mainspring.elements.identity import Digest
from mainspring.elements.time import DAY, Micros, format_duration, format_instant

__all__ = [
    "CompactTopic",
    "DropShard",
    "GarbageInventory",
    "GcPlan",
    "GcStep",
    "MarkObject",
    "RemoveLeftover",
    "RemoveObject",
    "RemoveSource",
    "RemoveUpload",
    "TopicUsage",
    "TrimTopic",
    "VacuumTable",
    "make_gc_plan",
    "render_gc_plan",
]

FILE_RETENTION: Micros = 7 * DAY
"""How long a file stays that the table has replaced: somebody may be reading the version that it
belongs to.
"""

_LOSES = {
    "source": (
        "the log alone cannot rebuild online state from below there; training, replays, "
        "corrections and new views read these facts from the table"
    ),
    "raw": (
        "an edit of the source's id, clocks, contract or columns decides anew on its rows, and "
        "will be refused"
    ),
    "quarantine": "these refused rows and their reasons are gone for good",
    "inference": (
        "these predictions cannot be replayed any more (not available: retention), and "
        "monitors evaluate them no more"
    ),
}


class _Step(msgspec.Struct, frozen=True, kw_only=True, tag_field="step"):
    """One thing to do."""


class TrimTopic(_Step, frozen=True, kw_only=True, tag="trim_topic"):
    """Forget records of a topic below an offset, in whole batches.

    Args:
        first: the oldest record that is kept now.
        loses: what can no longer be done.
    """

    topic: str
    first: int
    before: int
    retention: Micros
    loses: str


class CompactTopic(_Step, frozen=True, kw_only=True, tag="compact_topic"):
    """Join the small batches of a topic."""

    topic: str


class VacuumTable(_Step, frozen=True, kw_only=True, tag="vacuum_table"):
    """Join the small files of a table, put its rows in order where that pays, and delete the files
    that were replaced more than seven days ago.
    """

    table: str
    retain: Micros = FILE_RETENTION
    order: tuple[str, ...] = ()


class DropShard(_Step, frozen=True, kw_only=True, tag="drop_shard"):
    """Drop online state of a build that no recent version of any environment uses, or that is
    divided as none of them has it, and forget its snapshot.

    Should it be needed again, it is materialized again.
    """

    shard: str


class MarkObject(_Step, frozen=True, kw_only=True, tag="mark_object"):
    """Mark an object that nothing references, for a later `gc` to remove it."""

    digest: Digest


class RemoveObject(_Step, frozen=True, kw_only=True, tag="remove_object"):
    """Remove an object that nothing has referenced since a `gc` marked it."""

    digest: Digest
    marked_at: Micros


class RemoveSource(_Step, frozen=True, kw_only=True, tag="remove_source"):
    """Remove the raw log of a source, and all that was made of it.

    Args:
        source: as it was last called; `log`: as it was first called, which its rows are filed by.
        pushed: how many rows were pushed to it; `files`: how many files were read.
        topics: of its generations.
    """

    source: str
    log: str
    pushed: int
    files: int
    topics: tuple[str, ...]


class RemoveLeftover(_Step, frozen=True, kw_only=True, tag="remove_leftover"):
    """Remove what a process that died left half done."""

    path: str


class RemoveUpload(_Step, frozen=True, kw_only=True, tag="remove_upload"):
    """Forget an upload that nobody has gone on with for a day."""

    upload: str


GcStep = (
    RemoveSource
    | TrimTopic
    | CompactTopic
    | VacuumTable
    | DropShard
    | MarkObject
    | RemoveObject
    | RemoveLeftover
    | RemoveUpload
)


class GcPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What `gc` does, in this order.

    Args:
        at: the present instant; `data_at`: that of the data, by which records age.
        grace: for how long nothing must reference an object before it is removed.
        trouble: why no online state is dropped; empty where it is known which is needed.
    """

    project: str
    at: Micros
    data_at: Micros
    grace: Micros
    steps: tuple[GcStep, ...]
    trouble: str

    def holds(self, step: GcStep) -> bool:
        """Whether a step of an earlier plan is part of this one; records that may be trimmed
        further by now may be trimmed as far as it says.
        """
        if isinstance(step, TrimTopic):
            return any(
                isinstance(due, TrimTopic) and due.topic == step.topic and due.before >= step.before
                for due in self.steps
            )
        return step in self.steps


@dataclass(frozen=True, kw_only=True)
class TopicUsage:
    """A topic of the log, and what bounds how far it may be trimmed.

    Args:
        aged: the offset below which all records were appended longer ago than the retention.
        retention: None keeps all.
        folded: the offset up to which its table has it; None for a topic that has no table.
        needed: the least offset that some online state has still to read; None where none reads it.
    """

    name: str
    first: int
    head: int
    aged: int = 0
    retention: Micros | None = None
    folded: int | None = None
    needed: int | None = None


@dataclass(frozen=True, kw_only=True)
class GarbageInventory:
    """What is there and what points to it, read before the plan is made.

    Args:
        orders: of a table the columns by which its rows are read most.
        shards: all online state; `live`: that which recent versions of environments use, None where
            it cannot be told.
        referenced: the objects that a document names; `marked`: since when an earlier `gc` knows
            that none does.
        removals: of sources that are to be removed.
        uploads: the ids of those that have expired.
    """

    project: str
    at: Micros
    data_at: Micros
    grace: Micros
    topics: tuple[TopicUsage, ...] = ()
    tables: tuple[str, ...] = ()
    orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shards: tuple[str, ...] = ()
    live: frozenset[str] | None = frozenset()
    trouble: str = ""
    objects: tuple[Digest, ...] = ()
    referenced: frozenset[Digest] = frozenset()
    marked: Mapping[Digest, Micros] = field(default_factory=dict)
    leftovers: tuple[str, ...] = ()
    uploads: tuple[str, ...] = ()
    removals: tuple[RemoveSource, ...] = ()


def make_gc_plan(found: GarbageInventory) -> GcPlan:
    """What may go of what was found."""
    live = frozenset(found.shards) if found.live is None else found.live
    steps: list[GcStep] = [
        *found.removals,
        *_trims(found.topics),
        *(CompactTopic(topic=topic.name) for topic in found.topics if topic.head > topic.first),
        *(VacuumTable(table=table, order=found.orders.get(table, ())) for table in found.tables),
        *(DropShard(shard=shard) for shard in found.shards if shard not in live),
        *_objects(found),
        *(RemoveLeftover(path=path) for path in found.leftovers),
        *(RemoveUpload(upload=upload) for upload in found.uploads),
    ]
    return GcPlan(
        project=found.project,
        at=found.at,
        data_at=found.data_at,
        grace=found.grace,
        steps=tuple(steps),
        trouble=found.trouble,
    )


def _trims(topics: tuple[TopicUsage, ...]) -> Iterator[TrimTopic]:
    """Old enough, in the table where there is one, and read by all online state."""
    for topic in topics:
        if topic.retention is not None:
            before = min(
                bound
                for bound in (topic.aged, topic.head, topic.folded, topic.needed)
                if bound is not None
            )
            if before > topic.first:
                loses = _LOSES[topic.name.partition(":")[0]]
                yield TrimTopic(
                    topic=topic.name,
                    first=topic.first,
                    before=before,
                    retention=topic.retention,
                    loses=loses,
                )


def _objects(found: GarbageInventory) -> Iterator[MarkObject | RemoveObject]:
    for digest in found.objects:
        marked_at = found.marked.get(digest)
        if digest in found.referenced:
            continue
        if marked_at is None:
            yield MarkObject(digest=digest)
        elif found.at - marked_at >= found.grace:
            yield RemoveObject(digest=digest, marked_at=marked_at)


def render_gc_plan(plan: GcPlan) -> list[str]:
    """The plan as lines for people.

    >>> found = GarbageInventory(project="shop", at=0, data_at=0, grace=DAY, shards=("takings@0",))
    >>> render_gc_plan(make_gc_plan(found))
    ['drop online state takings@0, which no recent version of an environment uses']
    """
    lines = [line for step in plan.steps for line in _lines_of_one(step)]
    lines += _lines_of_many(plan)
    return [*lines, *([f"keep all online state: {plan.trouble}"] if plan.trouble else [])]


def _lines_of_one(step: GcStep) -> Iterator[str]:
    match step:
        case TrimTopic(topic=topic, first=first, before=before, retention=retention, loses=loses):
            yield (
                f"trim {topic} from record {first:,} up to {before:,}: appended more than "
                f"{format_duration(retention)} ago"
            )
            yield f"  {loses}"
        case DropShard(shard=shard):
            yield f"drop online state {shard}, which no recent version of an environment uses"
        case RemoveSource(source=source, pushed=pushed, files=files):
            yield (
                f"remove source {source}: {_counted(pushed, 'pushed row')}, the rows of "
                f"{_counted(files, 'file')}, and all facts made of them"
            )
            yield f"  they are gone for good: no rollback and no edit brings rows of {source} back"
        case RemoveLeftover(path=path):
            yield f"remove {path}, which a process that died left half done"
        case _:
            return


def _lines_of_many(plan: GcPlan) -> Iterator[str]:
    """Steps of which there may be thousands."""
    removed = [step.marked_at for step in plan.steps if isinstance(step, RemoveObject)]
    if removed:
        yield (
            f"remove {_counted(len(removed), 'object')} that nothing has referenced since "
            f"{format_instant(max(removed))[:19]}Z at the latest"
        )
    if uploads := sum(isinstance(step, RemoveUpload) for step in plan.steps):
        yield f"remove {_counted(uploads, 'upload')} that nobody has gone on with for a day"
    if marked := sum(isinstance(step, MarkObject) for step in plan.steps):
        yield (
            f"mark {_counted(marked, 'object')} that nothing references: a gc in "
            f"{format_duration(plan.grace)} or later removes them"
        )
    if joined := sum(isinstance(step, CompactTopic) for step in plan.steps):
        yield f"join small batches in {_counted(joined, 'topic')} of the log"
    if tables := sum(isinstance(step, VacuumTable) for step in plan.steps):
        yield (
            f"join small files in {_counted(tables, 'table')}, and delete those that were "
            f"replaced more than {format_duration(FILE_RETENTION)} ago"
        )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
