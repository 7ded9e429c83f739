"""The records of a frame as the kernel takes them in: facts as words, texts as bytes, and which of
them belong to which key.
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.features.kernel.arrays import EVENT_TIME, NEVER, VISIBLE_FROM, VISIBLE_TO, Ints
from mainspring.features.kernel.tree.page import (
    FACT_TIMES,
    FACT_WORDS,
    FLAG_WORDS,
    FLAGS_PER_WORD,
    REFERENCES,
    TEXT_SHIFT,
)
from mainspring.features.physical import PhysicalValues, evaluate_values, plain_values
from mainspring.features.state.names import encode_key
from mainspring.features.view import CompiledView

__all__ = ["Records", "no_records", "records_of"]


class Records(NamedTuple):
    """The records of a frame, in the order of the log.

    Shapes:
        words: (records, fact words); a record that takes a fact back has the words of that fact.
        links: (records, 1 + texts): where the id and each text lie in `texts`, and their length.
        arrived: (records,) the earliest instant at which it may have been applied: when it was
            appended, or what history says it was seen from.
        retracts: (records,) whether it takes a fact back.
        names: the keys that the records belong to, each once; key_first (names + 1,) where the
            records of each begin in `order`.
    """

    words: Ints
    links: Ints
    texts: bytes
    arrived: Ints
    retracts: NDArray[np.bool_]
    names: list[bytes]
    key_first: Ints
    order: Ints

    def of_name(self, index: int) -> Ints:
        """The records of one key, in the order of the log."""
        rows: Ints = self.order[self.key_first[index] : self.key_first[index + 1]]
        return rows

    def of_names(self, indices: Sequence[int]) -> tuple[Ints, Ints]:
        """The records of several keys one key after the other, and where those of each begin.
        Shapes: (records,), (places + 1,).
        """
        if len(indices) == len(self.names):
            return self.order, self.key_first
        begins, ends = self.key_first[:-1][indices], self.key_first[1:][indices]
        first = np.zeros(len(indices) + 1, dtype=np.int64)
        np.cumsum(ends - begins, out=first[1:])
        rows = np.repeat(begins - first[:-1], ends - begins) + np.arange(first[-1])
        return self.order[rows], first

    @property
    def contested(self) -> set[int]:
        """The places of the keys of which a fact is taken back."""
        if not self.retracts.any():
            return set()
        indices = np.repeat(np.arange(len(self.names)), np.diff(self.key_first))
        return set(indices[self.retracts[self.order]].tolist())

    def text_at(self, row: int, index: int) -> bytes:
        """The key of its id (place 0) or a text of a record."""
        link = int(self.links[row, index])
        begin = link >> TEXT_SHIFT
        return self.texts[begin : begin + (link & ((1 << TEXT_SHIFT) - 1))]


def no_records(view: CompiledView) -> Records:
    """No records at all."""
    shape, none = view.tiles.shape, np.zeros(0, dtype=np.int64)
    return Records(
        words=np.zeros((0, int(shape[FACT_WORDS])), dtype=np.int64),
        links=np.zeros((0, int(shape[REFERENCES])), dtype=np.int64),
        texts=b"",
        arrived=none,
        retracts=np.zeros(0, dtype=np.bool_),
        names=[],
        key_first=np.zeros(1, dtype=np.int64),
        order=none,
    )


def records_of(view: CompiledView, frame: pl.DataFrame) -> Records:
    """The records of a frame of the log.  Cost: about 1 µs a record and entity."""
    values = evaluate_values(view, frame)
    links, texts = _links_of(view, frame, values)
    names, codes = _names_of(view, frame)
    # Stable: records of one key stay in the order of the log, which decides when pages are sealed.
    order = np.argsort(codes, kind="stable")
    order = order[np.searchsorted(codes, 0, sorter=order) :]
    key_first = np.searchsorted(codes[order], np.arange(len(names) + 1))
    return Records(
        words=_words_of(view, frame, values),
        links=links,
        texts=texts,
        # Of history appended today the moment it says it was seen from: it is evicted as if it had
        # come then.
        arrived=np.minimum(frame["_appended_at"].to_numpy(), frame["_visible_at"].to_numpy()),
        retracts=(frame["_op"] == "retract").to_numpy(),
        names=names,
        key_first=key_first.astype(np.int64),
        # Entities stand one after the other in `codes`; the remainder is the record.
        order=(order % max(frame.height, 1)).astype(np.int64),
    )


def _words_of(view: CompiledView, frame: pl.DataFrame, values: PhysicalValues) -> Ints:
    shape = view.tiles.shape
    words = np.zeros((frame.height, int(shape[FACT_WORDS])), dtype=np.int64)
    words[:, EVENT_TIME], words[:, VISIBLE_FROM], words[:, VISIBLE_TO] = (
        frame["_event_time"].to_numpy(),
        frame["_visible_at"].to_numpy(),
        NEVER,
    )
    for column in range(len(view.values)):
        words[:, FACT_TIMES + column // FLAGS_PER_WORD] |= values.valid[column].astype(
            np.int64
        ) << (column % FLAGS_PER_WORD)
    bits = values.bits.copy()
    # A place in the dictionary of a batch would leave a trace of the batch; the texts themselves
    # are kept.
    bits[list(view.text_columns)] = 0
    words[:, FACT_TIMES + int(shape[FLAG_WORDS]) :] = np.where(values.valid, bits, 0).T
    return words


def _links_of(
    view: CompiledView, frame: pl.DataFrame, values: PhysicalValues
) -> tuple[Ints, bytes]:
    """Keys of ids, then each text column, one after the other in one run of bytes; a null is an
    empty text.
    """
    ids = view.id_keys(frame["_id"])
    texts_by_column: list[list[bytes]] = [[text.encode() for text in ids.to_list()]]
    for column in view.text_columns:
        known = [b"" if text is None else text.encode() for text in values.texts[column].to_list()]
        texts_by_column.append(
            [
                known[code] if ok else b""
                for code, ok in zip(
                    values.bits[column].tolist(), values.valid[column].tolist(), strict=True
                )
            ]
        )
    sizes = np.array(
        [[len(text) for text in column] for column in texts_by_column], dtype=np.int64
    ).reshape(len(texts_by_column), frame.height)
    ends = np.cumsum(sizes.ravel()).reshape(sizes.shape)
    assert view.tiles.shape[REFERENCES] == len(texts_by_column)
    return np.ascontiguousarray((((ends - sizes) << TEXT_SHIFT) | sizes).T), b"".join(
        text for column in texts_by_column for text in column
    )


def _names_of(view: CompiledView, frame: pl.DataFrame) -> tuple[list[bytes], Ints]:
    """The names of all keys, and for every entity and record the place of its name; -1 where a null
    names nothing.
    """
    names: list[bytes] = []
    codes: list[int] = []
    for index, entity in enumerate(view.view.entities):
        keys, is_single = _keys_of(frame, entity.join_keys), len(entity.join_keys) == 1
        # The distinct keys in the order in which they come, each with the place that its name gets.
        seen: dict[object, int] = dict.fromkeys(keys, -1)
        first = len(names)
        for found in seen:
            key = (found,) if is_single else cast("tuple[object, ...]", found)
            if entity.null_keys == "group" or None not in key:
                seen[found] = len(names)
                names.append(encode_key(index, key))
        codes += map(seen.__getitem__, keys) if entity.join_keys else [first] * frame.height
    return names, np.array(codes, dtype=np.int64)


def _keys_of(frame: pl.DataFrame, join_keys: Sequence[str]) -> Sequence[object]:
    """The key of each record: a value where the entity has one join key, else a tuple."""
    if len(join_keys) == 1:
        return plain_values(frame[join_keys[0]])
    if not join_keys:
        return [()] if frame.height else []
    return list(zip(*(plain_values(frame[name]) for name in join_keys), strict=True))
