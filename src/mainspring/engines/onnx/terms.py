"""What an explanation of an exported model follows."""

from mainspring.engines.onnx.ensemble import read_trees
from mainspring.engines.onnx.linear import read_linear
from mainspring.ports.ensembles import LinearTerms, TreeArrays

__all__ = ["read_terms"]


def read_terms(payload: bytes) -> TreeArrays | LinearTerms | None:
    """Its trees, or the terms of its sum; None for another graph.

    Args:
        payload: bytes that were scanned (`scan.require_safe`).
    """
    return read_trees(payload) or read_linear(payload)
