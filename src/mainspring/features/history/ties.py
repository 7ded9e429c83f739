"""Facts of one key and one event time: the total order (event time, id, visible from) decides, and
only here are ids looked at.
"""

from collections.abc import Callable

import numpy as np
import polars as pl

from mainspring.features.kernel.grouping.group import Grouping

__all__ = ["settle_ties"]


def settle_ties(
    grouping: Grouping,
    facts: pl.DataFrame,
    id_keys: Callable[[pl.Series], pl.Series],
    ids_of_facts: Callable[[], pl.Series] | None = None,
) -> Grouping:
    """The grouping with rows of equal key and time in total order.

    Args:
        facts: the frame whose rows were grouped, with `_id` and `_visible_from`.
        id_keys: texts whose bytes sort as these ids do.
        ids_of_facts: gives the ids of the frame, which then need not have them.

    Cost: a look at every time, and a sort of the rows that are tied.
    """
    indices, sets = grouping.ties()
    if not indices.size:
        return grouping
    rows = grouping.rows()[indices]
    own = facts["_id"] if ids_of_facts is None else ids_of_facts()
    ids, seen = id_keys(own.gather(rows)), facts["_visible_from"].gather(rows)
    ordered = (
        pl.DataFrame({"set": sets, "id": ids, "seen": seen, "row": rows})
        .sort("set", "id", "seen", maintain_order=True)["row"]
        .to_numpy()
    )
    return grouping if np.array_equal(ordered, rows) else grouping.with_rows(ordered, indices)
