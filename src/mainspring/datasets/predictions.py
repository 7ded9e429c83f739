"""What a model answered on rows whose labels are known: the evidence that gates judge and the
baseline that monitors compare with.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.datasets.classes import places_of

__all__ = ["Predictions", "class_scores", "parse_predictions", "render_predictions"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """One row per judged row: `_id` text, `_prediction_time` int64 microseconds, `_label` float64,
    `_score` float64, and the request columns to slice by.  Of several classes `_label` is the text
    of one, and `_score` a structure with the probability of each.
    """

    frame: pl.DataFrame

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, sorted; empty for a model of one score."""
        dtype = self.frame.schema["_score"]
        return tuple(field.name for field in dtype.fields) if isinstance(dtype, pl.Struct) else ()

    @property
    def labels(self) -> Floats:
        """What turned out to be true, (rows,) float64; a boolean is 0 or 1, a class its place, and
        one that the model does not know is -1.
        """
        return self.labels_among(self.classes)

    @property
    def scores(self) -> Floats:
        """What the model said, float64: (rows,), or (rows, classes)."""
        return self.scores_among(self.classes)

    def labels_among(self, classes: Sequence[str]) -> Floats:
        """The labels as places among these classes."""
        labels = self.frame["_label"]
        if not classes:
            return labels.to_numpy()
        return places_of(labels, classes).astype(np.float64)

    def scores_among(self, classes: Sequence[str]) -> Floats:
        """The probabilities of these classes; one that the model does not know has none."""
        scores, known = self.frame["_score"], set(self.classes)
        if not classes:
            return scores.to_numpy()
        nothing = np.zeros(len(scores))
        columns = [scores.struct.field(n).to_numpy() if n in known else nothing for n in classes]
        return np.ascontiguousarray(np.stack(columns, axis=1))


def class_scores(scores: Floats, classes: Sequence[str]) -> pl.Series:
    """Scores as a column `_score`.

    Shapes: (rows,) for a model of one score, whose classes are empty; else (rows, classes).
    """
    if not classes:
        return pl.Series("_score", scores)
    fields = [pl.Series(name, scores[:, place]) for place, name in enumerate(classes)]
    return pl.DataFrame(fields).to_struct("_score")


def render_predictions(predictions: Predictions) -> bytes:
    """The rows as uncompressed Arrow IPC: equal rows give equal bytes."""
    buffer = io.BytesIO()
    predictions.frame.rechunk().write_ipc(buffer, compression="uncompressed")
    return buffer.getvalue()


def parse_predictions(payload: bytes) -> Predictions:
    """The rows that `render_predictions` wrote."""
    return Predictions(pl.read_ipc(io.BytesIO(payload)))
