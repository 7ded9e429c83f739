"""A view that keys are answered from by one read of the store and one call of the kernel: what is
the same for every read is worked out once, and what a read of one key works with is used by the
next one.
"""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import NamedTuple, cast

import numpy as np

from mainspring.elements.expression.tree import Scalar
from mainspring.elements.schema import DType
from mainspring.elements.time import Micros
from mainspring.features.answers import word_values
from mainspring.features.kernel.arrays import Bytes, Ints
from mainspring.features.kernel.program import UNBOUNDED_SPAN
from mainspring.features.kernel.tree.packed import (
    WORST,
    blank_results,
    pack_request,
    request_entry,
    result_bits,
    result_flags,
)
from mainspring.features.kernel.tree.work import most_work_words
from mainspring.features.online.arrays import FeatureArray, word_arrays
from mainspring.features.physical import Value
from mainspring.features.requested import RequestedView
from mainspring.features.state.names import (
    STATE_LAYOUT,
    encode_key,
    encode_keys,
    encode_single_keys,
)
from mainspring.features.view import CompiledView
from mainspring.ports.online import OnlineReader, Position

__all__ = ["ManyAnswers", "QuickView", "Words"]

Row = Mapping[str, object]

Words = tuple[Scalar, ...]
"""What the kernel answered about one row: the words of all outputs, then bytes, of which each says
whether a word is there.
"""

_PLAIN = {DType.INT64: int, DType.STRING: str, DType.BOOLEAN: bool}
_WORD = np.dtype(np.int64)
_SIZES = 2
"""Where the sizes of a packed request begin; codes and times follow them."""
_LEAST, _MOST = -(2**63), 2**63 - 1
_ROOM_BYTES = 16_384


class _Buffers(NamedTuple):
    """What a read of one row works with.

    Args:
        cells, answer, memory: the memory of request, results and state.
        state: the rows of the keys.
    """

    request: Ints
    cells: memoryview
    results: Ints
    answer: memoryview
    state: Ints
    memory: memoryview


class ManyAnswers(NamedTuple):
    """What the kernel answered about several rows, entity by entity.

    Shapes: bits and flags (outputs, entities * rows).
    """

    bits: Ints
    flags: Bytes
    position: Position


