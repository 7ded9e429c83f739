"""Models as functions from named tensors to named tensors."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mainspring.ports.placement import Placed

__all__ = ["Array", "TensorModel", "TensorSpec"]

if TYPE_CHECKING:
    # At run time a scalar type takes no parameter.
    Array = NDArray[np.generic[object]]
else:
    Array = NDArray[np.generic]


class TensorSpec(NamedTuple):
    """A tensor that a model takes or gives.

    Args:
        datatype: by the name of the Open Inference Protocol, such as `FP32`.
        shape: -1 for a dimension of any size.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]


class TensorModel(Protocol):
    """A model with a signature.

    Guarantees: safe to call from several threads; where `is_rowwise`, the first dimension of every
        tensor counts rows, and a row's answer does not depend on the rows beside it, to the bit.
    Callers may assume: texts (BYTES) are arrays of `str` objects; all others are arrays of the
        datatype itself.
    Errors: SRV-094 where these tensors, though of the right shapes, cannot be computed with;
        SRV-048 when the deadline of the request came first.
    """

    @property
    def platform(self) -> str:
        """What runs it, as metadata says."""
        ...

    @property
    def inputs(self) -> Sequence[TensorSpec]:
        """What it takes."""
        ...

    @property
    def outputs(self) -> Sequence[TensorSpec]:
        """What it gives."""
        ...

    @property
    def is_rowwise(self) -> bool:
        """Whether several requests may be answered by one run over all their rows."""
        ...

    @property
    def placed(self) -> Placed:
        """Where it computes."""
        ...

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """These outputs, in this order, of these inputs, which are all that it takes."""
        ...
