"""The rows of some keys as the kernel reads them: joined to one stretch of words, with the pages
that were fetched behind the row of their key.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from mainspring.features.kernel.arrays import Bytes, Facts, Ints
from mainspring.features.kernel.tree.page import (
    FACT_TIMES,
    FACTS,
    FLAGS_PER_WORD,
    HEADER,
    LENGTH_MASK,
    SIZE,
    TEXT_SHIFT,
    TEXTS_AT,
    TILES,
)
from mainspring.features.kernel.tree.summary import TileProgram

__all__ = ["StatePage", "StateRows", "facts_of_rows", "join_rows", "read_page", "split_row"]


class StateRows(NamedTuple):
    """Rows of several keys.

    Shapes: words (…,) int64, read only, the same memory as payload; starts (rows + 1,) where each
        row begins, and where the last ends; key_rows (keys + 1,) which rows are whose.
    """

    payload: bytes
    words: Ints
    starts: Ints
    key_rows: Ints

    @property
    def texts(self) -> Bytes:
        """The same memory as bytes."""
        return np.frombuffer(self.payload, dtype=np.uint8)


def join_rows(groups: Sequence[Sequence[bytes]]) -> StateRows:
    """Join the rows of each key; its own comes first, and a key without state has none.  Cost: one
    copy.
    """
    rows = [row for group in groups for row in group]
    starts, key_rows = (
        [0, *accumulate(len(row) >> 3 for row in rows)],
        [0, *accumulate(map(len, groups))],
    )
    payload = b"".join(rows)
    return StateRows(
        payload,
        np.frombuffer(payload, dtype=np.int64),
        np.array(starts, dtype=np.int64),
        np.array(key_rows, dtype=np.int64),
    )


class StatePage(NamedTuple):
    """One page, taken apart.

    Shapes: header (HEADER,); tiles (tiles, tile words); facts (facts, fact words); texts: for each
        fact its id and texts.
    """

    header: Ints
    tiles: Ints
    facts: Ints
    texts: list[list[bytes]]


def split_row(row: bytes) -> list[bytes]:
    """The pages of a row: head, directory, pages beside it, and what was appended."""
    pages, at = [], 0
    while at < len(row):
        size = 8 * int.from_bytes(row[at + 8 * SIZE : at + 8 * SIZE + 8], "little")
        pages.append(row[at : at + size])
        at += size
    return pages


def read_page(payload: bytes, tiles: TileProgram) -> StatePage:
    """Take a page apart; its arrays are views that cannot be written to."""
    words = np.frombuffer(payload, dtype=np.int64)
    _, _, fact_words, references, tile_words = tiles.shape.tolist()
    count, tile_count, base = int(words[FACTS]), int(words[TILES]), int(words[TEXTS_AT])
    facts_at = HEADER + tile_count * tile_words
    links_at = facts_at + count * fact_words
    links = words[links_at : links_at + count * references].reshape(count, references).tolist()
    texts = [
        [
            payload[
                base + (link >> TEXT_SHIFT) : base + (link >> TEXT_SHIFT) + (link & LENGTH_MASK)
            ]
            for link in row
        ]
        for row in links
    ]
    return StatePage(
        words[:HEADER],
        words[HEADER:facts_at].reshape(tile_count, tile_words),
        words[facts_at:links_at].reshape(count, fact_words),
        texts,
    )


def facts_of_rows(
    groups: Sequence[Sequence[bytes]], tiles: TileProgram
) -> tuple[Facts, list[list[bytes]]]:
    """All facts in the rows of each key, in total order, and the texts (not the ids) of each.
    Cost: about 2 µs a fact.
    """
    key_start, facts, texts = [0], [], []
    columns, flags, _, _, _ = tiles.shape.tolist()
    for group in groups:
        pages = [read_page(page, tiles) for row in group for page in split_row(row)]
        words = (
            np.concatenate([page.facts for page in pages])
            if pages
            else np.empty((0, FACT_TIMES + flags + columns), dtype=np.int64)
        )
        names = [text for page in pages for text in page.texts]
        order = _total_order(words, names)
        facts.append(words[order])
        texts += [names[index][1:] for index in order]
        key_start.append(key_start[-1] + len(order))
    table = (
        np.concatenate(facts)
        if facts
        else np.empty((0, FACT_TIMES + flags + columns), dtype=np.int64)
    )
    times = np.ascontiguousarray(table[:, :FACT_TIMES].T)
    values = np.ascontiguousarray(table[:, FACT_TIMES + flags :].T)
    return Facts(
        np.array(key_start, dtype=np.int64), times, values, _validity(table, columns)
    ), texts


def _total_order(words: Ints, names: Sequence[Sequence[bytes]]) -> list[int]:
    events, seen = words[:, 0].tolist(), words[:, 1].tolist()
    return sorted(
        range(len(names)), key=lambda index: (events[index], names[index][0], seen[index])
    )


def _validity(table: Ints, columns: int) -> Bytes:
    valid = np.empty((columns, table.shape[0]), dtype=np.uint8)
    for column in range(columns):
        valid[column] = (
            table[:, FACT_TIMES + column // FLAGS_PER_WORD] >> (column % FLAGS_PER_WORD)
        ) & 1
    return valid
