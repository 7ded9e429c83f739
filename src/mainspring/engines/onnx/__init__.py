"""ONNX: graphs are scored, brought to canonical bytes, and scanned for content that a model
should not have.

Owns the session settings under which a row's prediction is the same bytes alone and in a batch.
Scoring needs ONNX Runtime only; `canonical` and `scan` need the `onnx` package.  Leaves the making
of graphs to the engine of each training library.
"""

from mainspring.engines.onnx.errors import (
    InputMismatch,
    InvalidModel,
    NoExporter,
    ScoringFailed,
    UnsafeModel,
)

__all__ = ["InputMismatch", "InvalidModel", "NoExporter", "ScoringFailed", "UnsafeModel"]
