"""A runtime of MLServer for an ONNX file; it brings none of its own."""

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from scoring import Scoring


class OnnxRuntime(MLModel):
    """The model."""

    async def load(self) -> bool:
        """Open it."""
        self._scoring = Scoring()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """A score for each row."""
        rows = NumpyCodec.decode_input(payload.inputs[0])
        scores = self._scoring.scores(rows).reshape(-1, 1)
        return InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output("scores", scores)]
        )
