"""The model that everybody serves, the rows that everybody is asked for, and the right answers."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from mainspring.engines.lightgbm.export import export_booster

__all__ = ["FEATURES", "ROWS", "ServedModel", "make_model", "open_session"]

FEATURES, TREES, LEAVES = 30, 200, 31
ROWS = 512
"""How many rows differ: a model that is asked for one row again and again answers from a warm
cache.
"""
_TRAINED_ON = 20_000


@dataclass(frozen=True)
class ServedModel:
    """A model in a file.

    Args:
        rows: (ROWS, FEATURES) doubles that the model was not trained on.
    """

    path: Path
    rows: NDArray[np.float64]

    @cached_property
    def session(self) -> onnxruntime.InferenceSession:
        """The bare model, on one core."""
        return open_session(self.path)

    def scores_of(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the bare model says of some rows."""
        [scores] = self.session.run(None, {self.session.get_inputs()[0].name: rows})
        return np.asarray(scores, dtype=np.float64).ravel()


def make_model(folder: Path) -> ServedModel:
    """Fit LightGBM on drawn data, and write it as ONNX."""
    random = np.random.default_rng(0)
    drawn = random.standard_normal((_TRAINED_ON, FEATURES))
    margin = drawn[:, :10].sum(axis=1) + drawn[:, 10] * drawn[:, 11]
    label = random.random(_TRAINED_ON) < 1 / (1 + np.exp(-margin))
    fitted = lgb.LGBMClassifier(
        n_estimators=TREES, num_leaves=LEAVES, n_jobs=1, verbosity=-1, seed=0
    ).fit(drawn, label)
    path = folder / "model.onnx"
    path.write_bytes(export_booster(fitted))
    return ServedModel(path, random.standard_normal((ROWS, FEATURES)))


def open_session(path: Path) -> Any:
    """ONNX Runtime as every server here uses it: one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
