"""Facts of one key and one event time: the total order (event time, id, visible from) decides, and only here are ids looked at."""

import numpy as np
import polars as pl

from mainspring.features.kernel.arrays import Ints
from mainspring.features.kernel.group import Grouping

__all__ = ["settle_ties"]


def settle_ties(grouping: Grouping, facts: pl.DataFrame) -> Grouping:
    """The grouping with rows of equal key and time in total order.

    Args:
        facts: the frame whose rows were grouped, with `_id` and `_visible_from`.

    Cost: a look at every time, and a sort of the rows that are tied.
    """
    places, group = _tied_places(grouping)
    if not places.size:
        return grouping
    rows = grouping.rows()[places]
    ids, seen = facts["_id"].gather(rows), facts["_visible_from"].gather(rows)
    ordered = pl.DataFrame({"group": group, "id": ids, "seen": seen, "row": rows}).sort("group", "id", "seen", maintain_order=True)["row"].to_numpy()
    return grouping if np.array_equal(ordered, rows) else grouping.with_rows(ordered, places)


def _tied_places(grouping: Grouping) -> tuple[Ints, Ints]:
    """The places whose time is that of a neighbour of the same key, and a number for each set of equals."""
    times = grouping.event_time
    is_later = np.zeros(times.size, dtype=np.bool_)
    np.equal(times[1:], times[:-1], out=is_later[1:])
    if is_later.any():
        is_later[grouping.key_start[grouping.key_start < times.size]] = False
    later = np.flatnonzero(is_later)
    places = later if not later.size else np.union1d(later, later - 1)
    return places, np.cumsum(~is_later[places])
