"""Why a read has the values that it has: whether anything is known of the key, and whether any of
it falls into a window.
"""

from collections.abc import Sequence
from typing import Literal as OneOf

import numpy as np
from numpy.typing import NDArray

from mainspring.elements.time import Micros
from mainspring.features.kernel.arrays import EVENT_TIME, VISIBLE_FROM, VISIBLE_TO, Ints
from mainspring.features.kernel.tree.page import EVICTED
from mainspring.features.kernel.tree.tile import LONG_AGO, TILE_FIRST
from mainspring.features.online.point import ShardQuery, fetch_rows
from mainspring.features.state.pages import read_page, split_row
from mainspring.features.view import CompiledView
from mainspring.ports.online import OnlineReader

__all__ = ["NullReason", "explain_shard"]

NullReason = OneOf["known", "null key", "unknown key", "no fact in the window", "older than ttl"]
"""`known`: a fact lies in the longest window, though it may have a null or fail a condition · `null
key`: the key is null, or the view that it is looked up in knew none · `unknown key`: online state
has no fact of it · `no fact in the window`: the longest window holds none that is visible · `older
than ttl`: the newest visible fact is too old to count.
"""


def explain_shard(
    view: CompiledView, online: OnlineReader, shard: str, query: ShardQuery
) -> list[NullReason]:
    """For every request its reason.  Cost: reads all facts that a window can see, about 2 µs each.
    Raises: FEA-002.
    """
    groups = fetch_rows(view, online, shard, query)
    return [
        _reason(view, groups[code], at) if code >= 0 else "null key"
        for code, at in zip(query.codes, query.times, strict=True)
    ]


def _reason(view: CompiledView, rows: Sequence[bytes], at: Micros) -> NullReason:
    if not rows:
        return "unknown key"
    pages = [read_page(page, view.tiles) for row in rows for page in split_row(row)]
    facts = np.concatenate([page.facts for page in pages])
    seen = facts[_is_seen(facts, at, edge=view.tiles.edge)]
    since = at - view.tiles.longest
    if (seen[:, EVENT_TIME] >= since).any():
        return "known"
    if view.view.ttl is None:
        return "no fact in the window"
    # Facts too old to count need not be read; that they are there shows in the tiles, or in what
    # was evicted.
    tiles = [int(page.tiles[:, TILE_FIRST].min()) for page in pages if page.tiles.size]
    is_older = (
        bool(seen.size)
        or any(first < since for first in tiles)
        or any(page.header[EVICTED] > LONG_AGO for page in pages)
    )
    return "older than ttl" if is_older else "no fact in the window"


def _is_seen(facts: Ints, at: Micros, *, edge: int) -> NDArray[np.bool_]:
    seen: NDArray[np.bool_]
    seen = (
        (facts[:, EVENT_TIME] < at + edge)
        & (facts[:, VISIBLE_FROM] <= at)
        & (at < facts[:, VISIBLE_TO])
    )
    return seen
