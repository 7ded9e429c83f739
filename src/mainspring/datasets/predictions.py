"""What a model answered on rows whose labels are known: the evidence that gates judge and the
baseline that monitors compare with.
"""

import io
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["Predictions", "parse_predictions", "render_predictions"]


@dataclass(frozen=True)
class Predictions:
    """One row per judged row: `_id` text, `_prediction_time` int64 microseconds, `_label` float64,
    `_score` float64, and the request columns to slice by.
    """

    frame: pl.DataFrame

    @property
    def labels(self) -> NDArray[np.float64]:
        """What turned out to be true, (rows,) float64; a boolean is 0 or 1."""
        return self.frame["_label"].to_numpy()

    @property
    def scores(self) -> NDArray[np.float64]:
        """What the model said, (rows,) float64."""
        return self.frame["_score"].to_numpy()


def render_predictions(predictions: Predictions) -> bytes:
    """The rows as uncompressed Arrow IPC: equal rows give equal bytes."""
    buffer = io.BytesIO()
    predictions.frame.rechunk().write_ipc(buffer, compression="uncompressed")
    return buffer.getvalue()


def parse_predictions(payload: bytes) -> Predictions:
    """The rows that `render_predictions` wrote."""
    return Predictions(pl.read_ipc(io.BytesIO(payload)))
