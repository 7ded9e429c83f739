"""The model as each peer calls it: ONNX Runtime with one thread.  Runs under the peer's own Python,
which has nothing of ours.
"""

import os

import numpy as np
import onnxruntime

__all__ = ["Scoring"]


class Scoring:
    """The model of the file that `BENCHMARK_MODEL` names."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            os.environ["BENCHMARK_MODEL"], options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def scores(self, rows: object) -> np.ndarray:
        """A score for each row."""
        matrix = np.asarray(rows, dtype=np.float64)
        [found] = self._session.run(None, {self._input: matrix})
        return found.ravel()
