"""Online segments: the facts of one key in one stretch of event time, as bytes that the kernel's arrays are cut from.

Facts stand in total order, so a segment's bytes are a function of the set of facts alone: arrival order, batches and partitions leave no trace.
Raw facts and not sums are kept, because window edges are exact to the event and visibility may change later; sums per stretch are an
optimisation that must give the same bytes and can be added behind this module.

Layout, little endian: rows and columns (2 × uint32), rows × (3 + columns) int64 (the times of a fact, then its patterns), rows × columns uint8 validity,
then MessagePack: the ids, and a list of texts for each text column.  A fact's words lie together, so that a read joins segments by joining bytes.
"""

import struct
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import msgspec
import numpy as np

from mainspring.features.kernel.arrays import EVENT_TIME, NEVER, VISIBLE_FROM, VISIBLE_TO, Bytes, Facts, Ints
from mainspring.features.pattern import code_texts

__all__ = ["TIMES", "Segment", "decode_segment", "encode_segment", "facts_of_segments", "merge_segments", "take_back"]

TIMES = 3
"""How many words of a fact are times: event time, visible from, visible to."""

_HEADER = struct.Struct("<II")
_Texts = list[list[str | None]]
_DECODER = msgspec.msgpack.Decoder(tuple[list[str], _Texts])
_encode_tail = msgspec.msgpack.Encoder().encode


class Segment(NamedTuple):
    """Facts; in total order where they are stored.

    Shapes: words (rows, 3 + columns), valid (rows, columns), ids rows long, texts one list of rows for each text column.
    """

    words: Ints
    valid: Bytes
    ids: list[str]
    texts: _Texts

    def take(self, places: Sequence[int]) -> "Segment":
        """The facts at these places, in this order."""
        ids, texts = [self.ids[p] for p in places], [[text[p] for p in places] for text in self.texts]
        return Segment(self.words[places], self.valid[places], ids, texts)

    def order_key(self, place: int) -> tuple[int, str, int]:
        """What the total order compares: event time, then id, then revision."""
        event_time, visible_from = self.words[place, :VISIBLE_TO].tolist()
        return event_time, self.ids[place], visible_from

    def total_order(self) -> list[int]:
        """The places of the facts in total order."""
        events, seen, ids = self.words[:, EVENT_TIME].tolist(), self.words[:, VISIBLE_FROM].tolist(), self.ids
        return sorted(range(len(ids)), key=lambda place: (events[place], ids[place], seen[place]))


def encode_segment(segment: Segment) -> bytes:
    """The segment's bytes; `decode_segment` is the inverse."""
    header = _HEADER.pack(*segment.valid.shape)
    return b"".join([header, segment.words.tobytes(), segment.valid.tobytes(), _encode_tail((segment.ids, segment.texts))])


def decode_segment(payload: bytes) -> Segment:
    """The segment of these bytes; its arrays are views that cannot be written to."""
    rows, columns, middle, end = _bounds(payload)
    words = np.frombuffer(payload, dtype=np.int64, count=rows * (TIMES + columns), offset=_HEADER.size).reshape(rows, TIMES + columns)
    valid = np.frombuffer(payload, dtype=np.uint8, count=rows * columns, offset=middle).reshape(rows, columns)
    ids, texts = _DECODER.decode(memoryview(payload)[end:])
    return Segment(words, valid, ids, texts)


def _bounds(payload: bytes) -> tuple[int, int, int, int]:
    """Rows, columns, and where the words and the validity end."""
    rows, columns = _HEADER.unpack_from(payload)
    middle = _HEADER.size + 8 * rows * (TIMES + columns)
    return rows, columns, middle, middle + rows * columns


def merge_segments(left: Segment, right: Segment) -> Segment:
    """The facts of both in total order; each is in total order by itself."""
    if not left.ids:
        return right
    texts = [a + b for a, b in zip(left.texts, right.texts, strict=True)]
    both = Segment(np.concatenate([left.words, right.words]), np.concatenate([left.valid, right.valid]), left.ids + right.ids, texts)
    if not right.ids or left.order_key(-1) < right.order_key(0):
        return both
    return both.take(both.total_order())


def take_back(segment: Segment, retracted: Sequence[tuple[str, int]]) -> Segment:
    """The segment after these revisions were taken back: (id, instant from which on the revision that stood is not seen any more)."""
    words = segment.words.copy()
    for name, instant in retracted:
        revisions = [place for place, other in enumerate(segment.ids) if other == name]
        standing = [p for p in revisions if words[p, VISIBLE_TO] == NEVER and words[p, VISIBLE_FROM] < instant]
        words[standing[:1], VISIBLE_TO] = instant
    return segment._replace(words=words)


def facts_of_segments(groups: Sequence[Sequence[bytes]], *, columns: int, text_columns: Sequence[int]) -> tuple[Facts, dict[int, list[str]]]:
    """Facts for the kernel, one key per group of segments, and the texts that its places point to.  Cost: under 1 µs a segment, and two copies."""
    payloads = list(chain.from_iterable(groups))
    bounds = [_bounds(payload) for payload in payloads]
    rows_before = np.cumsum([0, *(rows for rows, _, _, _ in bounds)])
    start = rows_before[np.cumsum([0, *map(len, groups)])]
    words = bytearray().join([payload[_HEADER.size : middle] for payload, (_, _, middle, _) in zip(payloads, bounds, strict=True)])
    flags = bytearray().join([payload[middle:end] for payload, (_, _, middle, end) in zip(payloads, bounds, strict=True)])
    # Copied and not transposed in place: the kernel takes contiguous rows that it could write to.
    by_column = np.array(np.frombuffer(words, dtype=np.int64).reshape(-1, TIMES + columns).T, order="C")
    valid = np.array(np.frombuffer(flags, dtype=np.uint8).reshape(by_column.shape[1], columns).T, order="C")
    times, values = by_column[:TIMES], by_column[TIMES:]
    texts: dict[int, list[str]] = {}
    if text_columns:
        tails = [_DECODER.decode(memoryview(payload)[end:])[1] for payload, (_, _, _, end) in zip(payloads, bounds, strict=True)]
        for i, column in enumerate(text_columns):
            values[column], texts[column] = code_texts([text for tail in tails for text in tail[i]])
    return Facts(start.astype(np.int64, copy=False), times, values, valid), texts
