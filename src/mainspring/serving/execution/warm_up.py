"""Run a model before it is ready to answer, so that its first caller does not wait for what an
engine sets up at the first call of a size: buffers, plans, memory of a device.
"""

from collections.abc import Callable
from contextlib import suppress
from math import prod

import numpy as np

from mainspring.elements.errors import MainspringError
from mainspring.ports.deadline import working_at_most
from mainspring.ports.models import Scorer
from mainspring.ports.tensors import Array, TensorModel, TensorSpec
from mainspring.serving.protocol.datatypes import DATATYPES

__all__ = ["ROWS", "warm_up_scorer", "warm_up_tensors"]

ROWS = (1, 8, 64)
"""So many rows at a time: one request, and turns of several."""

_LONGEST_S = 0.5
_MOST_VALUES = 1 << 20


def warm_up_scorer(scorer: Scorer, columns: int) -> None:
    """Score rows of zeros.  A model that cannot, is no worse for it: its callers send others.

    Args:
        columns: of its matrix.

    Cost: a run for each of `ROWS`, half a second for all at most.
    """
    _run_sizes(lambda rows: scorer.predict(np.zeros((rows, columns))))


def warm_up_tensors(model: TensorModel) -> None:
    """The same with the tensors of a signature, a text being "0"; one that leaves another dimension
    than the first open, or whose tensors are large, is not run.
    """
    specs = model.inputs
    is_known = all(min(spec.shape[1:], default=1) > 0 for spec in specs)
    if not is_known or sum(prod(spec.shape[1:]) for spec in specs) * max(ROWS) > _MOST_VALUES:
        return
    outputs = [spec.name for spec in model.outputs]
    _run_sizes(lambda rows: model.run({spec.name: _zeros(spec, rows) for spec in specs}, outputs))


def _run_sizes(run: Callable[[int], object]) -> None:
    with suppress(MainspringError), working_at_most(_LONGEST_S):
        for rows in ROWS:
            run(rows)


def _zeros(spec: TensorSpec, rows: int) -> Array:
    shape = tuple(rows if size < 0 else size for size in spec.shape)
    if spec.datatype == "BYTES":
        return np.full(shape, "0", dtype=object)
    return np.zeros(shape, dtype=DATATYPES[spec.datatype].dtype)
