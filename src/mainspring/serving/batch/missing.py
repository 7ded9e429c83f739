"""Which features each row of a block lacks, in words."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["missing_features"]


def missing_features(features: pl.DataFrame) -> pl.Series:
    """For each row the names of its features that are null or NaN, with commas between them; null
    where none is.

    Cost: rows lack the same features by the thousand, so each different set is spelled once.

    >>> missing_features(pl.DataFrame({"a": [1.0, None], "b": [None, None]})).to_list()
    ['b', 'a, b']
    """
    is_missing = [_is_missing(column) for column in features.iter_columns()]
    if not is_missing or not any(each.any() for each in is_missing):
        return pl.repeat(None, features.height, dtype=pl.String, eager=True)
    packed = np.packbits(np.stack(is_missing, axis=1), axis=1)
    words = np.ascontiguousarray(packed).view(f"V{packed.shape[1]}").ravel()
    _, firsts, codes = np.unique(words, return_index=True, return_inverse=True)
    spelled = [_spelled(features.columns, is_missing, int(row)) for row in firsts]
    return pl.Series(spelled, dtype=pl.String).gather(codes)


def _is_missing(column: pl.Series) -> NDArray[np.bool_]:
    nulls = column.is_null()
    return (
        ((nulls | column.is_nan()) if column.dtype.is_float() else nulls).fill_null(True).to_numpy()
    )


def _spelled(names: Sequence[str], is_missing: Sequence[NDArray[np.bool_]], row: int) -> str | None:
    return ", ".join(n for n, own in zip(names, is_missing, strict=True) if own[row]) or None
