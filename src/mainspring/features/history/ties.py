"""Facts of one key and one event time: the total order (event time, id, visible from) decides, and
only here are ids looked at.
"""

from collections.abc import Callable

import numpy as np
import polars as pl

from mainspring.features.kernel.grouping.group import Grouping

__all__ = ["settle_ties"]


def settle_ties(
    grouping: Grouping, facts: pl.DataFrame, id_keys: Callable[[pl.Series], pl.Series]
) -> Grouping:
    """The grouping with rows of equal key and time in total order.

    Args:
        facts: the frame whose rows were grouped, with `_id` and `_visible_from`.
        id_keys: texts whose bytes sort as these ids do.

    Cost: a look at every time, and a sort of the rows that are tied.
    """
    indices, sets = grouping.ties()
    if not indices.size:
        return grouping
    rows = grouping.rows()[indices]
    ids, seen = id_keys(facts["_id"].gather(rows)), facts["_visible_from"].gather(rows)
    ordered = (
        pl.DataFrame({"set": sets, "id": ids, "seen": seen, "row": rows})
        .sort("set", "id", "seen", maintain_order=True)["row"]
        .to_numpy()
    )
    return grouping if np.array_equal(ordered, rows) else grouping.with_rows(ordered, indices)
