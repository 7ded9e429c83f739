"""What can go wrong when a scikit-learn model is exported."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import EngineError

__all__ = ["UnsupportedEstimator"]


@dataclass(eq=False, kw_only=True)
class UnsupportedEstimator(EngineError):
    """An estimator, or a step of a pipeline, cannot be exported exactly, and an approximation would
    give other results than the fitted model.

    Supported are: SimpleImputer (of NaN, without indicator), StandardScaler, LinearRegression,
    Ridge, Lasso, ElasticNet and LogisticRegression, the last one at the end of a Pipeline or alone;
    all must be fitted.
    """

    code: ClassVar[str] = "ENG-121"
    template: ClassVar[str] = "scikit-learn {found} cannot be exported: {reason}"
    remedy: ClassVar[str] = (
        "use a linear model behind SimpleImputer and StandardScaler, or give the model "
        "a method to_onnx() that returns the bytes of a graph"
    )

    found: str
    reason: str
