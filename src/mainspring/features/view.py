"""A feature view, compiled: which values a fact carries, which outputs the kernel makes of them,
and what the columns are called.

One program serves all entities of a view, because entities differ only in how facts are grouped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from struct import Struct
from typing import TypeAlias

import polars as pl

from mainspring.elements.expression.row import RowFunction, compile_row
from mainspring.elements.expression.tree import input_columns
from mainspring.elements.schema import DType, Field, Schema
from mainspring.elements.time import Micros
from mainspring.features.id_order import IdTypes, id_keys, keys_of_union
from mainspring.features.kernel.arrays import Ints
from mainspring.features.kernel.program import (
    UNBOUNDED_SPAN,
    OutputSpec,
    Program,
    compile_program,
    reach_of,
)
from mainspring.features.kernel.tree.summary import TileProgram, compile_tiles
from mainspring.features.outputs import COMPARING, ValueColumn, iter_outputs
from mainspring.features.spec import Entity, FeatureView
from mainspring.sources.topic import log_of_stream

__all__ = [
    "CompiledView",
    "ValueColumn",
    "compile_view",
    "feature_fields",
    "id_types_of",
    "with_lookups",
]


Places: TypeAlias = "slice[int, int, None] | list[int]"

_WORD_CODES = {
    DType.FLOAT64: "d",
    DType.INT64: "q",
    DType.TIMESTAMP: "q",
    DType.DURATION: "q",
    DType.BOOLEAN: "?7x",
}
"""How `struct` reads a word of this type."""


@dataclass(frozen=True, eq=False)
class CompiledView:
    """A view ready to compute.

    Args:
        shard: the name of its online state: one per build fingerprint.
        values: what every fact carries, each expression once.
        program: the kernel's outputs, the same for every entity.
        outputs: name without the entity, and type, in the program's order.
        id_types: of each source, by the name of its log, the types of its id columns, which order
            facts that happened at once.
        reach: how far back any output sees, in microseconds; `UNBOUNDED_SPAN` for a lookup without
            ttl.
        lookups: the views through which its entities are reached.
        partitions: into how many parts the online state is divided, by a hash of the key; no answer
            depends on it.
    """

    view: FeatureView
    shard: str
    schema: Schema
    values: tuple[ValueColumn, ...]
    program: Program
    id_types: Mapping[str, IdTypes]
    outputs: tuple[Field, ...]
    reach: Micros
    lookups: tuple["CompiledView", ...] = ()
    partitions: int = 1

    def id_keys(self, ids: pl.Series) -> pl.Series:
        """Texts whose bytes sort as these ids do: see `id_order`.  Those of a union have the name
        of their log before them.
        """
        if self.view.is_union:
            return keys_of_union(ids, self.id_types)
        [types] = self.id_types.values()
        return id_keys(ids, types)

    def names_of(self, entity: Entity) -> tuple[str, ...]:
        """The feature columns of one entity, in the program's order."""
        return tuple(f"{entity.name}__{field.name}" for field in self.outputs)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """Every feature column, entity by entity."""
        return tuple(name for entity in self.view.entities for name in self.names_of(entity))

    @cached_property
    def words(self) -> Struct | None:
        """How the outputs of one request are laid out, each as a word and then for each whether it
        is there; None for lists and texts, which are no words.
        """
        is_words = all(field.dtype in _WORD_CODES for field in self.outputs)
        return self.layout_of(1) if is_words else None

    def layout_of(self, requests: int) -> Struct:
        """How the outputs of so many requests are laid out: each output's words one after the
        other, then bytes, of which each says whether a word is there.
        """
        codes = [_WORD_CODES[field.dtype] * requests for field in self.outputs]
        return Struct(f"={''.join(codes)}{len(codes) * requests}s")

    @cached_property
    def places_by_type(self) -> tuple[tuple[DType, Places], ...]:
        """Where the outputs of each type are: a slice where they follow one another."""
        found: dict[DType, list[int]] = {}
        for place, field in enumerate(self.outputs):
            found.setdefault(field.dtype, []).append(place)
        return tuple((dtype, _places(places)) for dtype, places in found.items())

    @cached_property
    def answers_words(self) -> bool:
        """Whether online state answers it in words, from sums of tiles: numbers, times and booleans
        of mergeable aggregations.
        """
        return self.tiles.kind == "sums" and self.words is not None

    @cached_property
    def entity_keys(self) -> tuple[tuple[tuple[str, ...], bool], ...]:
        """For each entity the columns that a request has its key in, and whether a null there
        names nobody.
        """
        return tuple(
            (self.key_columns(entity), entity.null_keys == "skip") for entity in self.view.entities
        )

    @property
    def fields(self) -> tuple[Field, ...]:
        """Every feature column with its type, entity by entity."""
        return tuple(
            Field(f"{entity.name}__{field.name}", field.dtype)
            for entity in self.view.entities
            for field in self.outputs
        )

    @property
    def sizes(self) -> tuple[int | None, ...]:
        """How many elements each output has at most, in the program's order; None for a single
        value.
        """
        return tuple(
            output.size if field.dtype.is_list else None
            for field, output in zip(self.outputs, self.program.outputs, strict=True)
        )

    @property
    def text_columns(self) -> tuple[int, ...]:
        """The indices of value columns that hold text by its place in a list."""
        return tuple(i for i, value in enumerate(self.values) if value.is_text)

    @cached_property
    def compared_texts(self) -> frozenset[int]:
        """Those of them whose texts some output compares, so that their places must keep the order
        of the texts.
        """
        return frozenset(
            output.column for output in self.program.outputs if output.op in COMPARING
        ).intersection(self.text_columns)

    @property
    def key_fields(self) -> tuple[Field, ...]:
        """The columns that a request must have, with their types; of an entity reached through
        another view those of that view.
        """
        own = [
            self.schema[key]
            for entity in self.view.entities
            if entity.through is None
            for key in entity.join_keys
        ]
        return tuple(
            {
                field.name: field
                for field in [
                    *own,
                    *(field for lookup in self.lookups for field in lookup.key_fields),
                ]
            }.values()
        )

    def key_columns(self, entity: Entity) -> tuple[str, ...]:
        """The columns of a spine that hold an entity's key; one that is reached through another
        view is found by what `gather` adds.
        """
        return (
            entity.join_keys
            if entity.through is None
            else tuple(f"_{entity.name}__{key}" for key in entity.join_keys)
        )

    def answered_at(self, times: Ints) -> Ints:
        """The moments that requests are answered as at, in microseconds: their own, or the last
        hop before.
        """
        hop = self.view.hop
        return times if hop is None else times // hop * hop

    def lookup_of(self, entity: Entity) -> "CompiledView | None":
        """The view through which an entity is reached, if it is."""
        return next(
            (
                lookup
                for lookup in self.lookups
                if entity.through is not None and lookup.view.name == entity.through.name
            ),
            None,
        )

    @cached_property
    def tiles(self) -> TileProgram:
        """How the outputs are answered from online state."""
        kinds = [value.kind for value in self.values]
        return compile_tiles(self.program, kinds=kinds, texts=self.text_columns)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The columns of the sources that the values are computed from."""
        return tuple(
            dict.fromkeys(name for value in self.values for name in input_columns(value.node))
        )

    @cached_property
    def row_function(self) -> RowFunction:
        """The values of one fact, by the index of the value column as text."""
        return compile_row(
            {str(index): value.node for index, value in enumerate(self.values)}, self.schema
        )


def compile_view(
    view: FeatureView,
    schema: Schema,
    *,
    shard: str,
    lookups: Sequence[CompiledView] = (),
    partitions: int = 1,
    id_types: Mapping[str, IdTypes] | None = None,
) -> CompiledView:
    """Compile a valid view over the schema that its sources share.

    Args:
        id_types: of each source, by the name of its log; default: those of the schema.
        lookups: the views through which its entities are reached, compiled.
        partitions: into how many parts its online state is divided.

    Raises: PRJ-010 when an expression does not fit the schema.
    """
    values: list[ValueColumn] = []
    wanted = list(iter_outputs(view, schema, values))
    outputs = [each.output for each in wanted]
    reach = _reach(view, outputs)
    known = {lookup.view.name: lookup for lookup in lookups}
    return CompiledView(
        view=view,
        shard=shard,
        schema=schema,
        values=tuple(values),
        program=compile_program(
            outputs, kinds=[value.kind for value in values], closed=view.closed
        ),
        id_types=(
            id_types_of(view, {source.name: schema for source in view.sources})
            if id_types is None
            else id_types
        ),
        outputs=tuple(Field(each.name, each.dtype) for each in wanted),
        reach=reach,
        lookups=tuple(known[lookup.name] for lookup in view.lookups),
        partitions=partitions,
    )


def id_types_of(view: FeatureView, schemas: Mapping[str, Schema]) -> dict[str, IdTypes]:
    """Of each source of a view, by the name of its log, the types of its id columns."""
    return {
        log_of_stream(source.stream): tuple(schemas[source.name][name].dtype for name in source.id)
        for source in view.sources
    }


def feature_fields(view: FeatureView, schema: Schema) -> tuple[Field, ...]:
    """The columns that the view gives, entity by entity, with their types."""
    wanted = [(each.name, each.dtype) for each in iter_outputs(view, schema, [])]
    return tuple(
        Field(f"{entity.name}__{name}", dtype) for entity in view.entities for name, dtype in wanted
    )


def with_lookups(views: Sequence[CompiledView]) -> tuple[CompiledView, ...]:
    """The views and those that they look keys up in, these first, each shard once."""
    every = [each for view in views for each in (*view.lookups, view)]
    return tuple({view.shard: view for view in every}.values())


def _reach(view: FeatureView, outputs: Sequence[OutputSpec]) -> Micros:
    """A hopped view answers as at up to a hop earlier, and so sees that much further back."""
    reach = max(reach_of(output) for output in outputs)
    return reach if reach >= UNBOUNDED_SPAN or view.hop is None else reach + view.hop - 1


def _places(places: list[int]) -> Places:
    begin, stop = places[0], places[-1] + 1
    return slice(begin, stop) if stop - begin == len(places) else places
