"""What the records of a frame do to the rows of a shard: facts are appended as they come, or added
to the trees of their keys by the kernel; a fact that is taken back is looked up in its tree.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from mainspring.elements.time import Micros
from mainspring.features.kernel.arrays import EVENT_TIME, VISIBLE_FROM, Ints
from mainspring.features.kernel.tree.batch import (
    TABLE_FIELDS,
    WRITTEN_PAGE,
    GrowthBatch,
    GrowthOutput,
)
from mainspring.features.kernel.tree.online import NOTE, grow_entry, run_entry
from mainspring.features.kernel.tree.page import HEAD_LEVEL, HEADER, LENGTH_MASK, TEXT_SHIFT
from mainspring.features.kernel.tree.run import RunBatch, RunOutput
from mainspring.features.state.names import page_key
from mainspring.features.state.pages import join_rows
from mainspring.features.state.records import Records
from mainspring.features.state.retract import RetractedFact, iter_pages_below, take_back
from mainspring.features.view import CompiledView

__all__ = ["ReadRows", "StateGrowth", "runs_of"]

ReadRows = Callable[[Sequence[bytes]], list[bytes | None]]
"""Gives the row of each key, None where there is none."""

_SPARE_WORDS, _SPARE_ROWS = 65_536, 64
"""Room for what a key seals; where it is not enough the kernel says so, and gets twice as much."""


class StateGrowth:
    """The rows of a shard as they become through the records of one frame.

    Args:
        read: gives the rows of the shard.
        kept: a page is evicted once its newest event is older by this than the arrival of the fact
            that seals another page, and than `until`.
    """

    def __init__(
        self, view: CompiledView, records: Records, read: ReadRows, *, kept: Micros, until: Micros
    ) -> None:
        self._view = view
        self._records = records
        self._read = read
        self._kept = kept
        self._until = until
        self._rows: dict[bytes, bytes | None] = {}

    def rows_of(
        self, indices: Sequence[int], settled: Sequence[bytes] = ()
    ) -> Mapping[bytes, bytes | None]:
        """The rows to put and to remove for the keys at these places, and for settled ones, which
        get no records: their trees take in what was appended to their rows.
        """
        records = self._records
        # Keys of which nothing is taken back go to the kernel together; the others one by one, in
        # the order of their records.
        contested = set(indices) & records.contested
        plain = [index for index in indices if index not in contested] if contested else indices
        order, key_first = records.of_names(plain)
        self._grow(
            [*map(records.names.__getitem__, plain), *settled],
            order,
            np.concatenate([key_first, np.full(len(settled), order.size, dtype=np.int64)]),
        )
        for index in sorted(contested):
            self._follow(records.names[index], records.of_name(index))
        return self._rows

    def _follow(self, name: bytes, rows: Ints) -> None:
        """Apply the records of one key one run after the other: a fact that is taken back must be
        there before.
        """
        waiting: list[int] = []
        for row in rows.tolist():
            if not self._records.retracts[row]:
                waiting.append(row)
                continue
            self._grow([name], *_run_of(waiting))
            waiting = []
            self._take_back(name, row)
        if waiting:
            self._grow([name], *_run_of(waiting))

    def _take_back(self, name: bytes, row: int) -> None:
        words = self._records.words[row]
        fact = RetractedFact(
            self._records.text_at(row, 0), int(words[EVENT_TIME]), int(words[VISIBLE_FROM])
        )
        [old] = self._fetch_rows([name])
        assert old is not None, "the row was grown before"
        self._rows |= take_back(
            self._view.tiles, name, old, fact=fact, fetch=partial(self._fetch_page, name)
        )

    def _grow(self, names: Sequence[bytes], order: Ints, key_first: Ints) -> None:
        """Add what was appended to these keys, and facts: those at `order[key_first[k]] …
        order[key_first[k + 1]]` to the key k.
        """
        if not names:
            return
        old = join_rows([[row or b"" for row in self._fetch_rows(names)]])
        # Old rows and new texts in one run of bytes: links of both then point into the same memory.
        payload = old.payload + self._records.texts
        payload += bytes(-len(payload) % 8)
        links = self._records.links + (len(old.payload) << TEXT_SHIFT)
        words, texts = (
            np.frombuffer(payload, dtype=np.int64),
            np.frombuffer(payload, dtype=np.uint8),
        )
        records = self._records
        batch = GrowthBatch(
            words,
            texts,
            old.starts,
            key_first,
            order,
            records.words,
            links,
            records.arrived,
            self._kept,
            self._until,
        )
        self._keep(names, *self._written(batch))

    def _written(self, batch: GrowthBatch) -> tuple[Ints, bytes]:
        """What the kernel wrote: its table, and the bytes that the table's rows point into."""
        width = batch.facts.shape[1] + batch.links.shape[1] + 2
        room = (
            2 * batch.words.size
            + 4 * batch.order.size * width
            + batch.starts.size * 2 * HEADER
            + _SPARE_WORDS
        )
        listed = 2 * batch.starts.size + batch.order.size + _SPARE_ROWS
        while True:
            words, table, note = (
                np.empty(room, dtype=np.int64),
                np.empty((listed, TABLE_FIELDS), dtype=np.int64),
                NOTE.copy(),
            )
            grow_entry()(
                self._view.tiles.layout,
                batch,
                GrowthOutput(words, words.view(np.uint8), table, note),
            )
            rows = int(note[0])
            # Too little room is found out by trying: a bound that always holds would ask for far
            # more than is used.
            if rows >= 0:
                return table[:rows], words[: int(table[:rows, 5].max()) >> 3].tobytes()
            room, listed = 2 * room, 2 * listed

    def _keep(self, names: Sequence[bytes], table: Ints, written: bytes) -> None:
        is_head = (table[:, 0] == WRITTEN_PAGE) & (table[:, 2] == HEAD_LEVEL)
        heads = table[is_head]
        rows = [
            written[begin:end]
            for begin, end in zip(heads[:, 4].tolist(), heads[:, 5].tolist(), strict=True)
        ]
        self._rows.update(zip(names, rows, strict=True))
        for what, key, level, number, begin, end in table[~is_head].tolist():
            name = names[key]
            if what == WRITTEN_PAGE:
                self._rows[page_key(name, level, number)] = written[begin:end]
            else:
                # An evicted page of tiles is the only one that names the pages below it: they go
                # with it or never.
                for below in iter_pages_below(
                    self._view.tiles, level, number, partial(self._fetch_page, name)
                ):
                    self._rows[page_key(name, *below)] = None

    def _fetch_page(self, name: bytes, level: int, number: int) -> bytes:
        [page] = self._fetch_rows([page_key(name, level, number)])
        assert page is not None, f"page {level}/{number} of {name!r} is named by a tile and is gone"
        return page

    def _fetch_rows(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Rows as they are by now."""
        # What this frame has written already comes before what the store still has.
        if not self._rows:
            return self._read(keys)
        absent = [key for key in keys if key not in self._rows]
        stored = dict(zip(absent, self._read(absent), strict=True)) if absent else {}
        return [self._rows[key] if key in self._rows else stored[key] for key in keys]


def runs_of(records: Records, indices: Sequence[int]) -> dict[bytes, bytes]:
    """By key what its records append to its row, for the keys at these places; none of them may
    take a fact back.  Cost: 0.2 µs a record, and 0.2 µs a key.
    """
    order, key_first = records.of_names(indices)
    sizes = (records.links & LENGTH_MASK).sum(axis=1)[order]
    width = HEADER + records.words.shape[1] + records.links.shape[1] + 1
    words = np.empty(order.size * width + int(sizes.sum()) // 8, dtype=np.int64)
    ends = np.empty(len(indices), dtype=np.int64)
    batch = RunBatch(
        np.frombuffer(records.texts, dtype=np.uint8),
        key_first,
        order,
        records.words,
        records.links,
        records.arrived,
    )
    run_entry()(batch, RunOutput(words, words.view(np.uint8), ends, NOTE.copy()))
    stops = ends.tolist()
    payload = words[: stops[-1] >> 3].tobytes() if stops else b""
    return {
        records.names[index]: payload[begin:end]
        for index, begin, end in zip(indices, [0, *stops], stops, strict=False)
    }


def _run_of(rows: Sequence[int]) -> tuple[Ints, Ints]:
    return np.array(rows, dtype=np.int64), np.array([0, len(rows)], dtype=np.int64)
