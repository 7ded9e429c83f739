"""BentoML, with its adaptive batching."""

import bentoml
import numpy as np
from scoring import Scoring


@bentoml.service(name="scoring", workers=1, traffic={"timeout": 60})
class ScoringService:
    """The model."""

    def __init__(self) -> None:
        self._scoring = Scoring()

    @bentoml.api(batchable=True, max_batch_size=1024, max_latency_ms=1000)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        """A score for each row."""
        return self._scoring.scores(rows)
