"""Metrics of models that give a probability for each of several classes.

A label is the place of its class; a class that the model does not know is -1, and its model has
given it the probability 0.  Probabilities are taken as shares of their row's sum, for one-against-
all models give numbers that do not add up to 1, and would otherwise win by being sure of all.

Source: G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather
    Review 78 (1950), whose score is that of several classes.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["class_hits", "class_log_losses", "class_squared_errors", "most_probable"]

_EPSILON = float(np.finfo(np.float64).eps)
Floats = NDArray[np.float64]


def most_probable(p: Floats) -> NDArray[np.int64]:
    """The place of each row's largest probability, the first of equal ones.  Shapes: p (rows,
    classes).

    >>> most_probable(np.array([[0.2, 0.8], [0.5, 0.5]])).tolist()
    [1, 0]
    """
    places: NDArray[np.int64] = np.argmax(p, axis=1)
    return places


def class_hits(y: Floats, p: Floats) -> Floats:
    """1.0 where the most probable class is the label, else 0.0.  Shapes: y (rows,), p (rows,
    classes).

    >>> class_hits(np.array([1.0, 1.0, -1.0]), np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]]))
    array([1., 0., 0.])
    """
    is_right: NDArray[np.bool_] = most_probable(p) == y
    return is_right.astype(np.float64)


def class_log_losses(y: Floats, p: Floats) -> Floats:
    """Minus the logarithm of the label's share of each row, in nats, clipped to stay finite.

    >>> class_log_losses(np.array([0.0]), np.array([[0.5, 0.25, 0.25]])).round(6)
    array([0.693147])
    """
    return -np.log(np.clip(_shares_of_labels(y, p), _EPSILON, 1.0))


def class_squared_errors(y: Floats, p: Floats) -> Floats:
    """The squared distance of each row from its label's, in [0, 2].

    >>> class_squared_errors(np.array([0.0, -1.0]), np.array([[0.5, 0.5], [1.0, 0.0]]))
    array([0.5, 2. ])
    """
    shares = _shares(p)
    true = _shares_of_labels(y, p)
    # Of a class that is not among them: it has the share 0, and should have had 1.
    squares: Floats = np.square(shares).sum(axis=1) - np.square(true) + np.square(1.0 - true)
    return squares


def _shares(p: Floats) -> Floats:
    sums = p.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(p, sums, out=np.zeros_like(p), where=sums > 0)
    return shares


def _shares_of_labels(y: Floats, p: Floats) -> Floats:
    places = y.astype(np.int64)
    found = _shares(p)[np.arange(len(y)), np.maximum(places, 0)]
    return np.where(places >= 0, found, 0.0)
