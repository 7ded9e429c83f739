"""A model version in a program of its user: its record, and its scores of rows of features."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.elements.foreign_frame import as_polars
from mainspring.elements.html import html_page, html_table
from mainspring.features.physical import Value, plain_values
from mainspring.ports.models import ScorerLoader
from mainspring.ports.objects import ObjectReader
from mainspring.registry.read import read_artifact
from mainspring.registry.version import ModelVersion
from mainspring.serving.errors import FeaturesMissing
from mainspring.serving.open import open_version
from mainspring.serving.predict import ServedModel

__all__ = ["LoadedModel", "load_model"]


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model version, loaded from its verified artifact: the same bytes that serve.  Provisional.

    Args:
        version: its record: metrics, parameters, digests.
        onnx: the exported model, to be stored or opened elsewhere; its input is the encoded matrix.
    """

    version: ModelVersion
    onnx: bytes
    served: ServedModel

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features that it is fed, in order."""
        return self.served.encoding.names

    @property
    def classes(self) -> tuple[str, ...]:
        """What it gives a probability for each; empty for a model of one score."""
        return self.served.classes

    def predict(self, features: object) -> NDArray[np.float64]:
        """The scores of rows whose features are known: the probability of the positive class for a
        classifier, the value for a regressor; of several classes the probability of each, in the
        order of `classes`.  Nothing is logged.

        Args:
            features: a frame of Polars or pandas with a column for each feature, as
                `Workspace.training_set` and `get_historical_features` give them; other columns are
                passed over.

        Shapes: (rows,), or (rows, classes), float64.
        Raises: FeaturesMissing FEA-072 for features that the frame lacks, FrameUnreadable FEA-070,
            InexactFeature DAT-021, UnencodableValue DAT-022 for a value of another type than it was
            trained on.
        """
        frame = as_polars(features)
        missing = [name for name in self.feature_names if name not in frame.columns]
        if missing:
            raise FeaturesMissing(model=self.version.label, features=", ".join(missing))
        columns = {name: _plain(frame[name]) for name in self.feature_names}
        found = self.served.score(columns)
        if self.classes:
            return np.array(found.probabilities, dtype=np.float64).reshape(-1, len(self.classes))
        return np.array(found.values, dtype=np.float64)

    def _repr_html_(self) -> str:
        metrics = sorted(self.version.metrics.items())
        return html_page(repr(self)[1:-1], html_table("Test rows", ("metric", "value"), metrics))

    def __repr__(self) -> str:
        count = len(self.feature_names)
        return f"<{self.version.label}: {self.version.output} from {count} features>"


def _plain(column: pl.Series) -> list[Value]:
    """The values as models take them: instants and lengths of time in whole microseconds."""
    match column.dtype:
        case pl.Date() | pl.Datetime():
            return plain_values(column.cast(pl.Datetime("us")))
        case pl.Duration():
            return plain_values(column.cast(pl.Duration("us")))
        case _:
            return plain_values(column)


def load_model(
    version: ModelVersion, *, objects: ObjectReader, scorers: ScorerLoader
) -> LoadedModel:
    """The version, ready to score; every part is checked against its digest.

    Raises: ArtifactChanged REG-002 when bytes were changed, ObjectMissing ENG-002 when they are
        gone, InvalidModel ENG-202 when they are no model.
    """
    served = open_version(version, objects=objects, scorers=scorers)
    return LoadedModel(version, read_artifact(objects, version).payload, served)
