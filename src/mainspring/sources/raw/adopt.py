"""Make a raw log of what release 0.1 took in, which had none: of its facts and of its quarantine.

The rows are those of the source's columns at that time; what release 0.1 did not store is gone.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec
import polars as pl

from mainspring.elements.events import Actor
from mainspring.ports.log import ENVELOPE, LogWriter
from mainspring.ports.tables import TableReader
from mainspring.sources.raw.body import encode_rows
from mainspring.sources.raw.log import segment_record
from mainspring.sources.raw.segment import Operation, RawSegment, pack_hits
from mainspring.sources.read import iter_records
from mainspring.sources.spec import Source
from mainspring.sources.topic import log_of_stream, quarantine_topic_of, raw_topic_of, topic_of

__all__ = ["adopt_facts"]

_ACTOR = Actor("release:0.1")


def adopt_facts(source: Source, *, log: LogWriter, tables: TableReader) -> None:
    """Write the raw log of a source that release 0.1 took rows in for; nothing where there is a raw
    log, or were no rows.

    Raises: StaleWrite ENG-004 where another process does the same; RetentionPassed ENG-011 for
        facts that neither the log nor the table has.
    """
    name = log_of_stream(source.stream)
    raw, facts = raw_topic_of(name), topic_of(name)
    if source.stream == name or log.head(raw) or not log.head(facts):
        return
    segments = [
        segment_record(segment, body)
        for segment, body in _with_sizes(_iter_segments(name, log, tables))
    ]
    # In one transaction: half a raw log would be taken for a whole one.
    log.append({raw: pl.concat(segments)}, expected={raw: 0})


def _with_sizes(
    segments: Iterable[tuple[RawSegment, bytes]],
) -> Iterator[tuple[RawSegment, bytes]]:
    before = 0
    for segment, body in segments:
        yield msgspec.structs.replace(segment, before_bytes=before, size_bytes=len(body)), body
        before += len(body)


def _iter_segments(
    name: str, log: LogWriter, tables: TableReader
) -> Iterator[tuple[RawSegment, bytes]]:
    offsets: dict[str, int] = {}
    start = 0
    for frame in iter_records(topic_of(name), log=log, tables=tables):
        for segment, body in _of_frame(frame, offsets, start):
            yield segment, body
            start += segment.rows
    topic = quarantine_topic_of(name)
    for frame in log.read(topic, start=log.first(topic)):
        keys = frame.select("_appended_at", "_history").rows()
        for (appended_at, history), group in groupby(range(frame.height), key=keys.__getitem__):
            places = list(group)
            body = encode_rows([json.loads(row) for row in frame["row"][places]])
            segment = RawSegment(
                kind="rows",
                start=start,
                rows=len(places),
                appended_at=appended_at,
                actor=_ACTOR,
                history=history,
                encoding="json",
            )
            yield segment, body
            start += len(places)


def _of_frame(
    frame: pl.DataFrame, offsets: dict[str, int], start: int
) -> Iterator[tuple[RawSegment, bytes]]:
    """The segments of a frame of facts.

    Args:
        offsets: by id, the raw offset of its newest row; kept.
        start: the raw offset of the first row.
    """
    keys = frame.select("_appended_at", "_history").rows()
    for (appended_at, history), group in groupby(range(frame.height), key=keys.__getitem__):
        part = frame[list(group)]
        places, operations, hits = _corrections(part, offsets, start)
        payload = part[places].drop(*ENVELOPE, strict=False)
        segment = RawSegment(
            kind="rows",
            start=start,
            rows=len(places),
            appended_at=appended_at,
            actor=_ACTOR,
            history=history,
            operations=tuple(operations) if set(operations) != {"insert"} else (),
            encoding="arrow",
            hits=pack_hits(hits),
        )
        yield segment, encode_rows(payload)
        start += len(places)


def _corrections(
    part: pl.DataFrame, offsets: dict[str, int], start: int
) -> tuple[list[int], list[Operation], dict[int, list[int]]]:
    """Which records were rows, what each asked for, and what it took back: a retract right before
    an insert of the same id was a replacement, any other a deletion.
    """
    ids, ops = part["_id"].to_list(), part["_op"].to_list()
    places: list[int] = []
    operations: list[Operation] = []
    hits: dict[int, list[int]] = {}
    for place, (id_, op) in enumerate(zip(ids, ops, strict=True)):
        is_replaced = op == "retract" and _next(ids, ops, place) == (id_, "insert")
        before = (ids[place - 1], ops[place - 1]) if place else ("", "")
        was_replaced = op == "insert" and before == (id_, "retract")
        if is_replaced:
            continue
        if op == "retract" or was_replaced:
            hits[len(places)] = [offsets[id_]] if id_ in offsets else []
            operations.append("delete" if op == "retract" else "replace")
        else:
            operations.append("insert")
        offsets[id_] = start + len(places)
        places.append(place)
    return places, operations, hits


def _next(ids: Sequence[str], ops: Sequence[str], place: int) -> tuple[str, str]:
    return (ids[place + 1], ops[place + 1]) if place + 1 < len(ids) else ("", "")
