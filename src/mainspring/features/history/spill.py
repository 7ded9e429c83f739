"""Backfill a history that is larger than memory: spill it to disk by key, and answer one part of the keys after the other.

A key's facts and questions all fall into one part, by a hash of the key, so that the answers are those of one pass, bit for bit; a law says so.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from mainspring.features.errors import FeatureOverflow
from mainspring.features.history.backfill import backfill_entity
from mainspring.features.kernel.arrays import Bytes, Ints, bits_of
from mainspring.features.kernel.grouping.group import compiled_grouping, one_hop
from mainspring.features.spec import Entity
from mainspring.features.view import CompiledView

__all__ = ["backfill_spilled"]

_FACT = ("_id", "_event_time", "_visible_from", "_visible_to")
_PART = "_part"


def backfill_spilled(view: CompiledView, facts: pl.LazyFrame, spine: pl.DataFrame, *, partitions: int, folder: Path | None = None) -> pl.DataFrame:
    """The view's features for every row of the spine, in its order, from a history that is scanned once for each entity.

    Args:
        facts: as for `backfill`, but lazy: best a scan of files.
        partitions: into how many parts to spill; one part must fit into memory.  An entity without join keys is a single part.
        folder: where to spill to, about the size of the columns that the view reads; a temporary directory by default.

    Shapes: (rows of the spine, entities × outputs).
    Cost: beyond that of `backfill` each fact is written and read once; the spine and the answer stay in memory, and one part of the facts.
    Raises: FEA-001 when an integer sum overflows.
    """
    answers = []
    for entity in view.view.entities:
        with TemporaryDirectory(dir=folder) as spilled:
            answers.append(_of_entity(view, entity, facts, spine, partitions=partitions, folder=Path(spilled)))
    return pl.concat(answers, how="horizontal")


def _of_entity(view: CompiledView, entity: Entity, facts: pl.LazyFrame, spine: pl.DataFrame, *, partitions: int, folder: Path) -> pl.DataFrame:
    asked_by = zip(view.key_columns(entity), entity.join_keys, strict=True)
    parts = _parts_of_spine(entity, facts, spine.with_columns(pl.col(column).alias(key) for column, key in asked_by), partitions=partitions)
    _spill(view, entity, facts, partitions=partitions, folder=folder)
    answers = ((own, _of_part(view, entity, part, spine=spine, rows=own)) for part, own in _iter_parts(folder, parts))
    return _at_the_end(answers, spine.height) if view.words is None else _at_once(answers, spine.height)


def _of_part(view: CompiledView, entity: Entity, facts: pl.DataFrame, *, spine: pl.DataFrame, rows: Ints) -> pl.DataFrame:
    try:
        return backfill_entity(view, entity, facts, spine[rows])
    except FeatureOverflow as overflow:
        raise replace(overflow, row=int(rows[overflow.row])) from None


def _at_the_end(answers: Iterable[tuple[Ints, pl.DataFrame]], height: int) -> pl.DataFrame:
    """All parts together, in the order of the spine."""
    rows, frames = zip(*answers, strict=True)
    place = np.empty(height, dtype=np.int64)
    place[np.concatenate(rows)] = np.arange(height)
    together: pl.DataFrame = pl.concat(frames)
    return together[place]


def _at_once(answers: Iterable[tuple[Ints, pl.DataFrame]], height: int) -> pl.DataFrame:
    """The same for numbers, times and booleans: each part is written to its rows as it comes, so that no second answer is ever in memory."""
    bits, present, move = dict[str, Ints](), dict[str, Bytes](), compiled_grouping()
    for rows, frame in answers:
        types, hop = frame.schema, rows.astype(np.int32)
        for column in frame:
            words = column.to_physical()
            if column.name not in bits:
                bits[column.name] = np.empty(height, dtype=np.int64)
            one_hop(move.move_words, hop, [bits_of(words.fill_null(False if words.dtype == pl.Boolean else 0).to_numpy())], bits[column.name])
            if column.null_count() and column.name not in present:
                present[column.name] = np.ones(height, dtype=np.uint8)
            if column.null_count():
                one_hop(move.move_flags, hop, [column.is_not_null().to_numpy().view(np.uint8)], present[column.name])
    columns = [_typed(name, bits.pop(name), dtype) for name, dtype in types.items()]
    return pl.DataFrame(columns).with_columns(pl.when(pl.Series(there.view(np.bool_))).then(pl.col(name)).alias(name) for name, there in present.items())


def _typed(name: str, bits: Ints, dtype: pl.DataType) -> pl.Series:
    return pl.Series(name, bits.view(np.float64)) if dtype == pl.Float64 else pl.Series(name, bits).cast(dtype)


def _part_of(entity: Entity, partitions: int) -> pl.Expr:
    """The part that a key belongs to."""
    return pl.struct(entity.join_keys).hash() % partitions if entity.join_keys else pl.lit(0, dtype=pl.UInt64)


def _parts_of_spine(entity: Entity, facts: pl.LazyFrame, spine: pl.DataFrame, *, partitions: int) -> list[Ints]:
    """The rows of the spine in each part.  Keys are hashed as the facts have them: equal numbers of different width hash differently."""
    types = facts.select(entity.join_keys).collect_schema()
    part = spine.select(pl.col(name).cast(dtype) for name, dtype in types.items()).select(_part_of(entity, partitions).alias(_PART))
    parts = np.broadcast_to(part[_PART].to_numpy(), spine.height)
    order = np.argsort(parts, kind="stable")
    return np.split(order, np.searchsorted(parts[order], np.arange(1, partitions)))


def _spill(view: CompiledView, entity: Entity, facts: pl.LazyFrame, *, partitions: int, folder: Path) -> None:
    columns = dict.fromkeys([*entity.join_keys, *view.inputs, *_FACT])
    by_part = pl.PartitionBy(folder, key=_PART, include_key=False)
    scattered = facts.select(*columns, _part_of(entity, partitions).alias(_PART))
    scattered.sink_parquet(by_part, compression="lz4", statistics=False, mkdir=True)
    facts.select(*columns).head(0).collect().write_parquet(folder / "none.parquet")


def _iter_parts(folder: Path, parts: Sequence[Ints]) -> Iterator[tuple[pl.DataFrame, Ints]]:
    """The facts and the rows of each part that is asked about, or of the first if there is none."""
    asked = [number for number, rows in enumerate(parts) if rows.size] or [0]
    for number in asked:
        files = sorted((folder / f"{_PART}={number}").glob("*.parquet"))
        yield pl.read_parquet(files or folder / "none.parquet"), parts[number]
