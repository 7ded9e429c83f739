"""Ids that a file has more than once."""

from collections.abc import Iterable, Sequence

import polars as pl

from mainspring.sources.compiled import CompiledSource

__all__ = ["RepeatedIds"]


class RepeatedIds:
    """Tells of a file that is read again which of its rows may replace what stood before the file:
    the first of each id.  Two rows of one file that contradict each other are a conflict as ever.
    """

    def __init__(self, compiled: CompiledSource) -> None:
        self._compiled = compiled
        self._repeated = pl.Series([], dtype=pl.String)
        self._seen: set[str] = set()

    def look_for(self, frames: Iterable[pl.DataFrame]) -> None:
        """Find the ids that the file has more than once."""
        ids = [self._compiled.ids_of(frame) for frame in frames]
        if ids:
            joined = pl.concat(ids).drop_nulls()
            self._repeated = joined.filter(joined.is_duplicated()).unique()

    def operations(self, rows: pl.DataFrame) -> Sequence[str]:
        """Of each row of the file's next frame."""
        found = ["upsert"] * rows.height
        if self._repeated.len():
            ids = self._compiled.ids_of(rows)
            places = ids.is_in(self._repeated.implode()).fill_null(value=False).arg_true().to_list()
            for place in places:
                if ids[place] in self._seen:
                    found[place] = "insert"
                self._seen.add(ids[place])
        return found
