"""Which rows are fitted and which are judged: by prediction time, or where rows have none, by a
hash that no other row can change.
"""

from typing import assert_never

import polars as pl

from mainspring.datasets.spec import AnySplit, KeySplit, RandomSplit, Split
from mainspring.elements.expression.operations.hashing import hash_of_text

__all__ = ["is_inside", "split_rows"]

_HASHES = 2**64


def split_rows(split: AnySplit, rows: pl.DataFrame) -> pl.Series:
    """`fit`, `test` or nothing for each row; a row without a label is neither.

    Args:
        rows: `_id`, `_prediction_time`, `_label`, `_label_known_at`, and the columns that the split
            names.
    """
    labelled = pl.col("_label").is_not_null()
    match split:
        case Split():
            # A label that came later would be knowledge from the future.
            in_time = pl.col("_label_known_at") <= split.test_from
            fit = labelled & in_time & _between(split.train_from, split.test_from)
            test = labelled & _between(split.test_from, split.test_until)
        case KeySplit():
            drawn = _drawn(rows.select(split.columns), split.test_share, split.seed)
            fit, test = labelled & ~drawn, labelled & drawn
        case RandomSplit():
            drawn = _drawn(rows.select("_id"), split.test_share, split.seed)
            fit, test = labelled & ~drawn, labelled & drawn
        case _:
            assert_never(split)
    mark = pl.when(fit).then(pl.lit("fit")).when(test).then(pl.lit("test")).otherwise(pl.lit(""))
    return rows.select(mark.alias("_split")).to_series()


def is_inside(split: AnySplit) -> pl.Expr:
    """Whether a row lies in the time that a split covers; without time, all do."""
    if isinstance(split, Split):
        return _between(split.train_from, split.test_until).fill_null(value=False)
    return pl.lit(value=True)


def _between(start: int, stop: int) -> pl.Expr:
    return pl.col("_prediction_time").is_between(start, stop, closed="left")


def _drawn(keys: pl.DataFrame, share: float, seed: int) -> pl.Series:
    """The rows whose key is drawn, about this share of the keys.

    A key is drawn by its own hash and not by its place: rows that are added later draw none of
    those that were there before, and a larger share draws all that a smaller one does.
    """
    parts = [pl.col(name).cast(pl.String).fill_null("\0") for name in keys.columns]
    texts = keys.select(pl.concat_str(parts, separator="\0\0")).to_series()
    each = texts.unique()
    limit = share * _HASHES
    drawn = [hash_of_text(f"{seed}\0{text}") % _HASHES < limit for text in each.to_list()]
    return texts.is_in(each.filter(pl.Series(drawn, dtype=pl.Boolean)).implode())
