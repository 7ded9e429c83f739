"""Find the facts that were read of a file and that the file does not have any more."""

from collections.abc import Collection, Iterator, Sequence

import polars as pl

from mainspring.ports.log import LogReader
from mainspring.ports.objects import ObjectReader
from mainspring.sources.batch import ROWS_AT_ONCE
from mainspring.sources.files import iter_rows
from mainspring.sources.generation import Generation
from mainspring.sources.raw.copies import opened_copy
from mainspring.sources.raw.log import StoredSegment, find_file, iter_segments
from mainspring.sources.topic import raw_topic_of, topic_of

__all__ = ["find_missing", "missing_ids"]


def find_missing(
    generation: Generation,
    path: str,
    *,
    is_gone: bool,
    held: Sequence[str],
    log: LogReader,
    objects: ObjectReader,
) -> pl.DataFrame:
    """The rows, as they came, whose ids an earlier reading of the file had and the last one has
    not; without those that were corrected by a push since, and those that another file has.

    Args:
        is_gone: whether the file itself is gone: then all of its rows are missing.
        held: the paths of the source's files as they are now.

    Cost: reads every version of the file that was read, and all other files once where some rows
        are missing.
    """
    versions = _versions(generation.raw, path, log)
    spans = [(stored.segment.start, stored.segment.end) for stored in versions]
    seen: set[str] = set()
    found: list[pl.DataFrame] = []
    for stored in versions:
        for rows, ids in _iter_ids(generation, stored, objects):
            if is_gone or stored is not versions[0]:
                gone = _standing(generation, sorted({*ids.drop_nulls()} - seen), spans, log)
                found.append(rows.filter(ids.is_in(gone) & ids.is_first_distinct()))
            seen.update(ids.drop_nulls().to_list())
    missing = pl.concat([generation.compiled.no_rows, *found], how="diagonal_relaxed")
    others = [find_file(generation.raw, log, other) for other in held if other != path]
    for other in others if missing.height else ():
        if other is not None and not generation.is_void(other):
            for _, ids in _iter_ids(generation, other, objects):
                own = generation.compiled.ids_of(missing)
                missing = missing.filter(~own.is_in(ids.drop_nulls().implode()))
    return missing


def _iter_ids(
    generation: Generation, stored: StoredSegment, objects: ObjectReader
) -> Iterator[tuple[pl.DataFrame, pl.Series]]:
    """The rows of a reading of a file, and the id of each."""
    assert stored.segment.file is not None
    if not stored.segment.rows:
        return
    with opened_copy(stored.segment.file, objects) as local:
        for rows in iter_rows(generation.compiled.source, local, rows=ROWS_AT_ONCE):
            yield rows, generation.compiled.ids_of(rows)


def missing_ids(stream: str, path: str, ids: Collection[str], *, log: LogReader) -> set[str]:
    """The ids of facts that readings of the file brought and that stand, without these.

    Cost: reads the facts of the source, unless the file was never read.
    """
    versions = [stored.segment for stored in _versions(raw_topic_of(stream), path, log)]
    if not versions:
        return set()
    facts, brought = topic_of(stream), dict[str, int]()
    is_of_file = pl.any_horizontal(
        pl.col("_raw").is_between(version.start, version.end, closed="left") for version in versions
    )
    for frame in log.read(facts, start=log.first(facts)):
        if "_raw" in frame.columns:
            rows = frame.filter(pl.col("_op") == "insert", is_of_file)
            brought |= rows.select("_id", "_offset").iter_rows()
    others = [id_ for id_ in brought if id_ not in ids]
    known = log.find(facts, others)
    return {id_ for id_ in others if known[id_].stands and known[id_].offset == brought[id_]}


def _standing(
    generation: Generation, ids: list[str], spans: list[tuple[int, int]], log: LogReader
) -> list[str]:
    """Those of the ids whose fact stands as a reading of the file brought it."""
    known = {id_: found for id_, found in log.find(generation.facts, ids).items() if found.stands}
    raws = generation.raw_offsets_of([found.offset for found in known.values()])
    return [
        id_
        for id_, found in known.items()
        if found.offset in raws and any(start <= raws[found.offset] < end for start, end in spans)
    ]


def _versions(topic: str, path: str, log: LogReader) -> list[StoredSegment]:
    """The readings of a file, newest first, as far as they count."""
    found: list[StoredSegment] = []
    stored = find_file(topic, log, path)
    while stored is not None:
        found.append(stored)
        before = stored.segment.previous
        if before is None:
            break
        [stored] = iter_segments(topic, log, start=before, stop=before + 1)
    return found
