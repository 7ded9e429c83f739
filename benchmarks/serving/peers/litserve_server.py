"""LitServe, with its batching.  Usage: litserve_server.py PORT"""

import sys

import litserve
import numpy as np
from scoring import Scoring


class ScoringApi(litserve.LitAPI):
    """The model; a batch is a list of what `decode_request` made."""

    def setup(self, device: str) -> None:  # noqa: ARG002
        """Open it."""
        self._scoring = Scoring()

    def decode_request(self, request: dict[str, object]) -> np.ndarray:
        """The rows of one request."""
        return np.asarray(request["rows"], dtype=np.float64)

    def batch(self, inputs: list[np.ndarray]) -> list[np.ndarray]:
        """Requests may ask for different numbers of rows."""
        return inputs

    def predict(self, batch: list[np.ndarray]) -> list[np.ndarray]:
        """Scores of all rows in one call, shared out again."""
        scores = self._scoring.scores(np.concatenate(batch))
        return np.split(scores, np.cumsum([len(rows) for rows in batch])[:-1])

    def unbatch(self, output: list[np.ndarray]) -> list[np.ndarray]:
        """They are apart."""
        return output

    def encode_response(self, output: np.ndarray) -> dict[str, object]:
        """The answer."""
        return {"scores": output.tolist()}


if __name__ == "__main__":
    api = ScoringApi(max_batch_size=64, batch_timeout=0.001)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning"
    )
