"""Features that are read again and again: what is the same for every read is worked out once, and
what a read works with is used by the next one.

A row about views that answer in words (numbers, times and booleans) takes the short way: the keys
as they come, one read of the store, one call of the kernel over buffers that are there already, one
`struct` over its results.  Whatever else a row or a view needs (keys to be cast, texts, pages to be
fetched, partitions, keys that are looked up, features of the request) goes by `read_online`; a law
holds both equal, and what is wrong is said there and nowhere else.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from mainspring.elements.expression.tree import Scalar
from mainspring.elements.schema import DType
from mainspring.elements.time import Micros
from mainspring.features.kernel.arrays import Ints
from mainspring.features.kernel.program import UNBOUNDED_SPAN
from mainspring.features.kernel.tree.packed import (
    WORST,
    blank_results,
    pack_request,
    request_entry,
)
from mainspring.features.on_demand import CompiledOnDemandView, PreparedOnDemand
from mainspring.features.online.arrays import FeatureArray, array_of_values, view_arrays
from mainspring.features.online.read import FeatureRows, read_online
from mainspring.features.physical import Value
from mainspring.features.requested import RequestedView, views_in
from mainspring.features.requests import (
    cast_rows,
    join_key_schema,
    refuse_duplicate_features,
    refuse_hindsight,
)
from mainspring.features.state.names import STATE_LAYOUT, encode_key
from mainspring.features.view import CompiledView
from mainspring.ports.online import OnlineReader, Position

__all__ = ["PreparedRead"]

Row = Mapping[str, object]

_PLAIN = {DType.INT64: int, DType.STRING: str, DType.BOOLEAN: bool}
_WORD = np.dtype(np.int64)
_SIZES = 2
"""Where the sizes of a packed request begin; codes and times follow them."""
_LEAST, _MOST = -(2**63), 2**63 - 1


class PreparedRead:
    """Features of some views, ready to be read.  Safe to use from several threads.

    Args:
        requested: the views, and which of their features.

    Raises: FeatureNamedTwice FEA-012, HindsightAsked FEA-013, RequestTypesUnknown FEA-073.
    """

    def __init__(self, requested: Sequence[RequestedView], online: OnlineReader) -> None:
        self._requested, self._online = tuple(requested), online
        self.views = tuple(views_in(requested))
        self.column_names = tuple(name for each in requested for name in each.columns)
        """The features, in the order in which they are answered."""
        refuse_duplicate_features(self.views)
        refuse_hindsight(self.views)
        self.keys = join_key_schema(self.views)
        """The join keys that a row must have; on-demand views read more."""
        self._on_demand = [
            PreparedOnDemand.of(each.view)
            for each in requested
            if isinstance(each.view, CompiledOnDemandView)
        ]
        quick = [_QuickView.of(each, online) for each in requested]
        self._quick = [each for each in quick if each is not None]
        self._is_quick = len(self._quick) == len(quick)
        # A whole view of one entity: its words are the columns, in order.
        alone = self._quick[0] if self._is_quick and len(quick) == 1 else None
        self._alone = alone if alone is not None and alone.is_whole else None

    def read_one(self, row: Row, *, at: Micros) -> dict[str, Value]:
        """The features of one row, by name.  Raises: as `read`."""
        if self._alone is not None:
            found = self._alone.read(row, at)
            if found is not None:
                words = found[0]
                return {
                    name: value if is_there else None
                    for name, value, is_there in zip(
                        self.column_names, words, words[self._alone.words :], strict=False
                    )
                }
        answer = self._answer_quickly(row, at)
        if answer is None:
            columns = self._read([row], at, reasons=False).columns
            return {name: values[0] for name, values in columns.items()}
        return dict(zip(self.column_names, answer.values, strict=True))

    def read(self, rows: Sequence[Row], *, at: Micros, reasons: bool = False) -> FeatureRows:
        """The features of these rows, by columns, in the order in which they were asked for.

        Args:
            rows: join keys, and what on-demand views read.
            reasons: as of `read_online`.

        Raises: HorizonPassed FEA-002, MissingRequestField FEA-003, WrongRequestType FEA-004,
            FeatureOverflow FEA-001.
        """
        if len(rows) == 1 and not reasons:
            answer = self._answer_quickly(rows[0], at)
            if answer is not None:
                values = [[value] for value in answer.values]
                columns = dict(zip(self.column_names, values, strict=True))
                return FeatureRows(columns, answer.positions, {}, {})
        return self._read(rows, at, reasons=reasons)

    def read_arrays(self, rows: Sequence[Row], *, at: Micros) -> dict[str, FeatureArray]:
        """As `read`, as arrays of NumPy.  Cost: for numbers, times and booleans no Python value is
        made.
        """
        found: dict[str, FeatureArray] = {}
        request = cast_rows(rows, self.keys)
        times, slow = [at] * request.height, list[CompiledView]()
        for view in self.views:
            arrays = view_arrays(view, self._online, request.columns, at=times)
            slow += [view] if arrays is None else []
            found |= arrays or {}
        read = read_online(slow, self._online, request.columns, at=times).columns
        for view in slow:
            dtypes = {field.name: field.dtype for field in view.fields}
            found |= {name: array_of_values(read[name], dtypes[name]) for name in dtypes}
        for prepared in self._on_demand:
            values = prepared.evaluate(rows)
            found |= {
                field.name: array_of_values(values[field.name], field.dtype)
                for field in prepared.fields
            }
        return {name: found[name] for name in self.column_names}

    def _read(self, rows: Sequence[Row], at: Micros, *, reasons: bool) -> FeatureRows:
        request = cast_rows(rows, self.keys)
        times = [at] * request.height
        found = read_online(self.views, self._online, request.columns, at=times, reasons=reasons)
        columns = dict(found.columns)
        for prepared in self._on_demand:
            columns |= prepared.evaluate(rows)
        return msgspec.structs.replace(
            found, columns={name: columns[name] for name in self.column_names}
        )

    def _answer_quickly(self, row: Row, at: Micros) -> "_Answer | None":
        """The answer, or None where it takes more."""
        if not self._is_quick:
            return None
        values: list[Value] = []
        positions: dict[str, Position] = {}
        for view in self._quick:
            found = view.read(row, at)
            if found is None:
                return None
            words, positions[view.shard] = found
            values += view.values(words)
        return _Answer(values, positions)


class _Answer(NamedTuple):
    """Values in the order of the columns, and how far each shard had applied the log."""

    values: list[Value]
    positions: dict[str, Position]


class _Buffers(NamedTuple):
    """What one call of the kernel works with; `view` is the memory of the results."""

    request: Ints
    results: Ints
    view: memoryview


_Words = tuple[Scalar, ...]
"""What the kernel answered: the words of all outputs, then which of them are there."""


class _QuickView:
    """A view that one row is answered from by one read of the store and one call of the kernel.

    Args:
        keys: of each entity its columns, each with the type that its values have in Python.
        wanted: where among the words of all outputs the requested columns are; None for all, as
            they lie.
    """

    def __init__(
        self,
        view: CompiledView,
        online: OnlineReader,
        keys: Sequence[tuple[tuple[str, type], ...]],
        *,
        wanted: Sequence[int] | None,
    ) -> None:
        self.shard = view.shard
        self.is_whole = wanted is None
        self._read_store = online.read
        self._entities, self._outputs = len(keys), len(view.outputs)
        self.words = self._entities * self._outputs
        self._keys, self._wanted = tuple(enumerate(keys)), wanted
        # Most views have one entity of one column, and to go round in loops costs them a
        # microsecond.
        self._column: str | None = None
        self._kind: type = object
        if sum(map(len, keys)) == 1 and len(keys) == 1:
            [(self._column, self._kind)] = keys[0]
        longest, self._hop = view.tiles.longest, view.view.hop
        self._longest = None if longest >= UNBOUNDED_SPAN else longest
        self._unpack = view.layout_of(self._entities).unpack_from
        self._program, self._ask = view.tiles.packed, request_entry()
        # Whoever reads takes buffers out and puts them back: no two threads have the same.
        self._idle: list[_Buffers] = []

    @classmethod
    def of(cls, requested: RequestedView, online: OnlineReader) -> "_QuickView | None":
        """The view, or None where it needs more than this."""
        view = requested.view
        if not isinstance(view, CompiledView) or not view.answers_words:
            return None
        if view.partitions > 1 or view.lookups:
            return None
        fields = {field.name: field for field in view.key_fields}
        if any(each.dtype not in _PLAIN or each.spelling.nulls for each in fields.values()):
            return None
        keys = [
            tuple((name, _PLAIN[fields[name].dtype]) for name in columns)
            for columns, _ in view.entity_keys
        ]
        entities, outputs = len(keys), len(view.outputs)
        places = {
            name: output * entities + entity
            for entity, declared in enumerate(view.view.entities)
            for output, name in enumerate(view.names_of(declared))
        }
        wanted = [places[name] for name in requested.columns]
        is_whole = wanted == list(range(entities * outputs))
        return cls(view, online, keys, wanted=None if is_whole else wanted)

    def read(self, row: Row, at: Micros) -> "tuple[_Words, Position] | None":
        """What the kernel answers, and the position that was read at; None where it takes more."""
        names = self._names(row)
        if names is None:
            return None
        position, found = self._read_store(self.shard, names)
        if self._hop is not None:
            at = at // self._hop * self._hop
        needed_from = -UNBOUNDED_SPAN if self._longest is None else at - self._longest
        if position is None or position.layout != STATE_LAYOUT or needed_from < position.kept_from:
            return None
        buffers = self._idle.pop() if self._idle else self._new_buffers()
        request, results, view = buffers
        if self._entities > 1:
            state = self._fill(request, found, at)
        else:
            state = found[0] or b""
            request[_SIZES] = len(state) >> 3
            request[_SIZES + 2] = at
        self._ask(np.frombuffer(state, _WORD), request, self._program, results)
        words: _Words | None = None if results[WORST] else self._unpack(view)
        self._idle.append(buffers)
        return None if words is None else (words, position)

    def values(self, words: "_Words") -> list[Value]:
        """The requested columns."""
        every: list[Value] = [
            value if is_there else None
            for value, is_there in zip(words, words[self.words :], strict=False)
        ]
        return every if self._wanted is None else [every[place] for place in self._wanted]

    def _names(self, row: Row) -> Sequence[bytes] | None:
        """Where the row of each key is; None for keys that have to be cast."""
        if self._column is not None:
            value = row.get(self._column)
            if type(value) is self._kind and _is_stored(value):
                return (encode_key(0, (value,)),)
            return None
        names: list[bytes] = []
        for entity, fields in self._keys:
            key = tuple([row.get(column) for column, _ in fields])
            for value, (_, kind) in zip(key, fields, strict=True):
                if type(value) is not kind or not _is_stored(value):
                    return None
            names.append(encode_key(entity, key))
        return names

    def _fill(self, request: Ints, found: Sequence[bytes | None], at: Micros) -> bytes:
        """A request about each entity, and the rows of their keys."""
        rows = [row or b"" for row in found]
        for entity, row in enumerate(rows, _SIZES):
            request[entity] = len(row) >> 3
        request[_SIZES + 2 * self._entities :] = at
        return b"".join(rows)

    def _new_buffers(self) -> _Buffers:
        count = self._entities
        results = blank_results(self._outputs, count)
        request = pack_request(range(count), [0] * count, [0] * count)
        return _Buffers(request, results, results.data)


def _is_stored(value: object) -> bool:
    """Whether a whole number, a text or a boolean is what facts have, as it is."""
    if isinstance(value, int):
        return _LEAST <= value <= _MOST
    return isinstance(value, str) and value.isascii()