class QuickView:
    """A view that rows are answered from by one read of the store and one call of the kernel.

    Args:
        keys: of each entity its columns, each with the type that its values have in Python.
        places: of each requested column its entity and its output.
    """

    def __init__(
        self,
        view: CompiledView,
        online: OnlineReader,
        keys: Sequence[tuple[tuple[str, type], ...]],
        places: Sequence[tuple[int, int]],
    ) -> None:
        self._view, self.shard = view, view.shard
        self._read_into = online.read_into
        self._entities, self._outputs = len(keys), len(view.outputs)
        self._keys, self._places = tuple(enumerate(keys)), tuple(places)
        wanted = [output * len(keys) + entity for entity, output in places]
        self.is_whole = wanted == list(range(len(keys) * len(view.outputs)))
        """Whether the words of one row are the requested columns, in order."""
        self._wanted = None if self.is_whole else wanted
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
        self._lanes = view.tiles.lanes.shape[0]
        # Whoever reads takes buffers out and puts them back: no two threads have the same.
        self._idle: list[_Buffers] = []
        self._roomy: list[bytearray] = []

    @classmethod
    def of(cls, requested: RequestedView, online: OnlineReader) -> "QuickView | None":
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
        places = {
            name: (entity, output)
            for entity, declared in enumerate(view.view.entities)
            for output, name in enumerate(view.names_of(declared))
        }
        return cls(view, online, keys, [places[name] for name in requested.columns])

    def read(self, row: Row, at: Micros) -> tuple[Words, Position] | None:
        """What the kernel answers, and the position that was read at; None where it takes more."""
        if self._column is None:
            names = self._names(row)
            if names is None:
                return None
        else:
            value = row.get(self._column)
            if type(value) is int is self._kind:
                if not _LEAST <= value <= _MOST:
                    return None
            elif type(value) is not self._kind or not _is_stored(value):
                return None
            names = (encode_key(0, (value,)),)
        if self._hop is not None:
            at = at // self._hop * self._hop
        buffers = self._idle.pop() if self._idle else self._new_buffers()
        cells, results, answer = buffers.cells, buffers.results, buffers.answer
        position, sizes = self._read_into(self.shard, names, buffers.memory)
        if self._entities == 1:
            [size] = sizes
            cells[_SIZES], cells[_SIZES + 2] = size >> 3, at
        else:
            size = sum(sizes)
            times_at = _SIZES + 2 * self._entities
            for entity, own in enumerate(sizes, _SIZES):
                cells[entity] = own >> 3
            buffers.request[times_at : times_at + self._entities] = at
        # As `_is_refused`, which it costs a fiftieth of the read to call.
        needed_from = -UNBOUNDED_SPAN if self._longest is None else at - self._longest
        if (
            position is None
            or position.layout != STATE_LAYOUT
            or needed_from < position.kept_from
            or size > _ROOM_BYTES
        ):
            self._idle.append(buffers)
            return None
        self._ask(buffers.state, buffers.request, self._program, results)
        words: Words | None = None if answer[WORST] else self._unpack(answer)
        self._idle.append(buffers)
        return None if words is None else (words, position)

    def read_many(self, rows: Sequence[Row], at: Micros) -> ManyAnswers | None:
        """What the kernel answers about rows that are mappings; None where it takes more."""
        asked = self._requests(rows)
        if asked is None:
            return None
        names, codes = asked
        if self._hop is not None:
            at = at // self._hop * self._hop
        memory = self._roomy.pop() if self._roomy else bytearray(_ROOM_BYTES)
        position, sizes = self._read_into(self.shard, names, memoryview(memory))
        while sum(sizes) > len(memory):
            memory = bytearray(2 * sum(sizes))
            position, sizes = self._read_into(self.shard, names, memoryview(memory))
        if position is None or self._is_refused(position, at):
            return None
        requests = len(names)
        room = most_work_words(self._lanes, sum(sizes) >> 3)
        request = np.empty(_SIZES + 5 * requests + 2 + room, _WORD)
        request[:_SIZES] = requests
        request[_SIZES : _SIZES + requests] = sizes
        request[_SIZES : _SIZES + requests] >>= 3
        request[_SIZES + requests : _SIZES + 2 * requests] = np.arange(requests)
        request[_SIZES + 2 * requests : _SIZES + 3 * requests] = at
        results = blank_results(self._outputs, requests)
        self._ask(np.frombuffer(memory, _WORD), request, self._program, results)
        self._roomy.append(memory)
        if results[WORST]:
            return None
        bits = result_bits(results, self._outputs, requests)
        flags = result_flags(results, self._outputs, requests)
        if codes is not None:
            bits, flags = bits.take(codes, axis=1), flags.take(codes, axis=1)
        return ManyAnswers(bits, flags, position)

    def values(self, words: Words) -> list[Value]:
        """The requested columns of one row."""
        flags = cast("bytes", words[-1])
        every: list[Value] = [
            value if is_there else None for value, is_there in zip(words, flags, strict=False)
        ]
        return every if self._wanted is None else [every[place] for place in self._wanted]

    def columns(self, answers: ManyAnswers) -> list[list[Value]]:
        """The requested columns of several rows."""
        every = word_values(self._view, answers.bits, answers.flags)
        if self._entities == 1:
            return every if self.is_whole else [every[output] for _, output in self._places]
        rows = answers.bits.shape[1] // self._entities
        return [
            every[output][entity * rows : (entity + 1) * rows] for entity, output in self._places
        ]

    def arrays(self, answers: ManyAnswers) -> list[FeatureArray]:
        """The requested columns of several rows, as arrays."""
        rows = answers.bits.shape[1] // self._entities
        every = [
            word_arrays(self._view, answers.bits[:, first:stop], answers.flags[:, first:stop])
            for first, stop in (
                (entity * rows, (entity + 1) * rows) for entity in range(self._entities)
            )
        ]
        return every[0] if self.is_whole else [every[entity][at] for entity, at in self._places]

    def _is_refused(self, position: Position, at: Micros) -> bool:
        """Whether state does not reach back far enough, or lies as in an earlier release."""
        needed_from = -UNBOUNDED_SPAN if self._longest is None else at - self._longest
        return position.layout != STATE_LAYOUT or needed_from < position.kept_from

    def _names(self, row: Row) -> Sequence[bytes] | None:
        """Where the row of each key is; None for keys that have to be cast."""
        names: list[bytes] = []
        for entity, fields in self._keys:
            key = tuple([row.get(column) for column, _ in fields])
            for value, (_, kind) in zip(key, fields, strict=True):
                if type(value) is not kind or not _is_stored(value):
                    return None
            names.append(encode_key(entity, key))
        return names

    def _requests(self, rows: Sequence[Row]) -> tuple[list[bytes], list[int] | None] | None:
        """The name of each key once, and which of them each request is about, entity by entity;
        None for them where each is about its own.  None for keys that have to be cast.
        """
        names, codes = list[bytes](), list[int]()
        for entity, fields in self._keys:
            columns = [[row.get(column) for row in rows] for column, _ in fields]
            if not all(map(_are_stored, columns, (kind for _, kind in fields))):
                return None
            # Values of one type, so that those that Python finds equal have equal names.
            if len(columns) == 1:
                keys: Sequence[object] = columns[0]
                distinct = dict.fromkeys(keys)
                own = encode_single_keys(entity, distinct)
            else:
                several = [*zip(*columns, strict=True)] if columns else [()] * len(rows)
                keys, distinct = several, dict.fromkeys(several)
                own = encode_keys(entity, dict.fromkeys(several))
            if self._entities == 1 and len(own) == len(rows):
                return own, None
            place_of = dict(zip(distinct, count(len(names)), strict=False))
            codes += [place_of[key] for key in keys]
            names += own
        return names, codes

    def _new_buffers(self) -> _Buffers:
        count = self._entities
        results = blank_results(self._outputs, count)
        room = most_work_words(self._lanes, _ROOM_BYTES >> 3)
        request = pack_request(range(count), [0] * count, [0] * count, room=room)
        memory = bytearray(_ROOM_BYTES)
        return _Buffers(
            request,
            request.data,
            results,
            results.data,
            np.frombuffer(memory, _WORD),
            memoryview(memory),
        )


def _is_stored(value: object) -> bool:
    """Whether a whole number, a text or a boolean is what facts have, as it is."""
    if isinstance(value, int):
        return _LEAST <= value <= _MOST
    return isinstance(value, str) and value.isascii()


def _are_stored(values: Sequence[object], kind: type) -> bool:
    """The same of all of them, which must be of that type; a look at each would cost half of what
    its key does.
    """
    if {*map(type, values)} != {kind}:
        return False
    if kind is str:
        return "".join(cast("Sequence[str]", values)).isascii()
    numbers = cast("Sequence[int]", values)
    return min(numbers) >= _LEAST and max(numbers) <= _MOST
