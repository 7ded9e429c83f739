"""Append what was pushed: rows as they came, and what the generation that answers decides on them.

Another writer may append between the decision and the append.  The log then refuses, and the
decision is made again on its present content: no lock, no lost row, and the same result as if the
other writer had come first.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import msgspec
import polars as pl

from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import LogWriter
from mainspring.sources.batch import Batch
from mainspring.sources.compiled import Cell, CompiledSource
from mainspring.sources.errors import UnreadableRows
from mainspring.sources.generation import Generation
from mainspring.sources.raw.body import RawRows, chosen_rows, decode_rows, encode_rows
from mainspring.sources.raw.log import name_of_body, segment_record
from mainspring.sources.raw.segment import BodyEncoding, Operation, RawSegment, pack_hits
from mainspring.sources.refuse import lying_rows
from mainspring.sources.report import IngestReport, report_of
from mainspring.sources.sequence import Decision
from mainspring.sources.tally import tally_after

__all__ = ["Push", "SourceRows", "ahead_of_raw_log", "append_push"]

SourceRows = Sequence[Mapping[str, Cell]] | pl.DataFrame
"""Rows to write: mappings with instants as ISO 8601 text, datetimes or microseconds; or a
frame.
"""


@dataclass(frozen=True, eq=False)
class Push:
    """Rows that were pushed.

    Args:
        rows: as the raw log gives them back.
        operations: of each row.
        has_other_columns: whether they have columns that the source has not.
    """

    compiled: CompiledSource
    rows: RawRows
    body: bytes
    encoding: BodyEncoding
    operations: tuple[Operation, ...]
    has_other_columns: bool

    @classmethod
    def of(
        cls,
        compiled: CompiledSource,
        rows: SourceRows,
        operations: tuple[Operation, ...],
        *,
        written: bytes = b"",
    ) -> "Push":
        """Read rows.

        Args:
            written: the rows as JSON text, where they came so, `decode_rows` gives them back, and
                they have no other columns than the source: else pushes are compared by their text,
                and the same values may be written in several ways.

        Raises: UnreadableRows SRC-006.
        """
        if isinstance(rows, pl.DataFrame):
            compiled.readable(rows)
        encoding: BodyEncoding = "arrow" if isinstance(rows, pl.DataFrame) else "json"
        if written:
            return cls(compiled, rows, written, encoding, operations, has_other_columns=False)
        try:
            body = _encoded(compiled, rows)
        except ValueError as error:
            problem = f"a row cannot be written: {error}"
            raise UnreadableRows(source=compiled.source.name, problem=problem) from error
        decoded = decode_rows(body, encoding)
        others = bool(compiled.ignored(decoded))
        return cls(compiled, decoded, body, encoding, operations, others)

    @cached_property
    def frame(self) -> pl.DataFrame:
        """The rows as the source reads them.  Raises: UnreadableRows SRC-006."""
        return self.compiled.frame_of(self.rows)

    @property
    def height(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    @property
    def operations_if_any(self) -> tuple[Operation, ...]:
        """The operations, where one of them is no insert."""
        return self.operations if set(self.operations) - {"insert"} else ()


def _encoded(compiled: CompiledSource, rows: SourceRows) -> bytes:
    """Raises: UnreadableRows SRC-006, ValueError for what cannot be written."""
    try:
        return encode_rows(rows)
    except TypeError:
        # In a column that the source declares it is refused here; in others it is kept as text.
        compiled.frame_of(rows)
        return encode_rows(rows, is_lenient=True)


def append_push(
    push: Push, template: RawSegment, *, generation: Generation, log: LogWriter
) -> tuple[IngestReport, int | None]:
    """Append what was pushed to the raw log, and in the same transaction what the generation
    decides on it; and the segment that it became, None where the raw log had it all already.

    Args:
        template: the segment but for its rows and its place.

    Raises: StaleWrite ENG-004 where another writer was faster: do it again.
    """
    generation.follow()
    heads = generation.heads() | {generation.raw: log.head(generation.raw)}
    tally, head = generation.tally(), generation.raw_head()
    if tally.segment != head.offset:
        raise ahead_of_raw_log(generation.raw, tally.segment, head.offset)
    segment = head.placed(msgspec.structs.replace(template, rows=push.height))
    batch = Batch(rows=push.frame, segment=segment, operations=push.operations_if_any)
    decision = generation.decide(batch)
    kept = _places_to_store(push, decision, generation, log)
    raw = _raw_offsets(kept, push.height, head.rows)
    records = generation.records(decision, raw)
    after = tally_after(tally, decision, of_file=False, rows=push.height)
    if kept:
        stored = _record(push, decision, kept, generation, segment=segment, raw=raw)
        records[generation.raw] = stored
        after = after.at(head.offset + 1)
    if after != tally:
        generation.commit(records, after, heads, at=segment.appended_at)
    report = replace(
        report_of(tally, after, Counter(decision.quarantined["reason"].to_list())),
        first_offset=heads[generation.facts],
        next_offset=heads[generation.facts] + decision.accepted.height,
    )
    return report, head.offset if kept else None


def _places_to_store(
    push: Push, decision: Decision, generation: Generation, log: LogWriter
) -> list[int]:
    """The places of the rows that the raw log does not have already."""
    quarantined = decision.quarantined
    if quarantined.is_empty() and not decision.repeated:
        return list(range(push.height))
    ids = quarantined["_id"].to_list()
    lying = lying_rows(generation.quarantine, ids, log)
    refused = quarantined.select("_row", "_id").with_columns(
        again=pl.col("_id").is_in(list(lying)) | ~pl.col("_id").is_first_distinct()
    )
    again = {*decision.repeated, *refused.filter(pl.col("again"))["_row"].to_list()}
    # What a correction says again may correct something else under another definition.
    again = {place for place in again if push.operations[place] == "insert"}
    if again and push.has_other_columns:
        # What no definition reads today may tell two rows apart tomorrow: they are alike for
        # sure only where the whole push has come before.
        name = name_of_body(push.body)
        if not log.find(generation.raw, [name]):
            again = set()
    return [place for place in range(push.height) if place not in again]


def _record(
    push: Push,
    decision: Decision,
    kept: list[int],
    generation: Generation,
    *,
    segment: RawSegment,
    raw: pl.Series,
) -> pl.DataFrame:
    """The record of the rows that are stored, with what they took back."""
    taken = [offset for offsets in decision.taken_back.values() for offset in offsets]
    raws = generation.raw_offsets_of(taken)
    hits: dict[int, list[int]] = {}
    for place in {*decision.taken_back, *decision.taken_in_batch}:
        found = [raws[o] for o in decision.taken_back.get(place, ()) if o in raws]
        found += [raw[other] for other in decision.taken_in_batch.get(place, ())]
        if push.operations[place] != "insert":
            hits[raw[place] - segment.start] = found
    operations = tuple(push.operations[place] for place in kept)
    is_uniform = len(set(operations)) == 1
    is_whole = len(kept) == push.height
    body = push.body if is_whole else encode_rows(chosen_rows(push.rows, kept))
    stored = msgspec.structs.replace(
        segment,
        rows=len(kept),
        size_bytes=len(body),
        operation=operations[0] if is_uniform else "insert",
        operations=() if is_uniform else operations,
        encoding=push.encoding,
        hits=pack_hits(hits),
    )
    name = name_of_body(push.body) if push.has_other_columns else ""
    return segment_record(stored, body, name=name)


def _raw_offsets(kept: list[int], rows: int, first: int) -> pl.Series:
    """The raw offset of each row; null for one that is not stored again."""
    ranks = dict(zip(kept, range(first, first + len(kept)), strict=True))
    return pl.Series([ranks.get(place) for place in range(rows)], dtype=pl.Int64)


def ahead_of_raw_log(topic: str, expected: int, found: int) -> StaleWrite:
    """The error where a generation is not where the raw log ends: another writer was faster."""
    return StaleWrite(what=topic, expected=f"offset {expected}", found=f"offset {found}")
