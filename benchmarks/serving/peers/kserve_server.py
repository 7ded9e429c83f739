"""KServe's own server, by the Open Inference Protocol.  Usage: kserve_server.py PORT"""

import sys
from uuid import uuid4

from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from scoring import Scoring


class ScoringModel(Model):
    """The model."""

    def load(self) -> bool:
        """Open it."""
        self._scoring, self.ready = Scoring(), True
        return self.ready

    async def predict(
        self,
        payload: InferRequest,
        headers: object = None,  # noqa: ARG002
    ) -> InferResponse:
        """A score for each row."""
        scores = self._scoring.scores(payload.inputs[0].as_numpy()).reshape(-1, 1)
        output = InferOutput("scores", list(scores.shape), "FP64")
        output.set_data_from_numpy(scores, binary_data=False)
        # It refuses its own answer where that has no id.
        return InferResponse(payload.id or uuid4().hex, self.name, [output])


if __name__ == "__main__":
    model = ScoringModel("scoring")
    model.load()
    ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1).start([model])
