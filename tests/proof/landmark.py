"""What online state looks like from inside: the kinds of pages, so that a proof can say which of
them it went through.
"""

from collections import Counter

import numpy as np

from mainspring.engines.local.online import SqliteOnline
from mainspring.features.kernel.arrays import NEVER, VISIBLE_TO
from mainspring.features.kernel.tree.page import (
    DIRECTORY_LEVEL,
    EVICTED,
    HEAD_LEVEL,
    LEVEL,
    RUN_LEVEL,
)
from mainspring.features.kernel.tree.tile import (
    LONG_AGO,
    TILE_FIRST,
    TILE_LAST,
    TILE_LEVEL,
    TILE_WIDE,
)
from mainspring.features.state.pages import StatePage, read_page, split_row
from mainspring.features.state.stream import shards_of
from mainspring.features.view import CompiledView
from tests.proof.reading import rows_of

__all__ = ["LANDMARKS", "landmarks_of"]

LANDMARKS = (
    "head",
    "directory",
    "page of a run",
    "page beside its directory",
    "page of its own",
    "page of tiles",
    "page of tiles of tiles",
    "page evicted",
    "fact taken back in a head",
    "fact taken back in a sealed page",
    "tiles that overlap in time",
    "tile too wide to be used",
)


def landmarks_of(view: CompiledView, online: SqliteOnline) -> Counter[str]:
    """How many of each there are, and of a run before all is in the trees."""
    found: Counter[str] = Counter()
    for shard in shards_of(view):
        rows = dict(online.iter_rows(shard))
        pages = [read_page(page, view.tiles) for row in rows.values() for page in split_row(row)]
        found["page of a run"] += sum(page.header[LEVEL] == RUN_LEVEL for page in pages)
    for row in rows_of(view, online).values():
        pages = [read_page(page, view.tiles) for page in split_row(row)]
        is_of_key = pages[0].header[LEVEL] == HEAD_LEVEL
        beside = sum(page.header[LEVEL] == 1 for page in pages)
        found["page beside its directory" if is_of_key else "page of its own"] += beside
        for page in pages:
            found.update(_landmarks_of_page(page))
    return found


def _landmarks_of_page(page: StatePage) -> dict[str, int]:
    level, tiles = int(page.header[LEVEL]), page.tiles
    is_sealed = 0 < level < DIRECTORY_LEVEL
    taken_back = int((page.facts[:, VISIBLE_TO] != NEVER).sum())
    lowest = tiles[tiles[:, TILE_LEVEL] == 1]
    return {
        "head": int(level == HEAD_LEVEL),
        "directory": int(level == DIRECTORY_LEVEL),
        "page of tiles": int(is_sealed and level == 2),
        "page of tiles of tiles": int(is_sealed and level > 2),
        "page evicted": int(level == DIRECTORY_LEVEL and page.header[EVICTED] > LONG_AGO),
        "fact taken back in a head": taken_back if level == HEAD_LEVEL else 0,
        "fact taken back in a sealed page": taken_back if is_sealed else 0,
        "tiles that overlap in time": int(
            np.sum(lowest[1:, TILE_FIRST] <= np.maximum.accumulate(lowest[:, TILE_LAST])[:-1])
        )
        if len(lowest)
        else 0,
        "tile too wide to be used": int(np.sum(tiles[:, TILE_WIDE] != 0)),
    }
