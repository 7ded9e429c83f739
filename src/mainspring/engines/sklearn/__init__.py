"""scikit-learn: linear models, alone or behind imputation and scaling, become ONNX graphs written
by hand.

Owns what those few estimators compute, read from their fitted attributes; needs no installed
scikit-learn.  Refuses every other estimator. Leaves scoring, canonical bytes and the security scan
to `engines.onnx`.
"""

from mainspring.engines.sklearn.errors import UnsupportedEstimator

__all__ = ["UnsupportedEstimator"]
