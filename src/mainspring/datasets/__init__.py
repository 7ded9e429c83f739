"""What a model is trained on: spine, point-in-time features and labels, split, and the encoding
that turns them into a matrix.

It owns the training set's declaration, its build, its card, and the definition kept beside every
model.  Features are computed by `features`; fitting is the business of `training`.
"""

from mainspring.datasets.errors import (
    InexactFeature,
    NoPredictionTime,
    UnencodableFeature,
    UnencodableValue,
)
from mainspring.datasets.spec import (
    KeySplit,
    Label,
    RandomSplit,
    Split,
    TrainingSet,
    split_at_random,
    split_by_key,
    split_by_time,
)

__all__ = [
    "InexactFeature",
    "KeySplit",
    "Label",
    "NoPredictionTime",
    "RandomSplit",
    "Split",
    "TrainingSet",
    "UnencodableFeature",
    "UnencodableValue",
    "split_at_random",
    "split_by_key",
    "split_by_time",
]
