"""Backfill a history that is larger than memory: spill it to disk by key, and answer one part of
the keys after the other.

A key's facts and requests all fall into one part, by a hash of the key, so that the answers are
those of one pass, bit for bit; a law says so.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import polars as pl

from mainspring.elements.spilled_parts import SpilledParts, joined_frames, part_of_key
from mainspring.features.answers import word_column
from mainspring.features.errors import FeatureOverflow
from mainspring.features.history.backfill import answer_entity, backfill_entity
from mainspring.features.kernel.arrays import Bytes, Ints, KernelResult
from mainspring.features.kernel.shares import even_bounds, run_shares
from mainspring.features.spec import Entity
from mainspring.features.view import CompiledView

__all__ = [
    "Overflows",
    "answer_parts",
    "keys_as_asked",
    "part_of",
    "spill_facts",
]

Words = TypeVar("Words", Ints, Bytes)


class _Part(NamedTuple):
    """Some of the keys: their facts, and the rows of the spine that read them."""

    facts: pl.DataFrame
    rows: Ints


def spill_facts(
    entity: Entity, frames: Iterable[pl.DataFrame], folder: Path, *, partitions: int
) -> SpilledParts:
    """Facts, by the part of their key."""
    parts = SpilledParts(folder, partitions)
    for frame in joined_frames(frames):
        if frame.height:
            parts.add(frame, part_of(entity, frame, partitions))
    return parts


def answer_parts(
    view: CompiledView,
    entity: Entity,
    parts: SpilledParts,
    spine: pl.DataFrame,
    *,
    none: pl.DataFrame,
) -> pl.DataFrame:
    """The features of one entity for every row of the spine, in its order.

    Args:
        none: facts as they were spilled, without a row.

    Shapes: (rows of the spine, outputs).
    Cost: beyond that of `backfill_view` each fact is read once more; the spine and the answer stay
        in memory, and one part of the facts.
    Raises: FEA-001 when an integer sum overflows.
    """
    rows = _parts_of_spine(view, entity, none, spine, partitions=parts.number)
    put_together = _at_the_end if view.words is None else _at_once
    return put_together(view, entity, _iter_parts(parts, rows, none), spine)


def _at_the_end(
    view: CompiledView, entity: Entity, parts: Iterable[_Part], spine: pl.DataFrame
) -> pl.DataFrame:
    """All parts together, in the order of the spine."""
    rows, frames = list[Ints](), list[pl.DataFrame]()
    with Overflows() as overflows:
        for part in parts:
            with overflows.of(part.rows):
                frames.append(backfill_entity(view, entity, part.facts, spine[part.rows]))
            rows.append(part.rows)
    together: pl.DataFrame = pl.concat(frames)
    return together[_places(rows, spine.height)]


def _at_once(
    view: CompiledView, entity: Entity, parts: Iterable[_Part], spine: pl.DataFrame
) -> pl.DataFrame:
    """The same for numbers, times and booleans, so that no second answer is ever in memory.

    Answers are written one part after the other, and each output is put into the order of the spine
    when all are there.  Rows of a part lie apart in the spine: to write them there at once misses
    the cache with every value, and took three times as long.
    """
    words = [
        (np.empty(spine.height, dtype=np.int64), np.empty(spine.height, dtype=np.uint8))
        for _ in view.outputs
    ]
    rows, begin = list[Ints](), 0
    with Overflows() as overflows:
        for part in parts:
            stop = begin + part.rows.size
            with overflows.of(part.rows):
                _put(
                    answer_entity(view, entity, part.facts, spine[part.rows]),
                    [(bits[begin:stop], valid[begin:stop]) for bits, valid in words],
                )
            rows.append(part.rows)
            begin = stop
    indices, columns = _places(rows, spine.height), list[pl.Series]()
    for name, output in zip(view.names_of(entity), view.outputs, strict=True):
        bits, valid = words.pop(0)
        columns.append(
            word_column(output.dtype, _fetched(bits, indices), _fetched(valid, indices)).alias(name)
        )
    return pl.DataFrame(columns)


def _put(answer: KernelResult, words: Sequence[tuple[Ints, Bytes]]) -> None:
    """Write every output's bits, and which of them are there."""
    for (bits, valid), own_bits, own_valid in zip(words, answer.bits, answer.valid, strict=True):
        bits[:], valid[:] = own_bits, own_valid


class Overflows:
    """Overflows of parts by the row of the whole spine: after all parts the first is raised, which
    is the one that a single pass names.
    """

    def __init__(self) -> None:
        self._found: list[FeatureOverflow] = []

    def __enter__(self) -> "Overflows":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self._found:
            raise min(self._found, key=lambda overflow: overflow.row)

    @contextmanager
    def of(self, rows: Ints) -> Iterator[None]:
        """While the part is answered that has these rows."""
        try:
            yield
        except FeatureOverflow as overflow:
            self._found.append(replace(overflow, row=int(rows[overflow.row])))


def _places(rows: Sequence[Ints], height: int) -> Ints:
    """Where in all parts together each row of the spine is."""
    indices = np.empty(height, dtype=np.int64)
    indices[np.concatenate(rows)] = np.arange(height)
    return indices


def _fetched(column: Words, indices: Ints) -> Words:
    """The values at these places, by all processors."""
    found = np.empty_like(column)

    def fetch(_: int, first: int, stop: int) -> None:
        # Any mode but the default writes at the given offset, and not into a buffer first.
        np.take(column, indices[first:stop], out=found[first:stop], mode="clip")

    run_shares(fetch, even_bounds(indices.size))
    return found


def keys_as_asked(
    view: CompiledView, entity: Entity, spine: pl.DataFrame, facts: pl.DataFrame
) -> pl.DataFrame:
    """The spine with the key of an entity named and typed as that of facts."""
    return spine.with_columns(
        pl.col(column).cast(facts.schema[key]).alias(key)
        for column, key in zip(view.key_columns(entity), entity.join_keys, strict=True)
    )


def part_of(entity: Entity, keys: pl.DataFrame, partitions: int) -> pl.Series:
    """The part of each row, given its key as facts have it."""
    if not entity.join_keys:
        return pl.repeat(0, keys.height, dtype=pl.UInt16, eager=True)
    return keys.select(part_of_key(entity.join_keys, partitions).alias("part"))["part"]


def _parts_of_spine(
    view: CompiledView,
    entity: Entity,
    facts: pl.DataFrame,
    spine: pl.DataFrame,
    *,
    partitions: int,
) -> list[Ints]:
    """The rows of the spine in each part."""
    parts = part_of(entity, keys_as_asked(view, entity, spine, facts), partitions).to_numpy()
    order = np.argsort(parts, kind="stable")
    return np.split(order, np.searchsorted(parts[order], np.arange(1, partitions)))


def _iter_parts(parts: SpilledParts, rows: Sequence[Ints], none: pl.DataFrame) -> Iterator[_Part]:
    """The facts and the rows of each part that has requests, or of the first if there is none."""
    wanted = [number for number, own in enumerate(rows) if own.size] or [0]
    for number in wanted:
        yield _Part(pl.concat([none, *parts.read(number)]), rows[number])
