"""What a model is trained on: spine, point-in-time features and labels, split, and the encoding
that turns them into a matrix.

It owns the training set's declaration, its build, its card, and the definition kept beside every
model.  Features are computed by `features`; fitting is the business of `training`.
"""

from mainspring.datasets.errors import InexactFeature, UnencodableFeature, UnencodableValue
from mainspring.datasets.spec import Label, Split, TrainingSet, split_by_time

__all__ = [
    "InexactFeature",
    "Label",
    "Split",
    "TrainingSet",
    "UnencodableFeature",
    "UnencodableValue",
    "split_by_time",
]
