"""Record in the journal who brought which rows: one entry for each segment of the raw log, also for
those whose writer died between log and journal.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from mainspring.elements.events import Actor, Event, EventValue, ProjectName
from mainspring.elements.time import SECOND, Micros
from mainspring.ports.clock import Clock
from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import LogReader
from mainspring.ports.state import StateWriter
from mainspring.sources.generation import Generation
from mainspring.sources.journaled import JournaledSource, read_journaled
from mainspring.sources.raw.log import StoredSegment, iter_segments
from mainspring.sources.report import IngestReport
from mainspring.sources.topic import log_of_stream

__all__ = ["IngestJournal", "JournaledCall", "record_ingestions"]

_ATTEMPTS = 20
_PATIENCE: Micros = 10 * SECOND
"""For how long the writer of a segment may be about to write its entry.  After that it is taken for
dead, and its entry is written from the segment; should it come yet, it finds that done.
"""


class IngestJournal(NamedTuple):
    """The journal of ingestions: who wrote which rows, in which project and environment.

    Args:
        clock: the time of the world, for the record.
    """

    state: StateWriter
    project: ProjectName
    environment: str
    actor: Actor
    clock: Clock


class JournaledCall(NamedTuple):
    """What one call wrote, for its entry.

    Args:
        segments: of the raw log, which the call appended; none where it changed nothing.
        is_retry: whether its rows were there already: whoever brought them first may have died
            before the entry, and then it is written now.
    """

    report: IngestReport
    journal: IngestJournal
    segments: AbstractSet[int]
    is_retry: bool = False


def record_ingestions(
    calls: Sequence[JournaledCall], *, generation: Generation, log: LogReader
) -> None:
    """Record what calls wrote in one transaction, an entry for each, and what others wrote and did
    not live to record.

    Cost: a read of a document and of the heads of four topics; a commit where something is new.
    """
    of_journal: dict[object, list[JournaledCall]] = {}
    for call in calls:
        of_journal.setdefault((id(call.journal.state), call.journal.project), []).append(call)
    for each in of_journal.values():
        _record(each, each[0].journal, generation=generation, log=log)


def _record(
    calls: Sequence[JournaledCall],
    journal: IngestJournal,
    *,
    generation: Generation,
    log: LogReader,
) -> None:
    name = log_of_stream(generation.compiled.source.stream)
    segments = frozenset(at for call in calls for at in call.segments)
    is_retry = any(call.is_retry for call in calls)
    for attempt in range(_ATTEMPTS):
        before = read_journaled(journal.state, log, name)
        heads = generation.heads() | {generation.raw: log.head(generation.raw)}
        now = journal.clock.now()
        raw = generation.raw
        missing = _missing(before, heads[raw], raw, now, but=segments)
        due = {at for at, since in missing.items() if is_retry or now - since >= _PATIENCE}
        left = {at: since for at, since in missing.items() if at not in due}
        own = [event for call in calls for event in _own_entry(call, before, generation)]
        found = [
            _found_entry(stored, journal, generation)
            for stored in _needing_entries(generation.raw, log, due)
        ]
        if not own and not found and before.missing == left and heads == before.heads:
            return
        try:
            journal.state.commit([before.moved(heads, left)], [*own, *found])
        except StaleWrite:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def _missing(
    before: JournaledSource, head: int, raw: str, now: Micros, *, but: AbstractSet[int]
) -> dict[int, Micros]:
    """The segments without an entry, and since when that is known."""
    fresh = range(before.heads.get(raw, 0), head)
    known = {**before.missing, **dict.fromkeys(fresh, now)}
    return {at: since for at, since in known.items() if at not in but}


def _own_entry(call: JournaledCall, before: JournaledSource, generation: Generation) -> list[Event]:
    """The entry of a call: none where it changed nothing, or where another process has taken its
    writer for dead and written it.
    """
    report, journal = call.report, call.journal
    counts, done = report.counts, before.heads.get(generation.raw, 0)
    is_written = any(at < done and at not in before.missing for at in call.segments)
    if is_written or not any(counts.values()):
        return []
    facts: dict[str, EventValue] = {
        **counts,
        "first_offset": report.first_offset,
        "next_offset": report.next_offset,
    }
    return [_event(facts, journal, generation, actor=journal.actor, env=journal.environment)]


def _needing_entries(topic: str, log: LogReader, offsets: Iterable[int]) -> Iterator[StoredSegment]:
    first = log.first(topic)
    for offset in sorted(offsets):
        if offset >= first:
            [stored] = iter_segments(topic, log, start=offset, stop=offset + 1)
            if stored.segment.rows or stored.segment.rows_in_quarantine:
                yield stored


def _found_entry(stored: StoredSegment, journal: IngestJournal, generation: Generation) -> Event:
    """The entry of a segment whose writer did not live to write one: what it says of itself."""
    segment = stored.segment
    facts: dict[str, EventValue] = {
        "rows": segment.rows or len(segment.rows_in_quarantine),
        "kind": segment.kind,
        "segment": stored.offset,
        "appended_at": segment.appended_at,
        "found_missing": True,
    }
    return _event(facts, journal, generation, actor=segment.actor, env=segment.environment)


def _event(
    facts: Mapping[str, EventValue],
    journal: IngestJournal,
    generation: Generation,
    *,
    actor: Actor,
    env: str,
) -> Event:
    return Event(
        kind="rows.ingested",
        project=journal.project,
        actor=actor or journal.actor,
        at=journal.clock.now(),
        subject=f"source.{generation.compiled.source.name}",
        environment=env or journal.environment,
        facts={**facts},
    )
