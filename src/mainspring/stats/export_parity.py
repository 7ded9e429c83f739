"""Does an exported model say what the native one says?  Compared row by row, as bits and within a
tolerance.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ExportParity", "compare_export"]


@dataclass(frozen=True)
class ExportParity:
    """How far exported scores lie from native ones on the same rows.

    `rows_differing` counts rows that differ in any bit; `is_equal` says that every score is within
    `tolerance` (NaN equals NaN only).
    """

    rows: int
    rows_differing: int
    largest_difference: float
    tolerance: float
    is_equal: bool


def compare_export(
    native: NDArray[np.float64], exported: NDArray[np.float64], *, tolerance: float = 1e-12
) -> ExportParity:
    """The parity of two score arrays of one shape, (rows,) or (rows, classes); other shapes are
    never equal.

    >>> compare_export(np.array([0.25, 0.5]), np.array([0.25, 0.75]))
    ExportParity(rows=2, rows_differing=1, largest_difference=0.25, tolerance=1e-12, is_equal=False)
    """
    rows = len(native)
    if native.shape != exported.shape:
        return ExportParity(
            rows=rows,
            rows_differing=rows,
            largest_difference=float("inf"),
            tolerance=tolerance,
            is_equal=False,
        )
    is_same = native.astype(np.float64).view(np.int64) == exported.astype(np.float64).view(np.int64)
    # Equal infinities and NaNs of any payload have distance zero; a NaN against a number has none,
    # and counts as infinite.
    agrees = (native == exported) | (np.isnan(native) & np.isnan(exported))
    with np.errstate(invalid="ignore"):
        distance = np.where(agrees, 0.0, np.abs(native - exported))
    largest = float(np.nan_to_num(distance, nan=np.inf, posinf=np.inf).max(initial=0.0))
    return ExportParity(
        rows=rows,
        rows_differing=int((~is_same.reshape(rows, -1).all(axis=1)).sum()) if rows else 0,
        largest_difference=largest,
        tolerance=tolerance,
        is_equal=largest <= tolerance,
    )
