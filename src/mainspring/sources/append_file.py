"""Append a file that was copied into the object store, and decide on its rows."""

from collections import Counter
from pathlib import Path

import msgspec
import polars as pl

from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import LogWriter
from mainspring.sources.batch import ROWS_AT_ONCE, Batch
from mainspring.sources.files import count_rows, iter_rows
from mainspring.sources.generation import Generation, Progress
from mainspring.sources.raw.log import find_file, segment_record
from mainspring.sources.raw.segment import FileCopy, RawSegment
from mainspring.sources.tally import tally_after

__all__ = ["append_file"]

_ATTEMPTS = 20


def append_file(
    copy: FileCopy,
    local: Path,
    template: RawSegment,
    *,
    generation: Generation,
    log: LogWriter,
    progress: Progress,
) -> Counter[str]:
    """Append the segment of a file and decide on its rows; where the file is as it was the last
    time and brings nothing new, only count them.  For which reasons how many rows were refused.

    Args:
        local: a file with the bytes of the copy.
        template: the segment but for its rows, its place and its file.

    Raises: StaleWrite ENG-004, when other writers were faster twenty times in a row.
    """
    source, operation = generation.compiled.source, template.operation
    generation.follow()
    for attempt in range(_ATTEMPTS):
        head = generation.raw_head()
        previous = find_file(generation.raw, log, copy.path)
        if previous and generation.is_void(previous):
            previous = None
        same = previous is not None and _digest_of(previous.segment) == copy.digest
        counts = _count_again(local, template, generation, log) if same else None
        if counts is not None:
            return counts
        segment = msgspec.structs.replace(
            head.placed(template),
            size_bytes=copy.size_bytes,
            rows=count_rows(source, local),
            operation=operation if previous or operation != "upsert" else "insert",
            file=copy,
            answered_by=source.stream,
            previous=previous.offset if previous else None,
        )
        try:
            log.append(
                {generation.raw: segment_record(segment)},
                expected={generation.raw: head.offset},
            )
            return generation.follow(progress=progress)
        except StaleWrite:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def _count_again(
    local: Path, template: RawSegment, generation: Generation, log: LogWriter
) -> Counter[str] | None:
    """Count the rows of a file that was read before; None where some of them would change
    something.
    """
    reasons, operation = Counter[str](), template.operation
    heads, after = generation.heads(), generation.tally()
    for rows in iter_rows(generation.compiled.source, local, rows=ROWS_AT_ONCE):
        operations = () if operation == "insert" else (operation,) * rows.height
        decision = generation.decide(Batch(rows=rows, segment=template, operations=operations))
        known = log.find(generation.quarantine, decision.quarantined["_id"].to_list())
        if (
            decision.accepted.height
            or decision.quarantined.filter(~pl.col("_id").is_in(list(known))).height
        ):
            return None
        after = tally_after(after, decision, of_file=True, rows=rows.height)
        reasons += Counter(decision.quarantined["reason"].to_list())
    generation.commit({}, after, heads, at=template.appended_at)
    return reasons


def _digest_of(segment: RawSegment) -> str:
    return segment.file.digest if segment.file else ""
