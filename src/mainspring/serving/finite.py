"""A score is a number, or the request is refused: NaN and infinities never leave the model."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from mainspring.serving.errors import ScoreNotFinite

__all__ = ["require_finite"]

_SHOWN = 5


def require_finite(
    scores: ArrayLike, missing_in: Callable[[Sequence[int]], Sequence[object]]
) -> None:
    """Refuse scores, (rows,) or (rows, classes), of which some are not finite.

    Args:
        missing_in: the names of what was missing in any of these rows.

    Raises: ScoreNotFinite SRV-022.
    """
    is_finite = np.isfinite(scores)
    if is_finite.all():
        return
    rows = np.flatnonzero(~is_finite.reshape(len(is_finite), -1).all(axis=1)).tolist()
    names = missing_in(rows)
    raise ScoreNotFinite(
        rows=f"row {_listed(rows)}" if len(rows) == 1 else f"rows {_listed(rows)}",
        missing=f"missing there: {_listed(names)}" if names else "nothing was missing there",
    )


def _listed(items: Sequence[object]) -> str:
    """The first few, and how many more."""
    shown = ", ".join(str(item) for item in items[:_SHOWN])
    return shown if len(items) <= _SHOWN else f"{shown} and {len(items) - _SHOWN:,} more"
