"""The distribution of one feature over a sample of keys: what one looks at before trusting it."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal as OneOf

import msgspec
import numpy as np
from numpy.typing import NDArray

from mainspring.elements.schema import DType
from mainspring.features.physical import Value
from mainspring.stats.histogram import histogram

__all__ = ["BINS", "Distribution", "distribution_of"]

BINS = 16
_COMMON = 5
_OUTERMOST = (0.01, 0.99)
_SHOWN = (0.05, 0.5, 0.95)
_COUNTED = (DType.STRING, DType.BOOLEAN)


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """The values of one column.

    Args:
        asked: how many keys were asked about; `nulls` of them have no value.
        of: whether the numbers below are of the values themselves, or of the lengths of lists.
        p5, p50, p95: observed values at these ranks, instants and lengths of time in microseconds;
            None without a finite number.
        bins: how many numbers lie in each of `BINS` equal parts from the 1st to the 99th
            percentile, the outermost holding what lies beyond; empty where all are equal.
        common: of texts and booleans the most frequent values and how often each occurs.
    """

    column: str
    dtype: DType
    asked: int
    nulls: int
    of: OneOf["values", "lengths"]
    p5: float | None
    p50: float | None
    p95: float | None
    bins: tuple[int, ...]
    common: tuple[tuple[str, int], ...]


def distribution_of(column: str, dtype: DType, values: Sequence[Value]) -> Distribution:
    """The distribution of these values; what is not a finite number is neither null nor counted in
    a bin.

    >>> spread = distribution_of("x", DType.INT64, [1, 2, None, 4])
    >>> spread.nulls, spread.p50, sum(spread.bins)
    (1, 2.0, 3)
    """
    there = [value for value in values if value is not None]
    numbers = _numbers(dtype, there)
    finite = numbers[np.isfinite(numbers)]
    ranks = (
        np.quantile(finite, _SHOWN, method="inverted_cdf").tolist()
        if finite.size
        else [None] * len(_SHOWN)
    )
    return Distribution(
        column=column,
        dtype=dtype,
        asked=len(values),
        nulls=len(values) - len(there),
        of="lengths" if dtype.is_list else "values",
        p5=ranks[0],
        p50=ranks[1],
        p95=ranks[2],
        bins=_bins(finite),
        common=tuple(Counter(map(_said, there)).most_common(_COMMON)) if dtype in _COUNTED else (),
    )


def _numbers(dtype: DType, there: Sequence[Value]) -> NDArray[np.float64]:
    if dtype in _COUNTED:
        return np.empty(0, dtype=np.float64)
    return np.array(
        [len(value) if isinstance(value, list) else value for value in there], dtype=np.float64
    )


def _bins(finite: NDArray[np.float64]) -> tuple[int, ...]:
    low, high = (
        np.quantile(finite, _OUTERMOST, method="inverted_cdf").tolist()
        if finite.size
        else (0.0, 0.0)
    )
    if not low < high:
        return ()
    counts = histogram(np.clip(finite, low, high), np.linspace(low, high, BINS + 1))
    return tuple(counts[1:-2].tolist())


def _said(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
