"""What people should know about how a fitted model uses its columns, though nothing is wrong."""

from collections.abc import Sequence

import numpy as np

from mainspring.datasets.encoding import Encoding

__all__ = ["remarks_on"]


def remarks_on(estimator: object, encoding: Encoding) -> tuple[str, ...]:
    """Remarks on an estimator that was fitted on the columns of an encoding.

    A text is a code: its place in the vocabulary.  A linear model that has one coefficient for each
    column multiplies such codes, which makes the order of the alphabet a number.  Two texts are two
    codes, and one coefficient tells them apart.
    """
    last = _last_step(estimator)
    coefficients = getattr(last, "coef_", None)
    if coefficients is None or np.shape(coefficients)[-1:] != (len(encoding.columns),):
        return ()
    used = np.any(np.atleast_2d(coefficients) != 0, axis=0)
    texts = [
        column.name
        for column, is_used in zip(encoding.columns, used.tolist(), strict=True)
        if is_used and column.vocabulary is not None and len(column.vocabulary) > 2
    ]
    if not texts:
        return ()
    return (
        f"{type(last).__name__} multiplies the codes of {', '.join(texts)}, which are texts "
        f"without an order: one-hot encode the columns of train.categorical_indices",
    )


def _last_step(estimator: object) -> object:
    """The estimator at the end of a pipeline; any other is its own."""
    steps: Sequence[tuple[str, object]] | None = getattr(estimator, "steps", None)
    return steps[-1][1] if steps else estimator
