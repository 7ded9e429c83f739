"""Codes for the keys of facts and of a spine, so that the kernel can group by small integers.

Integers that lie close together are their own codes.  Others go through a dictionary, and so do
texts by a hash that is checked: every row is compared with the text that its code stands for, and
were there ever a collision, the column is coded by Polars' categories instead, which cost four
times as much.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl

from mainspring.features.kernel.arrays import Ints, ShortInts, bits_of
from mainspring.features.kernel.grouping.chunks import concatenated, iter_between
from mainspring.features.kernel.grouping.dictionary import learn_in_shares
from mainspring.features.kernel.shares import even_bounds, run_shares
from mainspring.features.physical import chunks_of
from mainspring.features.spec import Entity

__all__ = ["Codes", "codes_by_category", "codes_by_hash", "key_codes"]

_NO_KEY = -1
_SPARSEST = 2
"""Integers are their own codes while there are at most so many times more places than facts."""
_TEXTS = (pl.String, pl.Categorical, pl.Enum)


class Codes(NamedTuple):
    """A code below `keys` for each distinct key of the facts; -1 where a key is unknown to the
    facts, or null and nulls are no keys.

    Shapes: facts (facts,), spine (rows,).
    """

    facts: ShortInts
    spine: ShortInts
    keys: int


def key_codes(entity: Entity, facts: pl.DataFrame, spine: pl.DataFrame) -> Codes:
    """Codes of an entity's keys on both sides.  Cost: 1 ns a fact and key column for close
    integers, 5 for others, 20 for text.
    """
    columns = [_codes_of_column(facts[name], spine[name]) for name in entity.join_keys]
    if entity.null_keys == "group":
        columns = [
            _with_null(codes, facts[name], spine[name])
            for codes, name in zip(columns, entity.join_keys, strict=True)
        ]
    if not columns:
        return Codes(
            np.zeros(facts.height, dtype=np.int32), np.zeros(spine.height, dtype=np.int32), 1
        )
    codes = columns[0]
    for column in columns[1:]:
        codes = _codes_of_integers(
            _pairs(codes.facts, column.facts, column.keys),
            _pairs(codes.spine, column.spine, column.keys),
        )
    return codes


def _with_null(codes: Codes, facts: pl.Series, spine: pl.Series) -> Codes:
    """The codes with one more, for null."""
    known, codes_of_spine = (
        np.where(side.is_null().to_numpy(), np.int32(codes.keys), own)
        for own, side in ((codes.facts, facts), (codes.spine, spine))
    )
    return Codes(known, codes_of_spine, codes.keys + 1)


def _codes_of_column(facts: pl.Series, spine: pl.Series) -> Codes:
    if facts.null_count() == len(facts):
        return Codes(
            np.full(len(facts), _NO_KEY, dtype=np.int32),
            np.full(len(spine), _NO_KEY, dtype=np.int32),
            1,
        )
    if facts.dtype in _TEXTS:
        texts = facts.cast(pl.String), spine.cast(pl.String)
        return codes_by_hash(*texts, hashes=_hashes) or codes_by_category(*texts)
    if not facts.dtype.is_integer():
        spine = spine.cast(facts.dtype)
    return _codes_of_integers(_integers(facts), _integers(spine))


def _integers(column: pl.Series) -> pl.Series:
    """Integers that are equal where the values are equal; -0.0 equals 0.0, and NaN itself."""
    if column.dtype.is_float():
        numbers = column.cast(pl.Float64).fill_null(0.0).to_numpy() + 0.0
        return _nowhere(pl.Series(bits_of(np.where(np.isnan(numbers), np.nan, numbers))), column)
    return column.to_physical().cast(pl.Int64)


def _codes_of_integers(facts: pl.Series, spine: pl.Series) -> Codes:
    low, high = facts.min(), facts.max()
    if not isinstance(low, int) or not isinstance(high, int) or high - low > _SPARSEST * len(facts):
        return _codes_by_dictionary(facts, spine)[0]
    within = spine.is_between(low, high)
    near = pl.select(pl.when(within).then(spine).otherwise(None)).to_series()
    return Codes(_distances(facts, low), _distances(near, low), high - low + 1)


def _distances(column: pl.Series, low: int) -> ShortInts:
    distances, chunks = np.empty(len(column), dtype=np.int32), chunks_of(column)

    def subtract(_: int, first: int, stop: int) -> None:
        for row, words in iter_between(chunks, first, stop):
            np.subtract(words, low, out=distances[row : row + words.size], casting="same_kind")

    run_shares(subtract, even_bounds(len(column)))
    if column.null_count():
        distances[column.is_null().to_numpy()] = _NO_KEY
    return distances


def _codes_by_dictionary(facts: pl.Series, spine: pl.Series) -> tuple[Codes, Ints]:
    """Codes, and the first fact of each."""
    dictionary, known = learn_in_shares(chunks_of(facts))
    codes_of_spine = dictionary.look_up(concatenated(chunks_of(spine)))
    for codes, column in ((known, facts), (codes_of_spine, spine)):
        if column.null_count():
            codes[column.is_null().to_numpy()] = _NO_KEY
    return Codes(known, codes_of_spine, max(dictionary.firsts.size, 1)), dictionary.firsts


def codes_by_hash(
    facts: pl.Series, spine: pl.Series, *, hashes: Callable[[pl.Series], pl.Series]
) -> Codes | None:
    """Codes by a 64-bit hash; None if two texts share one."""
    codes, firsts = _codes_by_dictionary(
        _nowhere(hashes(facts), facts), _nowhere(hashes(spine), spine)
    )
    texts = facts.gather(firsts)
    sides = ((facts, codes.facts), (spine, codes.spine))
    return codes if all(_stand_for(texts, column, coded) for column, coded in sides) else None


def _stand_for(texts: pl.Series, column: pl.Series, codes: ShortInts) -> bool:
    """Whether every code stands for the text of its row."""
    if codes.size and codes.min() < 0:
        has_code = codes >= 0
        column, codes = column.filter(pl.Series(has_code)), codes[has_code]
    return bool((texts.gather(codes) == column).all())


def codes_by_category(facts: pl.Series, spine: pl.Series) -> Codes:
    """Codes by Polars' categories, which compare the texts themselves."""
    own = pl.Categorical(pl.Categories.random())
    # Both are held at once: Polars forgets categories that no series has any more, and would number
    # the second anew.
    known, codes_of_spine = facts.cast(own), spine.cast(own)
    return _codes_of_integers(_integers(known), _integers(codes_of_spine))


def _hashes(texts: pl.Series) -> pl.Series:
    return texts.hash(seed=0).reinterpret(signed=True)


def _nowhere(codes: pl.Series, column: pl.Series) -> pl.Series:
    """The codes, null where the column is."""
    return codes.set(column.is_null(), None) if column.null_count() else codes


def _pairs(left: ShortInts, right: ShortInts, keys: int) -> pl.Series:
    """One integer for each pair of codes, the right ones below `keys`; null where one is
    missing.
    """
    first, second = pl.Series(left).cast(pl.Int64), pl.Series(right)
    return pl.select(pl.when((first >= 0) & (second >= 0)).then(first * keys + second)).to_series()
