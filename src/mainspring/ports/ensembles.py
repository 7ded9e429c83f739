"""What an explanation follows: the trees of an exported model as arrays, or the terms of a sum."""

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LinearTerms", "TreeArrays"]


class LinearTerms(Protocol):
    """A model whose raw score is a sum of one term for each column, and an intercept.

    Guarantees: a row's terms do not depend on the rows beside it, to the bit.
    """

    @property
    def intercept(self) -> "NDArray[np.float64]":
        """What is added to the terms.  Shapes: (outputs,)."""
        ...

    def terms(self, matrix: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """What each column adds.  Shapes: matrix (rows, columns); (rows, outputs, columns)."""
        ...


class TreeArrays(NamedTuple):
    """An ensemble whose leaves add up to a raw score, node by node.

    Args:
        columns: what each node decides on, a column of the model's matrix.
        splits: its decision holds where the value is at most this.
        members: of a node that decides by a set, its codes: the decision holds for a value that,
            cut to a whole number, is one of them; None of any other node.
        missing_holds: whether the decision holds for a missing value.
        shares: the share of the node's training rows for which the decision held.
        children: where the decision holds and where not, the place of the next node or leaf.
        is_leaf: whether that is a leaf.

    Shapes: by node (nodes,) and (nodes, 2); of leaves (leaves,); roots (trees,).
    """

    columns: "NDArray[np.int64]"
    splits: "NDArray[np.float64]"
    members: "tuple[NDArray[np.float64] | None, ...]"
    missing_holds: "NDArray[np.bool_]"
    shares: "NDArray[np.float64]"
    children: "NDArray[np.int64]"
    is_leaf: "NDArray[np.bool_]"
    leaf_values: "NDArray[np.float64]"
    leaf_targets: "NDArray[np.int64]"
    roots: "NDArray[np.int64]"
