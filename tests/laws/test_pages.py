"""Rows of state are bytes of one key's records in the order of the log: nothing else leaves a trace
in them, and each says what it holds.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.features.kernel.arrays import EVENT_TIME, NEVER, VISIBLE_FROM, VISIBLE_TO
from mainspring.features.kernel.tree.online import NOTE, summary_entry
from mainspring.features.kernel.tree.page import (
    DIRECTORY_LEVEL,
    FANOUT,
    INLINE_PAGES,
    LEVEL,
    NUMBER_WORD,
    OPEN_FACTS,
    OPEN_TILES,
    PAGE_FACTS,
)
from mainspring.features.kernel.tree.tile import (
    TILE_FIRST,
    TILE_LAST,
    TILE_LEVEL,
    TILE_NUMBER,
    TILE_STABLE_FROM,
)
from mainspring.features.state.names import encode_key, page_key, partition_of
from mainspring.features.state.pages import StatePage, read_page, split_row
from mainspring.features.state.stream import shards_of
from mainspring.features.view import CompiledView
from tests.proof.declared import VIEWS
from tests.proof.history import Delivery, History, history_of
from tests.proof.reading import folded, iter_streamed, logged, rows_of, sharded
from tests.proof.truth import Row

SEEDS = st.integers(0, 10_000)
CITY = encode_key(1, ("JFK",))


def some_history(seed: int) -> History:
    return history_of(seed, size=Random(seed).choice([30, 100, 400]))


def pages_of(
    rows: dict[bytes, bytes], view: CompiledView
) -> Iterator[tuple[bytes, StatePage, bytes]]:
    """Every page with the key of its row and its bytes."""
    return (
        (key, read_page(page, view.tiles), page)
        for key, row in rows.items()
        for page in split_row(row)
    )


def name_of(key: bytes, view: CompiledView, rows: dict[bytes, bytes]) -> bytes:
    """The name of the key that a row belongs to."""
    return key if read_page(split_row(rows[key])[0], view.tiles).header[LEVEL] == 0 else key[:-8]


@pytest.fixture(scope="module", params=["sums", "sums_ever", "newest", "single"])
def crowded(request: pytest.FixtureRequest) -> tuple[CompiledView, dict[bytes, bytes]]:
    """A view, and the rows that some thousand facts have left."""
    view = VIEWS[request.param].compiled
    return view, rows_of(view, folded(view, logged(history_of(3, size=2_500).deliveries)))


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.lists(st.booleans(), min_size=1, max_size=30))
def test_batches_leave_no_trace(seed: int, cuts: list[bool]) -> None:
    view, deliveries = VIEWS["single"].compiled, some_history(seed).deliveries
    cut = [
        replace(delivery, is_folded=cuts[place % len(cuts)])
        for place, delivery in enumerate(deliveries)
    ]
    *_, (_, log, online) = iter_streamed(view, cut)
    assert rows_of(view, online) == rows_of(view, folded(view, log))


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.sampled_from([2, 7, 64]))
def test_partitions_leave_no_trace_and_each_key_lies_in_its_own(seed: int, partitions: int) -> None:
    view, log = VIEWS["newest"].compiled, logged(some_history(seed).deliveries)
    whole, divided = rows_of(view, folded(view, log)), sharded(view, partitions)
    online = folded(divided, log)
    assert rows_of(divided, online) == whole
    heads = {
        key
        for key, row in whole.items()
        if read_page(split_row(row)[0], view.tiles).header[LEVEL] == 0
    }
    for partition, shard in enumerate(shards_of(divided)):
        assert all(
            partition_of(key, partitions) == partition
            for key, _ in online.iter_rows(shard)
            if key in heads
        )


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_other_keys_leave_no_trace(seed: int) -> None:
    view, deliveries = VIEWS["sums_ever"].compiled, some_history(seed).deliveries
    homes: dict[object, set[object]] = {}
    for delivery in deliveries:
        for handed in delivery.rows:
            homes.setdefault(handed.row["id"], set()).add(handed.row["city"])
    mixed = only(deliveries, lambda row: len(homes[row["id"]]) == 1)
    alone = only(mixed, lambda row: row["city"] == "JFK")
    among, by_itself = (rows_of(view, folded(view, logged(each))) for each in (mixed, alone))
    assert {key: row for key, row in among.items() if key.startswith(CITY)} == {
        key: row for key, row in by_itself.items() if key.startswith(CITY)
    }


def only(deliveries: Sequence[Delivery], is_kept: Callable[[Row], bool]) -> list[Delivery]:
    """The deliveries with some of their rows."""
    return [
        replace(delivery, rows=rows)
        for delivery in deliveries
        if (rows := [each for each in delivery.rows if is_kept(each.row)])
    ]


def test_facts_of_a_page_stand_in_total_order(
    crowded: tuple[CompiledView, dict[bytes, bytes]],
) -> None:
    view, rows = crowded
    for _, page, _ in pages_of(rows, view):
        names = [texts[0] for texts in page.texts]
        order = [
            (int(fact[EVENT_TIME]), name, int(fact[VISIBLE_FROM]))
            for fact, name in zip(page.facts, names, strict=True)
        ]
        assert order == sorted(order)


def test_pages_hold_as_many_facts_and_tiles_as_the_layout_says(
    crowded: tuple[CompiledView, dict[bytes, bytes]],
) -> None:
    view, rows = crowded
    for _, page, _ in pages_of(rows, view):
        level = int(page.header[LEVEL])
        counts = (len(page.facts), len(page.tiles))
        assert (
            counts == {1: (PAGE_FACTS, 0)}.get(level, (0, FANOUT))
            if 0 < level < DIRECTORY_LEVEL
            else True
        )
        assert level != 0 or (0 < counts[0] < OPEN_FACTS and counts[1] == 0)
        assert (
            level != DIRECTORY_LEVEL
            or max(np.bincount(page.tiles[:, TILE_LEVEL], minlength=1)) < OPEN_TILES
        )
    assert max(len(split_row(row)) for row in rows.values()) <= 2 + INLINE_PAGES


def test_every_page_is_named_by_one_tile_and_every_tile_names_a_page(
    crowded: tuple[CompiledView, dict[bytes, bytes]],
) -> None:
    view, rows = crowded
    pages = list(pages_of(rows, view))
    heads = [key for key, page, _ in pages if page.header[LEVEL] == 0]
    for name in heads:
        own = [
            page
            for key, page, _ in pages
            if (key == name and page.header[LEVEL] > 0)
            or (key.startswith(name) and len(key) == len(page_key(name, 1, 0)))
        ]
        named = [
            (int(tile[TILE_LEVEL]), int(tile[TILE_NUMBER])) for page in own for tile in page.tiles
        ]
        assert sorted(named) == sorted(
            (int(page.header[LEVEL]), int(page.header[NUMBER_WORD]))
            for page in own
            if page.header[LEVEL] < DIRECTORY_LEVEL
        )


def test_every_tile_is_the_summary_of_its_page(
    crowded: tuple[CompiledView, dict[bytes, bytes]],
) -> None:
    view, rows = crowded
    payloads = {
        (
            name_of(key, view, rows),
            int(page.header[LEVEL]),
            int(page.header[NUMBER_WORD]),
        ): data
        for key, page, data in pages_of(rows, view)
    }
    compared = 0
    for key, page, _ in pages_of(rows, view):
        for tile in page.tiles:
            child = np.frombuffer(
                bytearray(
                    payloads[
                        name_of(key, view, rows), int(tile[TILE_LEVEL]), int(tile[TILE_NUMBER])
                    ]
                ),
                dtype=np.int64,
            )
            summary = tile.copy()
            summary_entry()(view.tiles.layout, child, summary, NOTE.copy())
            assert summary.tolist() == tile.tolist()
            compared += 1
    assert compared > 20


def test_a_tile_is_stable_once_nothing_in_its_page_appears_or_goes(
    crowded: tuple[CompiledView, dict[bytes, bytes]],
) -> None:
    view, rows = crowded
    pages = {
        (name_of(key, view, rows), 1, int(page.header[NUMBER_WORD])): page
        for key, page, _ in pages_of(rows, view)
        if page.header[LEVEL] == 1
    }
    for key, page, _ in pages_of(rows, view):
        for tile in page.tiles[page.tiles[:, TILE_LEVEL] == 1] if len(page.tiles) else []:
            facts = pages[name_of(key, view, rows), 1, int(tile[TILE_NUMBER])].facts
            changes = [
                *facts[:, VISIBLE_FROM],
                *(until for until in facts[:, VISIBLE_TO] if until != NEVER),
            ]
            assert (tile[TILE_FIRST], tile[TILE_LAST], tile[TILE_STABLE_FROM]) == (
                min(facts[:, EVENT_TIME]),
                max(facts[:, EVENT_TIME]),
                max(changes),
            )
