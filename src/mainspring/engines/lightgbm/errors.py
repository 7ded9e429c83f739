"""What can go wrong when a LightGBM model is exported."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import EngineError

__all__ = ["NotABooster", "UnsupportedBooster"]


@dataclass(eq=False, kw_only=True)
class NotABooster(EngineError):
    """The object to export is neither a LightGBM `Booster` nor a fitted estimator with one.

    An estimator has a booster once `fit` has returned; an unfitted `LGBMClassifier` has none.
    """

    code: ClassVar[str] = "ENG-101"
    template: ClassVar[str] = "{found} has no fitted LightGBM booster"
    remedy: ClassVar[str] = (
        "return a Booster, or an LGBMClassifier, LGBMRegressor or LGBMRanker after fit"
    )

    found: str


@dataclass(eq=False, kw_only=True)
class UnsupportedBooster(EngineError):
    """A booster uses something that cannot be written as an ONNX graph with exactly the same
    results, so the export is refused rather than approximated.

    Not supported are: custom objectives and objectives without a known link; linear trees; random
    forest mode (averaged output); `zero_as_missing`; and categories taken from a pandas frame,
    whose order is not stored in the trees (encode categories as integer codes before `fit`).
    """

    code: ClassVar[str] = "ENG-102"
    template: ClassVar[str] = "this booster cannot be exported exactly: {faults}"
    remedy: ClassVar[str] = (
        "train without it, or give the model a method to_onnx() that returns the bytes of a graph"
    )

    faults: str
